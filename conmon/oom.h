/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Oom - whether the kernel killed something of the container for want of memory.
 *
 * Owner    Embedded in the Monitor.
 * Threads  One.
 * Disk     <persist-dir>/oom and <bundle>/oom, empty: it happened.
 *
 * The truth is a counter of the container's cgroup. It is held open from the start and read again
 * when the container is gone; events only make the files appear earlier.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct Monitor Monitor;

typedef struct Oom {
        int fd;                         /* memory.events, or memory.oom_control of version 1 */
        int64_t kills;                  /* the counter when last read */
        bool watched;
} Oom;

/* oom_count() - the number behind the word oom_kill at the start of a line, 0 without one */
int64_t oom_count(const char *text);

void oom_open(Monitor *monitor, pid_t pid);
void oom_check(Monitor *monitor);
void oom_on_event(Monitor *monitor, unsigned index, uint32_t events);
