/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Stdio - the container's standard streams: pipes or a terminal on our side of them.
 *
 * Owner    Embedded in the Monitor.
 * Threads  One.
 * Disk     $TMPDIR/conmon-term.XXXXXX until the runtime handed the terminal over.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Monitor Monitor;

typedef struct Stream {
        int fd;                         /* we read; -1 when there is none, or it ended */
        bool watched;                   /* the loop waits for it */
        bool hung_up;                   /* a terminal that nobody has open right now */
} Stream;

typedef struct Stdio {
        Stream streams[2];              /* by LogStream */
        int stdin_fd;                   /* we write, non-blocking; -1 when there is none */
        size_t input_start, input_end;  /* what waits in Monitor.input */
        bool paused;                    /* Monitor.block is not yet with all clients */
        bool gathering;                 /* small output gets a moment to come together */
        unsigned small_reads;           /* in a row, each soon after the last */
        int64_t last_read;              /* ms, as monitor_now() */
        int timer_fd;

        int child_fds[3];               /* for the runtime; closed once it runs */
        int console_fd;                 /* listens for the terminal */
        const char *console_path;
} Stdio;

void stdio_init(Stdio *stdio);
void stdio_open(Monitor *monitor);
void stdio_close_child_ends(Monitor *monitor);
bool stdio_take_terminal(Monitor *monitor);
size_t stdio_read_errors(Monitor *monitor, char *buffer, size_t size);
void stdio_start(Monitor *monitor);

/* output */

void stdio_on_output(Monitor *monitor, unsigned index, uint32_t events);
void stdio_on_gathered(Monitor *monitor, unsigned index, uint32_t events);
void stdio_pause(Monitor *monitor);
void stdio_resume(Monitor *monitor);
void stdio_drain(Monitor *monitor);
void stdio_close_output(Monitor *monitor);

/* input */

bool stdio_is_input_busy(const Monitor *monitor);
void stdio_feed(Monitor *monitor, size_t length);
void stdio_end_input(Monitor *monitor);
void stdio_on_stdin(Monitor *monitor, unsigned index, uint32_t events);
