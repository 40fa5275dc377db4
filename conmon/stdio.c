/* SPDX-License-Identifier: Apache-2.0 */
#include "conmon/stdio.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "conmon/console.h"
#include "conmon/file.h"
#include "conmon/monitor.h"

#define PIPE_SIZE (256 * 1024)
#define TERMINAL_DRAIN (1024 * 1024)    /* more than a terminal can hold */
#define TRIM_ABOVE 8192                 /* a larger read leaves pages to give back */
#define TRIM_AFTER 1000                 /* ms */

/*
 * A container that writes line by line could wake us for each line. After some small reads in a
 * row, reading rests for a moment: too short to be seen in a log, and too short to fill the pipe.
 */
#define GATHER_BELOW 4096               /* bytes of a small read */
#define GATHER_READS 8
#define GATHER_AGAIN 2                  /* reads until the next rest, once it began */
#define GATHER_TIME 250000              /* ns */

void stdio_init(Stdio *stdio) {
        *stdio = (Stdio) {
                .streams = { { .fd = -1 }, { .fd = -1 } },
                .stdin_fd = -1,
                .child_fds = { -1, -1, -1 },
                .console_fd = -1,
                .timer_fd = -1,
        };
}

/* stdio_pipe() - @child is the number the child will know it by */
static int stdio_pipe(Monitor *monitor, int child) {
        bool is_input = child == STDIN_FILENO;
        int ends[2], ours;

        if (pipe2(ends, O_CLOEXEC) < 0)
                die(monitor, "cannot make a pipe: ", strerror(errno));
        ours = ends[is_input ? 1 : 0];
        fcntl(ours, F_SETFL, fcntl(ours, F_GETFL) | O_NONBLOCK);
        /* an ordinary user has a small budget for all his pipes together */
        if (!is_input && geteuid() == 0)
                fcntl(ours, F_SETPIPE_SZ, PIPE_SIZE);
        monitor->stdio.child_fds[child] = ends[is_input ? 0 : 1];
        /* the container's user may open /dev/stdout again */
        if (fchmod(monitor->stdio.child_fds[child], 0777) < 0)
                warn(monitor, "cannot change the mode of a pipe: ", strerror(errno));
        return ours;
}

/* stdio_open() - stderr is a pipe even with a terminal: it catches what the runtime complains of */
void stdio_open(Monitor *monitor) {
        Stdio *stdio = &monitor->stdio;

        if (monitor->options.terminal)
                console_open(monitor);
        if (monitor->options.passthrough)
                return;
        if (!monitor->options.terminal) {
                if (monitor->options.stdin_pipe)
                        stdio->stdin_fd = stdio_pipe(monitor, STDIN_FILENO);
                stdio->streams[LOG_STDOUT].fd = stdio_pipe(monitor, STDOUT_FILENO);
        }
        stdio->streams[LOG_STDERR].fd = stdio_pipe(monitor, STDERR_FILENO);
}

void stdio_close_child_ends(Monitor *monitor) {
        for (int i = 0; i < 3; i++)
                fd_close(&monitor->stdio.child_fds[i]);
}

/* stdio_take_terminal() - false when there should be one and is not */
bool stdio_take_terminal(Monitor *monitor) {
        Stdio *stdio = &monitor->stdio;

        if (!monitor->options.terminal)
                return true;
        stdio->streams[LOG_STDOUT].fd = console_receive(monitor);
        console_close(monitor);
        if (stdio->streams[LOG_STDOUT].fd < 0)
                return false;
        stdio->stdin_fd = fcntl(stdio->streams[LOG_STDOUT].fd, F_DUPFD_CLOEXEC, 3);
        return true;
}

/* stdio_read_errors() - what the runtime wrote to stderr, as far as it fits */
size_t stdio_read_errors(Monitor *monitor, char *buffer, size_t size) {
        int fd = monitor->stdio.streams[LOG_STDERR].fd;
        size_t length = 0;

        while (fd >= 0 && length < size) {
                ssize_t n = read(fd, buffer + length, size - length);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        break;
                length += (size_t) n;
        }
        return length;
}

