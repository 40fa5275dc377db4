/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * supervise - makes sure that nothing of a container runs any more, whatever state a crash left it
 * in.
 */

#include <glib.h>
#include <stdbool.h>

#include "config/config.h"
#include "runtime/monitor.h"
#include "runtime/runtime.h"

typedef struct Supervised {
        const Runtime *runtime;
        const char *id;
        const char *bundle;
        ProcessIdentity init; /* pid 0: not on record; found by its pid file or its arguments */
        ProcessIdentity monitor;
} Supervised;

/* Kill the init process and whatever was about to make it, let the runtime forget it, wait for the
 * monitor. Has its own deadline, and may be called again. */
bool supervised_end(const Supervised *supervised, GError **error);

/* What a monitor leaves outside of the run directory: the exit file, and the short name of its
 * attach socket when it was killed. */
void supervised_drop_files(const Config *config, const char *id);
