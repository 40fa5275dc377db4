/* SPDX-License-Identifier: Apache-2.0 */

/* conmon: starts a container through an OCI runtime, keeps its streams, and tells how it ended. */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "conmon/exit.h"
#include "conmon/file.h"
#include "conmon/log-rotate.h"
#include "conmon/monitor.h"
#include "conmon/sync.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

/* open_standard_fds() - a log that got number 1 by accident would become the container's stdout */
static void open_standard_fds(void) {
        for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
                if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) < 0)
                        _exit(EXIT_FAILURE);
}

static void open_logs(Monitor *monitor) {
        const Options *options = &monitor->options;

        if (options->no_partial_message && !options->journald)
                warn(monitor, "--no-container-partial-message is for the journal only");
        tzset();
        for (int i = 0; i < options->log_file_count; i++) {
                const char *path = options->log_files[i];

                if (options->log_rotate && !log_rotate_is_allowed(options, path))
                        die(monitor, "rotating this log would not be safe: ", path);
                if (!log_k8s_open(&monitor->logs[i], &monitor->arena, options, path))
                        die(monitor, "cannot open the log ", path, ": ", strerror(errno));
                log_k8s_set_buffer(&monitor->logs[i], monitor->output, sizeof(monitor->output));
        }
        if (options->journald && !log_journal_open(&monitor->journal, &monitor->arena, options,
                        JOURNAL_SOCKET))
                die(monitor, "cannot reach the journal: ", strerror(errno));
}

/* become_daemon() - the caller waits for the parent, which leaves only a pid */
static void become_daemon(Monitor *monitor) {
        char buffer[16];
        Text text = text_over(buffer, sizeof(buffer));
        pid_t pid;

        if (monitor->options.sync)
                return;
        pid = fork();
        if (pid < 0)
                die(monitor, "cannot fork: ", strerror(errno));
        if (pid == 0)
                return;
        text_add_number(&text, pid);
        if (!monitor->options.conmon_pidfile ||
            file_publish(monitor->options.conmon_pidfile, text.data))
                _exit(EXIT_SUCCESS);
        /* the caller will take it that there is no monitor, so there must be none */
        pidfd_kill(pidfd_of(pid), SIGKILL);
        die(monitor, "cannot write ", monitor->options.conmon_pidfile, ": ", strerror(errno));
}

static void detach_from_caller(Monitor *monitor) {
        int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

        if (fd < 0)
                die(monitor, "cannot open /dev/null: ", strerror(errno));
        for (int i = 0; i < 3 && !monitor->options.passthrough; i++)
                if (dup2(fd, i) < 0)
                        die(monitor, "cannot detach from the caller: ", strerror(errno));
        close(fd);
        setsid();                       /* fails for a leader of a group, which is as good */
        if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
                warn(monitor, "cannot adopt orphans: ", strerror(errno));
}

static void open_sockets(Monitor *monitor) {
        if (!monitor->options.bundle || monitor->options.passthrough)
                return;
        attach_open(monitor);
        control_open(monitor);
        notify_open(monitor);
        if (!monitor->options.exec_attach)
                return;
        sync_send(monitor, &monitor->attach_pipe_fd, 0, NULL, 0);
        sync_wait_start(monitor);
}

static void start(Monitor *monitor, int argc, char **argv) {
        const char *error = options_parse(&monitor->options, &monitor->arena, argc, argv);

        if (monitor->options.version || monitor->options.help) {
                (monitor->options.version ? options_print_version : options_print_help)();
                exit_leave(monitor, EXIT_SUCCESS);
        }
        if (error)
                die(monitor, error);
        open_logs(monitor);
        exit_lower_oom_score(monitor);
        monitor_prepare_loop(monitor);
        sync_open(monitor);
        sync_wait_start(monitor);
        become_daemon(monitor);
}

int main(int argc, char **argv) {
        Monitor *monitor = monitor_new(argc, argv);

        open_standard_fds();
        start(monitor, argc, argv);
        detach_from_caller(monitor);
        stdio_open(monitor);
        open_sockets(monitor);
        fd_close(&monitor->start_fd);
        child_spawn_runtime(monitor);
        monitor->exit_command_armed = monitor->options.exit_command != NULL;

        monitor_watch(monitor, monitor->signal_fd, EPOLLIN, EVENT_SIGNAL, 0);
        monitor_run(monitor);
        exit_finish(monitor);
}
