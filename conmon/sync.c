/* SPDX-License-Identifier: Apache-2.0 */
#include "conmon/sync.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "conmon/file.h"
#include "conmon/monitor.h"
#include "conmon/text.h"

/* sync_from_environment() - the descriptor a variable names; -1 when it is not set */
static int sync_from_environment(Monitor *monitor, const char *variable) {
        const char *value = getenv(variable);
        int64_t fd;

        if (!value)
                return -1;
        if (!number_parse(value, &fd) || fd <= STDERR_FILENO || fd > INT_MAX)
                die(monitor, variable, " is not the number of a descriptor: ", value);
        if (!fd_set_cloexec((int) fd))
                die(monitor, variable, " names a descriptor that is not open: ", value);
        return (int) fd;
}

void sync_open(Monitor *monitor) {
        monitor->sync_fd = sync_from_environment(monitor, "_OCI_SYNCPIPE");
        monitor->start_fd = sync_from_environment(monitor, "_OCI_STARTPIPE");
        if (!monitor->options.exec_attach)
                return;
        monitor->attach_pipe_fd = sync_from_environment(monitor, "_OCI_ATTACHPIPE");
        if (monitor->attach_pipe_fd < 0)
                die(monitor, "--exec-attach needs the variable _OCI_ATTACHPIPE");
}

/**
 * sync_wait_start() - stand still until the caller writes something, or goes away
 *
 * Nothing of the container exists yet, so a signal to end simply ends us.
 */
void sync_wait_start(Monitor *monitor) {
        struct pollfd fds[2] = {
                { .fd = monitor->start_fd, .events = POLLIN },
                { .fd = monitor->signal_fd, .events = POLLIN },
        };
        struct signalfd_siginfo signal;
        char byte[64];

        if (monitor->start_fd < 0)
                return;
        for (;;) {
                if (poll(fds, 2, -1) < 0 && errno != EINTR)
                        die(monitor, "cannot wait for the start pipe: ", strerror(errno));
                if (fds[1].revents && read(monitor->signal_fd, &signal, sizeof(signal)) > 0) {
                        if (signal.ssi_signo != SIGCHLD && signal.ssi_signo != SIGUSR1)
                                die(monitor, "ended by a signal before the container was made");
                }
                if (!fds[0].revents)
                        continue;
                if (read(monitor->start_fd, byte, sizeof(byte)) >= 0)
                        return;
                if (errno != EINTR && errno != EAGAIN)
                        die(monitor, "cannot read the start pipe: ", strerror(errno));
        }
}

/**
 * sync_send() - one JSON object on one line
 * @fd:         closed and forgotten when nobody listens any more; nothing happens below 0
 * @number:     a pid or an exit status; -1 is a failure
 * @message:    @length bytes of why, or NULL
 */
void sync_send(Monitor *monitor, int *fd, int number, const char *message, size_t length) {
        const Options *options = &monitor->options;
        const char *key = options->api_version > 0 ? "data" : options->exec ? "exit_code" : "pid";
        /* a message of 8191 bytes fits even if each of them needs six */
        Text text = text_over(monitor->output, sizeof(monitor->output));

        if (*fd < 0)
                return;
        text_add(&text, "{\"");
        text_add(&text, key);
        text_add(&text, "\": ");
        text_add_number(&text, number);
        if (message) {
                text_add(&text, ", \"message\": \"");
                text_add_json(&text, message, length);
                text_add(&text, "\"");
        }
        text_add(&text, "}\n");

        if (fd == &monitor->sync_fd)
                monitor->answered = true;
        if (fd_write_all(*fd, text.data, text.length))
                return;
        if (errno != EPIPE)
                warn(monitor, "cannot answer the caller: ", strerror(errno));
        fd_close(fd);
}
