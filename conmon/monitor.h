/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Monitor - everything one conmon knows, and the loop that waits for all of it.
 *
 * Owner    main(); every other function borrows it.
 * Threads  One.
 * Disk     See the parts.
 *
 * It is one anonymous mapping made at the start. Pages of it that are never used cost nothing, and
 * nothing is allocated later: the monitor must live when the node has no memory left.
 */

#include <signal.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>

#include "conmon/attach.h"
#include "conmon/child.h"
#include "conmon/control.h"
#include "conmon/log-journal.h"
#include "conmon/log-k8s.h"
#include "conmon/notify.h"
#include "conmon/oom.h"
#include "conmon/options.h"
#include "conmon/stdio.h"
#include "conmon/text.h"

#define BLOCK_SIZE (64 * 1024)          /* most that is read from the container at once */
#define OUTPUT_SIZE (128 * 1024)        /* log records of about one such block */
#define INPUT_SIZE (32 * 1024)          /* most that is read from an attach client at once */
#define PAGE 4096

typedef enum Event {
        EVENT_SIGNAL,
        EVENT_RUNTIME,
        EVENT_CONTAINER,
        EVENT_STDIN,
        EVENT_OUTPUT,                   /* index: LogStream */
        EVENT_GATHERED,                 /* small output came together */
        EVENT_ATTACH,
        EVENT_CLIENT,                   /* index: of the client */
        EVENT_CONTROL,
        EVENT_WINSZ,
        EVENT_OOM,
        EVENT_NOTIFY,
} Event;

typedef enum Deadline {
        DEADLINE_TIMEOUT,               /* --timeout */
        DEADLINE_KILLED,                /* how long we wait for what we killed */
        DEADLINE_CLIENT,                /* patience with a client that does not read */
        DEADLINE_TRIM,                  /* give buffers back when all is quiet */
        DEADLINE_COUNT,
} Deadline;

typedef struct Monitor {
        Options options;
        Arena arena;

        int epoll_fd, signal_fd;
        sigset_t inherited_signals;
        int64_t deadlines[DEADLINE_COUNT];      /* ms of CLOCK_MONOTONIC, 0 when not set */
        unsigned deadlines_set;
        bool quit;

        int sync_fd, start_fd, attach_pipe_fd;
        bool answered;                  /* the caller got its first answer */
        bool exit_command_armed;
        char oom_score[16];             /* what it was before us */

        Child child;
        Stdio stdio;
        Attach attach;
        Control control;
        Oom oom;
        Notify notify;
        LogK8s logs[LOG_FILES];
        LogJournal journal;

        alignas(PAGE) char block[BLOCK_SIZE];   /* output of the container, until all have it */
        alignas(PAGE) char output[OUTPUT_SIZE]; /* scratch: log records, answers */
        alignas(PAGE) char input[INPUT_SIZE];   /* input that the container has not taken yet */
} Monitor;

Monitor *monitor_new(int argc, char **argv);
void monitor_prepare_loop(Monitor *monitor);

/* waiting */

void monitor_watch(Monitor *monitor, int fd, uint32_t events, Event event, unsigned index);
void monitor_rewatch(Monitor *monitor, int fd, uint32_t events, Event event, unsigned index);
void monitor_unwatch(Monitor *monitor, int fd);

int64_t monitor_now(void);
void monitor_set_deadline(Monitor *monitor, Deadline deadline, int64_t when);

void monitor_run(Monitor *monitor);
