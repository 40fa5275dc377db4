/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Process - a child process; the only place of the project that starts one.
 *
 * Owner    Whoever spawned it. process_free() kills and reaps a child that is still running.
 * Threads  Any, one at a time. Never spawn from a thread that entered another namespace.
 */

#include <gio/gio.h>
#include <glib.h>
#include <stdbool.h>

typedef struct Process Process;

typedef struct ProcessOptions {
        const char *const *argv; /* argv[0] is a path; there is no search in PATH */
        const char *const *envp; /* NULL: ours */
        const char *cwd;         /* NULL: ours */
        const int *fds;          /* descriptor i of the child; -1: /dev/null; others are closed */
        unsigned n_fds;          /* stdin, stdout and stderr are /dev/null where not given */
        bool new_session;        /* setsid() */
        bool new_group;          /* process group of its own */
} ProcessOptions;

Process *process_spawn(const ProcessOptions *options, GError **error);
int process_get_pid(const Process *process);
int process_get_pidfd(const Process *process); /* borrowed; readable once the child has ended */

/* Wait for the end and reap. @deadline_usec monotonic, 0 = none; @cancel_fd readable gives up, -1 =
 * none.
 * @ret_status as waitpid() gives it. Giving up leaves the child running. */
bool process_wait(
        Process *process, gint64 deadline_usec, int cancel_fd, int *ret_status, GError **error);
void process_kill(Process *process, int signal);
void process_free(Process *process);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Process, process_free)

typedef struct ProcessOutput {
        int status; /* as waitpid() gives it */
        char *out;  /* NUL-terminated, never NULL on success */
        size_t out_length;
        char *err; /* the first 64 KiB */
} ProcessOutput;

void process_output_clear(ProcessOutput *output);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ProcessOutput, process_output_clear)

/* Run to the end: feed @input to stdin, collect stdout (more than @limit bytes is an error) and
 * stderr. When the deadline passes the process group is killed and reaped and the error is
 * DEADLINE_EXCEEDED. A non-zero exit is not an error here. options->fds is not used. */
bool process_run(const ProcessOptions *options, const char *input, size_t limit,
        gint64 deadline_usec, ProcessOutput *ret_output, GError **error);

/* "exit status 3" or "signal 9"; free with g_free(). */
char *process_status_print(int status);
