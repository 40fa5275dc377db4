/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Exits - tells when monitors end.
 *
 * A monitor ends right after it wrote the exit file, so its pidfd is the one event that cannot get
 * lost, also across a restart of the daemon.
 *
 * Owner    The daemon. Threads: exits_watch() from any; callbacks run on a thread of its own and
 * may take record and leaf locks, not op locks.
 */

#include <glib.h>

#include "runtime/monitor.h"

typedef struct Exits Exits;

typedef void (*ExitFunc)(void *object);

Exits *exits_new(GError **error);
void exits_free(Exits *exits);

/* Call @func(@object) once @process has ended, then @release(@object). If it is gone already, that
 * happens before this returns. */
void exits_watch(Exits *exits, const ProcessIdentity *process, ExitFunc func, void *object,
        GDestroyNotify release);
