/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Options - the command line, parsed and checked.
 *
 * Owner    Embedded in the Monitor; strings point into argv or into the arena.
 * Threads  One. Nothing changes after options_parse().
 * Disk     None.
 */

#include <stdbool.h>
#include <stdint.h>

#include "conmon/message.h"
#include "conmon/text.h"

#define LOG_FILES 4                     /* how many -l k8s-file:PATH */

typedef struct List {
        const char **items;
        int count;
} List;

typedef struct Options {
        bool help, version;
        bool api_version, exec, exec_attach, full_attach, leave_stdin_open, log_rotate;
        bool no_new_keyring, no_partial_message, no_pivot, no_sync_log, replace_listen_pid;
        bool stdin_pipe, sync, syslog, systemd_cgroup, terminal;

        const char *bundle, *cid, *conmon_pidfile, *container_pidfile, *cuuid;
        const char *exec_process_spec, *exit_command, *exit_dir, *log_level, *log_tag, *name;
        const char *persist_dir, *restore, *runtime, *sdnotify_socket, *socket_dir;

        int64_t exit_delay, log_global_size_max, log_max_files, log_size_max, timeout;

        List exit_command_args, log_allowlist_dirs, log_labels, log_paths, restore_args;
        List runtime_args, runtime_opts;

        /* what follows from the above */
        MessageLevel level;
        const char *log_files[LOG_FILES];
        int log_file_count;
        bool journald;
        bool passthrough;               /* the container gets our own stdio */
} Options;

/* options_parse() - returns a reason to exit with status 1, or NULL; allocates from @arena */
const char *options_parse(Options *options, Arena *arena, int argc, char **argv);
void options_print_help(void);
void options_print_version(void);