/* streams_watch() - wait for output exactly when there is no reason not to */
static void streams_watch(Monitor *monitor) {
        Stdio *stdio = &monitor->stdio;
        bool wanted = !stdio->paused && !stdio->gathering;

        for (unsigned i = 0; i < 2; i++) {
                Stream *stream = &stdio->streams[i];

                if (stream->fd < 0 || stream->watched == wanted)
                        continue;
                stream->watched = wanted;
                stream->hung_up = false;
                if (wanted)
                        monitor_watch(monitor, stream->fd, EPOLLIN, EVENT_OUTPUT, i);
                else
                        monitor_unwatch(monitor, stream->fd);
        }
}

void stdio_start(Monitor *monitor) {
        monitor->stdio.timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
        if (monitor->stdio.timer_fd >= 0)
                monitor_watch(monitor, monitor->stdio.timer_fd, EPOLLIN, EVENT_GATHERED, 0);
        streams_watch(monitor);
}

void stdio_pause(Monitor *monitor) {
        monitor->stdio.paused = true;
        streams_watch(monitor);
}

void stdio_resume(Monitor *monitor) {
        if (!monitor->stdio.paused)
                return;
        monitor->stdio.paused = false;
        streams_watch(monitor);
}

void stdio_on_gathered(Monitor *monitor, unsigned index, uint32_t events) {
        uint64_t count;

        (void) !read(monitor->stdio.timer_fd, &count, sizeof(count));
        monitor->stdio.gathering = false;
        streams_watch(monitor);
}

/* stdio_gather() - see GATHER_TIME; @length bytes have just been read */
static void stdio_gather(Monitor *monitor, size_t length) {
        struct itimerspec rest = { .it_value.tv_nsec = GATHER_TIME };
        Stdio *stdio = &monitor->stdio;
        int64_t now = monitor_now();

        if (now - stdio->last_read > 1)
                stdio->small_reads = 0;
        stdio->last_read = now;
        stdio->small_reads += length < GATHER_BELOW;
        if (stdio->small_reads < GATHER_READS)
                return;
        if (timerfd_settime(stdio->timer_fd, 0, &rest, NULL) < 0)
                return;
        stdio->small_reads = GATHER_READS - GATHER_AGAIN;
        stdio->gathering = true;
        streams_watch(monitor);
}

static void stdio_log(Monitor *monitor, LogStream stream, size_t length) {
        const Options *options = &monitor->options;
        struct timespec now;

        clock_gettime(CLOCK_REALTIME, &now);
        for (int i = 0; i < options->log_file_count; i++) {
                LogK8s *log = &monitor->logs[i];
                int before = log->failure;

                log_k8s_write(log, stream, now, monitor->block, length);
                if (log->failure && log->failure != before)
                        warn(monitor, "cannot write ", log->path, ": ", strerror(log->failure));
        }
        if (options->journald)
                log_journal_write(&monitor->journal, stream, monitor->block, length);
}

static void stream_close(Monitor *monitor, Stream *stream) {
        if (stream->watched)
                monitor_unwatch(monitor, stream->fd);
        stream->watched = false;
        fd_close(&stream->fd);
}

/**
 * stream_set_hung_up() - nobody has the terminal open, or somebody has again
 *
 * The kernel reports a hang-up again and again; by the edge it tells only what is new.
 */
static void stream_set_hung_up(Monitor *monitor, LogStream index, bool hung_up) {
        Stream *stream = &monitor->stdio.streams[index];

        if (stream->hung_up == hung_up || !stream->watched)
                return;
        stream->hung_up = hung_up;
        monitor_rewatch(monitor, stream->fd, hung_up ? EPOLLIN | EPOLLET : EPOLLIN, EVENT_OUTPUT,
                index);
}

/**
 * stream_move() - one block from the container to logs and clients
 * @most:       how much to read
 *
 * Returns how much it was; 0 when there is nothing now, or will be nothing more.
 */
static size_t stream_move(Monitor *monitor, LogStream index, size_t most) {
        Stream *stream = &monitor->stdio.streams[index];
        bool is_terminal = monitor->options.terminal && index == LOG_STDOUT;
        ssize_t n = read(stream->fd, monitor->block, most);

        if (n < 0 && (errno == EINTR || errno == EAGAIN))
                return 0;
        if (n <= 0 && is_terminal) {
                stream_set_hung_up(monitor, index, true);
                return 0;
        }
        if (n <= 0) {
                stream_close(monitor, stream);
                return 0;
        }
        stream_set_hung_up(monitor, index, false);
        stdio_log(monitor, index, (size_t) n);
        attach_broadcast(monitor, (char) (2 + index), monitor->block, (size_t) n);
        return (size_t) n;
}

