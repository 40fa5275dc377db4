/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Lifecycle - what an object holds of the host, as a list of stages walked forwards and backwards.
 *
 * Create, fail half-way, stop, remove and recover after a crash all walk the same table. A stage
 * goes on record before its deed, so a daemon that dies inside it knows what to release.
 *
 * Owner    The object it is part of. Threads: the one that holds the object's op lock.
 */

#include <glib.h>
#include <stdbool.h>

typedef struct Stage {
        const char *name;
        bool (*up)(void *object, GError **error);
        bool (*down)(void *object, GError **error); /* may be called in any condition, and again */
} Stage;

typedef struct Lifecycle {
        const char *kind; /* "sandbox", "container" */
        const Stage *stages;
        unsigned count;
        unsigned held; /* leading stages that may hold something */
        void *object;
        bool (*save)(void *object, GError **error);   /* write the state file, held included */
        void (*note)(void *object, const char *step); /* told which stage is in work; may be NULL */
} Lifecycle;

bool lifecycle_bring_up(Lifecycle *life, GError **error);
bool lifecycle_tear_down(Lifecycle *life, unsigned keep, GError **error);
