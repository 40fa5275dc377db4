/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Child - the OCI runtime that we start, and the container's process that it leaves to us.
 *
 * Owner    Embedded in the Monitor.
 * Threads  One.
 * Disk     --container-pidfile, which the runtime writes and we read.
 *
 * A process is signalled through its pidfd only, which can never mean a stranger.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct Monitor Monitor;

typedef struct Child {
        pid_t runtime_pid;              /* 0 before the start */
        int runtime_pidfd;              /* -1 when it ended */
        pid_t container_pid;            /* 0 while unknown */
        int container_pidfd;
        bool container_ended;           /* reaped, so its pid may belong to a stranger now */
        bool timed_out;
        int exit_status;                /* 0..255; -1 unknown */
} Child;

int pidfd_of(pid_t pid);
void pidfd_kill(int pidfd, int signal);

void child_init(Child *child);
void child_spawn_runtime(Monitor *monitor);

void child_on_signal(Monitor *monitor, unsigned index, uint32_t events);
void child_on_runtime(Monitor *monitor, unsigned index, uint32_t events);
void child_on_container(Monitor *monitor, unsigned index, uint32_t events);
void child_on_timeout(Monitor *monitor);
void child_on_killed_timeout(Monitor *monitor);