void stdio_on_output(Monitor *monitor, unsigned index, uint32_t events) {
        size_t moved = stream_move(monitor, (LogStream) index, sizeof(monitor->block));

        if (moved == 0)
                return;
        if (moved > TRIM_ABOVE)
                monitor_set_deadline(monitor, DEADLINE_TRIM, monitor_now() + TRIM_AFTER);
        if (!monitor->options.terminal)
                stdio_gather(monitor, moved);
}

/**
 * stdio_drain() - the container is gone: what it wrote before must reach the log
 *
 * A process that outlived it may hold the pipe and go on writing, so only what is in the pipe now
 * counts.
 */
void stdio_drain(Monitor *monitor) {
        attach_settle(monitor);
        for (LogStream i = LOG_STDOUT; i <= LOG_STDERR; i++) {
                Stream *stream = &monitor->stdio.streams[i];
                int left = 0;

                if (stream->fd < 0 || ioctl(stream->fd, FIONREAD, &left) < 0)
                        left = 0;
                if (monitor->options.terminal && i == LOG_STDOUT)
                        left = TERMINAL_DRAIN;
                while (stream->fd >= 0 && left > 0) {
                        size_t most = (size_t) left < BLOCK_SIZE ? (size_t) left : BLOCK_SIZE;
                        size_t moved = stream_move(monitor, i, most);

                        if (moved == 0)
                                break;
                        left -= (int) moved;
                        attach_settle(monitor);
                }
        }
}

void stdio_close_output(Monitor *monitor) {
        stream_close(monitor, &monitor->stdio.streams[LOG_STDOUT]);
        stream_close(monitor, &monitor->stdio.streams[LOG_STDERR]);
}

bool stdio_is_input_busy(const Monitor *monitor) {
        return monitor->stdio.input_start < monitor->stdio.input_end;
}

static void stdin_close(Monitor *monitor) {
        Stdio *stdio = &monitor->stdio;

        stdio->input_start = stdio->input_end = 0;
        fd_close(&stdio->stdin_fd);
}

/* stdin_push() - as much as the container takes now; false when it takes no more at all */
static bool stdin_push(Monitor *monitor) {
        Stdio *stdio = &monitor->stdio;

        while (stdio->input_start < stdio->input_end) {
                ssize_t n = write(stdio->stdin_fd, monitor->input + stdio->input_start,
                        stdio->input_end - stdio->input_start);

                if (n > 0)
                        stdio->input_start += (size_t) n;
                else if (errno != EINTR)
                        return errno == EAGAIN;
        }
        return true;
}

/**
 * stdio_feed() - new bytes for the container
 * @length:     how many are in Monitor.input, where nothing was waiting
 *
 * What the container does not take stays there, and no client is read until it is through.
 */
void stdio_feed(Monitor *monitor, size_t length) {
        Stdio *stdio = &monitor->stdio;

        if (stdio->stdin_fd < 0)
                return;
        stdio->input_start = 0;
        stdio->input_end = length;
        if (!stdin_push(monitor)) {
                stdin_close(monitor);
                return;
        }
        if (!stdio_is_input_busy(monitor))
                return;
        monitor_watch(monitor, stdio->stdin_fd, EPOLLOUT, EVENT_STDIN, 0);
        attach_rewatch(monitor);
}

void stdio_on_stdin(Monitor *monitor, unsigned index, uint32_t events) {
        Stdio *stdio = &monitor->stdio;
        bool alive = stdin_push(monitor);

        if (alive && stdio_is_input_busy(monitor))
                return;
        monitor_unwatch(monitor, stdio->stdin_fd);
        if (!alive)
                stdin_close(monitor);
        attach_rewatch(monitor);
}

/**
 * stdio_end_input() - a client has no more input; for most containers that is the end of stdin
 *
 * Clients are read only when nothing waits, so there is nothing that would have to go first.
 */
void stdio_end_input(Monitor *monitor) {
        const Options *options = &monitor->options;

        if (options->stdin_pipe && !options->leave_stdin_open)
                stdin_close(monitor);
}
