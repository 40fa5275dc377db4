/* SPDX-License-Identifier: Apache-2.0 */
#include "pod/exits.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/log.h"

struct Exits {
        int epoll_fd;
        int stop_fd;
        GThread *thread;
};

typedef struct ExitWatch {
        int pidfd;
        ExitFunc func;
        void *object;
        GDestroyNotify release;
} ExitWatch;

static void watch_fire(ExitWatch *watch) {
        siginfo_t info;

        /* Reap it if it is a child of ours; after a restart it is not, and that is no error. */
        if (watch->pidfd >= 0)
                (void)waitid(P_PIDFD, (id_t)watch->pidfd, &info, WEXITED | WNOHANG);
        fd_close_scope(&watch->pidfd);
        watch->func(watch->object);
        watch->release(watch->object);
        g_free(watch);
}

static void *run(void *data) {
        Exits *exits = data;
        struct epoll_event events[64];

        for (;;) {
                int count = epoll_wait(exits->epoll_fd, events, G_N_ELEMENTS(events), -1);

                if (count < 0 && errno != EINTR)
                        g_error("epoll_wait: %s", g_strerror(errno));
                for (int i = 0; i < count; i++) {
                        if (!events[i].data.ptr)
                                return NULL;
                        watch_fire(events[i].data.ptr);
                }
        }
}

Exits *exits_new(GError **error) {
        Exits *exits = g_new0(Exits, 1);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};

        exits->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        exits->stop_fd = eventfd(0, EFD_CLOEXEC);
        if (exits->epoll_fd < 0 || exits->stop_fd < 0 ||
                epoll_ctl(exits->epoll_fd, EPOLL_CTL_ADD, exits->stop_fd, &event) < 0) {
                fail_errno(error, "set up the watch over monitors");
                g_free(exits);
                return NULL;
        }
        exits->thread = g_thread_new("exits", run, exits);
        return exits;
}

void exits_free(Exits *exits) {
        if (!exits)
                return;
        (void)eventfd_write(exits->stop_fd, 1);
        g_thread_join(exits->thread);
        fd_close(exits->epoll_fd);
        fd_close(exits->stop_fd);
        g_free(exits);
}

void exits_watch(Exits *exits, const ProcessIdentity *process, ExitFunc func, void *object,
        GDestroyNotify release) {
        ExitWatch *watch = g_new0(ExitWatch, 1);
        struct epoll_event event = {.events = EPOLLIN | EPOLLONESHOT, .data.ptr = watch};

        *watch = (ExitWatch){process_identity_open(process), func, object, release};
        if (watch->pidfd < 0) {
                watch_fire(watch);
                return;
        }
        if (epoll_ctl(exits->epoll_fd, EPOLL_CTL_ADD, watch->pidfd, &event) < 0)
                g_error("watch process %d: %s", (int)process->pid, g_strerror(errno));
}
