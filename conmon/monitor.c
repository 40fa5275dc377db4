/* SPDX-License-Identifier: Apache-2.0 */
#include "conmon/monitor.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "conmon/exit.h"

#define ARENA_MIN (64 * 1024)

typedef void (*EventHandler)(Monitor *monitor, unsigned index, uint32_t events);
typedef void (*DeadlineHandler)(Monitor *monitor);

/* monitor_trim() - the big buffers are only scratch now: their pages go back to the kernel */
static void monitor_trim(Monitor *monitor) {
        madvise(monitor->output, sizeof(monitor->output), MADV_DONTNEED);
        if (monitor->attach.stalled == 0)
                madvise(monitor->block, sizeof(monitor->block), MADV_DONTNEED);
        if (!stdio_is_input_busy(monitor))
                madvise(monitor->input, sizeof(monitor->input), MADV_DONTNEED);
}

static const EventHandler event_handlers[] = {
        [EVENT_SIGNAL] = child_on_signal,
        [EVENT_RUNTIME] = child_on_runtime,
        [EVENT_CONTAINER] = child_on_container,
        [EVENT_STDIN] = stdio_on_stdin,
        [EVENT_OUTPUT] = stdio_on_output,
        [EVENT_GATHERED] = stdio_on_gathered,
        [EVENT_ATTACH] = attach_on_listener,
        [EVENT_CLIENT] = attach_on_client,
        [EVENT_CONTROL] = control_on_ctl,
        [EVENT_WINSZ] = control_on_winsz,
        [EVENT_OOM] = oom_on_event,
        [EVENT_NOTIFY] = notify_on_message,
};

static const DeadlineHandler deadline_handlers[DEADLINE_COUNT] = {
        [DEADLINE_TIMEOUT] = child_on_timeout,
        [DEADLINE_KILLED] = child_on_killed_timeout,
        [DEADLINE_CLIENT] = attach_on_deadline,
        [DEADLINE_TRIM] = monitor_trim,
};

/**
 * monitor_new() - a monitor that has nothing yet
 *
 * The arena behind it holds what is joined from the command line, each word a few times at most.
 */
Monitor *monitor_new(int argc, char **argv) {
        size_t words = 0, arena;
        Monitor *monitor;

        for (int i = 0; i < argc; i++)
                words += strlen(argv[i]) + 1;
        arena = ARENA_MIN + 4 * words + 128 * (size_t) argc;

        monitor = mmap(NULL, sizeof(*monitor) + arena, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (monitor == MAP_FAILED)
                _exit(EXIT_FAILURE);
        monitor->arena = (Arena) { .data = (char *) (monitor + 1), .size = arena };

        monitor->epoll_fd = monitor->signal_fd = -1;
        monitor->sync_fd = monitor->start_fd = monitor->attach_pipe_fd = -1;
        child_init(&monitor->child);
        stdio_init(&monitor->stdio);
        attach_init(&monitor->attach);
        control_init(&monitor->control);
        monitor->oom.fd = -1;
        notify_init(&monitor->notify);
        return monitor;
}

/* monitor_prepare_loop() - from here on signals are read, not suffered */
void monitor_prepare_loop(Monitor *monitor) {
        static const int signals[] = { SIGTERM, SIGINT, SIGQUIT, SIGCHLD, SIGUSR1 };
        struct sigaction ignore = { .sa_handler = SIG_IGN };
        sigset_t set;

        sigemptyset(&set);
        for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
                sigaddset(&set, signals[i]);
        sigaction(SIGPIPE, &ignore, NULL);
        if (sigprocmask(SIG_BLOCK, &set, &monitor->inherited_signals) < 0)
                die(monitor, "cannot block signals: ", strerror(errno));
        monitor->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
        if (monitor->signal_fd < 0)
                die(monitor, "cannot make a signalfd: ", strerror(errno));
}

static void monitor_epoll(Monitor *monitor, int operation, int fd, uint32_t events, uint64_t data) {
        struct epoll_event event = { .events = events, .data.u64 = data };

        if (monitor->epoll_fd < 0)
                monitor->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        if (epoll_ctl(monitor->epoll_fd, operation, fd, &event) == 0)
                return;
        if (!monitor->answered)
                die(monitor, "cannot watch a descriptor: ", strerror(errno));
        warn(monitor, "cannot watch a descriptor: ", strerror(errno));
}

void monitor_watch(Monitor *monitor, int fd, uint32_t events, Event event, unsigned index) {
        monitor_epoll(monitor, EPOLL_CTL_ADD, fd, events, (uint64_t) event << 32 | index);
}

void monitor_rewatch(Monitor *monitor, int fd, uint32_t events, Event event, unsigned index) {
        monitor_epoll(monitor, EPOLL_CTL_MOD, fd, events, (uint64_t) event << 32 | index);
}

void monitor_unwatch(Monitor *monitor, int fd) {
        epoll_ctl(monitor->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
}

int64_t monitor_now(void) {
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* monitor_set_deadline() - @when on the clock of monitor_now(), 0 to forget it */
void monitor_set_deadline(Monitor *monitor, Deadline deadline, int64_t when) {
        monitor->deadlines_set -= monitor->deadlines[deadline] != 0;
        monitor->deadlines[deadline] = when;
        monitor->deadlines_set += when != 0;
}

/* monitor_patience() - ms until the next deadline, -1 when there is none */
static int monitor_patience(const Monitor *monitor) {
        int64_t next = INT64_MAX, left;

        if (monitor->deadlines_set == 0)
                return -1;
        for (int i = 0; i < DEADLINE_COUNT; i++)
                if (monitor->deadlines[i] != 0 && monitor->deadlines[i] < next)
                        next = monitor->deadlines[i];
        left = next - monitor_now();
        return left <= 0 ? 0 : left > INT_MAX ? INT_MAX : (int) left;
}

static void monitor_expire(Monitor *monitor) {
        int64_t now;

        if (monitor->deadlines_set == 0)
                return;
        now = monitor_now();
        for (int i = 0; i < DEADLINE_COUNT; i++) {
                if (monitor->deadlines[i] == 0 || monitor->deadlines[i] > now)
                        continue;
                monitor_set_deadline(monitor, (Deadline) i, 0);
                deadline_handlers[i](monitor);
        }
}

/**
 * monitor_run() - serve until the container is gone
 *
 * One event a turn: the kernel hands ready descriptors out in a circle, so a container that floods
 * us delays nobody by more than one block, and no event can be stale.
 */
void monitor_run(Monitor *monitor) {
        while (!monitor->quit) {
                struct epoll_event event;
                int n = epoll_wait(monitor->epoll_fd, &event, 1, monitor_patience(monitor));

                if (n < 0 && errno != EINTR)
                        die(monitor, "cannot wait for events: ", strerror(errno));
                if (n > 0)
                        event_handlers[event.data.u64 >> 32](monitor, (unsigned) event.data.u64,
                                event.events);
                monitor_expire(monitor);
        }
}
