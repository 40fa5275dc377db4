/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * ExecSession - one command inside a running container, run through the OCI runtime.
 *
 * Owner    Whoever started it; freeing kills what still runs. Threads: one at a time.
 * Disk     <bundle>/exec-<random>.{json,pid}, gone when the session is freed.
 *
 * Our child is the runtime in the foreground or a monitor above it; it ends with the command's
 * status, after it has reaped the command. Should the daemon die, the command loses its pipes and
 * lives or ends by itself.
 */

#include <glib.h>
#include <stdbool.h>

#include "base/process.h"
#include "runtime/monitor.h"

typedef struct ExecSession ExecSession;

/* Start exec->command with @fds as stdin, stdout and stderr (-1: /dev/null; borrowed). With
 * @terminal they are the slave side of a terminal of the caller's, which the runtime relays to one
 * of the container's own. */
ExecSession *exec_session_start(
        const MonitorExec *exec, bool terminal, const int fds[3], GError **error);

/* Our child, for waiting; borrowed. Its exit status is the command's. */
Process *exec_session_get_process(const ExecSession *session);

/* Whether the command itself came to life: false when only the runtime spoke. */
bool exec_session_has_begun(const ExecSession *session);

/* SIGKILL the command, its process group and its descendants; then reap. Never fails, waits some
 * seconds at most. */
void exec_session_kill(ExecSession *session);

void exec_session_free(ExecSession *session);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExecSession, exec_session_free)
