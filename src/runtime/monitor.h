/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * monitor - starts conmon, which starts the OCI runtime and stays with the container.
 *
 * The contract is that of upstream's conmon, either program works. Threads: any, blocking with
 * deadlines.
 */

#include <glib.h>
#include <stdbool.h>

#include "config/config.h"
#include "runtime/runtime.h"

typedef struct MonitorRequest {
        const Config *config;
        const Runtime *runtime;
        const char *id;
        const char *name;
        const char *bundle; /* has config.json; pidfile, conmon-pidfile, attach, ctl appear here */
        const char *persist_dir; /* exit and oom files; the bundle is fine */
        const char *log_path;    /* NULL: no log */
        const char
                *cgroup_path; /* where the monitor itself is put, made if missing; NULL: stays with
                               * the daemon. The caller removes it once the monitor is gone. */
        bool terminal;
        bool stdin_open;
        bool stdin_once;
} MonitorRequest;

/* Who runs: a pid is only trusted together with its start time (field 22 of /proc/PID/stat). */
typedef struct ProcessIdentity {
        pid_t pid;
        guint64 start_time;
} ProcessIdentity;

typedef struct MonitorResult {
        ProcessIdentity init;
        ProcessIdentity monitor;
} MonitorResult;

/* conmon + runtime create. On failure the message is what the runtime wrote; nothing of ours keeps
 * running, but the caller still owes runtime_delete(). Deadline: the handler's
 * container_create_timeout. */
bool monitor_create(const MonitorRequest *request, MonitorResult *ret_result, GError **error);

/* A pidfd of that very process, -1 when it is gone (no error). */
int process_identity_open(const ProcessIdentity *identity);
bool process_identity_read(pid_t pid, ProcessIdentity *ret_identity);

/* "2 0 0" on the ctl fifo, then wait until the log file is there again. @deadline_usec monotonic, 0
 * = none. */
bool monitor_reopen_log(
        const char *bundle, const char *log_path, gint64 deadline_usec, GError **error);

/* What a conmon says of itself, "2.1.6"; NULL with @error when it cannot be run. Free with
 * g_free(). */
char *monitor_read_version(const char *path, GError **error);

typedef struct MonitorExec {
        const Config *config;
        const Runtime *runtime;
        const char *id;
        const char
                *bundle; /* of the running container: its config.json gives the process defaults */
        const char *const *command;
        gint64 timeout_sec; /* 0: none */
        int cancel_fd;      /* readable: kill it and give up; -1: never */
} MonitorExec;

typedef struct MonitorExecResult {
        GByteArray *out; /* together at most 16 MiB; the rest is read and dropped */
        GByteArray *err;
        int exit_code; /* -1 with "command timed out" in err, as CRI-O answers */
} MonitorExecResult;

void monitor_exec_result_clear(MonitorExecResult *result);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(MonitorExecResult, monitor_exec_result_clear)

/* Run a command in the container and wait; stdin is /dev/null, and there never is a terminal, even
 * where the container has one. What a command leaves running behind it keeps running, and its later
 * output is lost. A command that timed out is killed with its process group and all its
 * descendants, and is reaped before the answer; a descendant that had already made itself a child
 * of the container's first process is out of reach. */
bool monitor_exec_sync(const MonitorExec *exec, MonitorExecResult *ret_result, GError **error);
