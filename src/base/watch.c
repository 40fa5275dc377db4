/* SPDX-License-Identifier: Apache-2.0 */
#include "base/watch.h"

#include <errno.h>
#include <glib-unix.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"

struct Watch {
        int fd;
        guint source;
        WatchFunc func;
        void *data;
};

static void deliver(Watch *watch, const char *buffer, size_t length) {
        size_t offset = 0;

        while (offset < length) {
                const struct inotify_event *event = (const void *)(buffer + offset);

                offset += sizeof(*event) + event->len;
                if (event->mask & (IN_Q_OVERFLOW | IN_IGNORED))
                        watch->func(NULL, event->mask, watch->data);
                else if (event->len > 0)
                        watch->func(event->name, event->mask, watch->data);
        }
}

static gboolean on_readable(int fd, GIOCondition condition, void *data) {
        _Alignas(struct inotify_event) char buffer[8192];
        Watch *watch = data;
        ssize_t length;

        while ((length = read(fd, buffer, sizeof(buffer))) > 0)
                deliver(watch, buffer, (size_t)length);
        return G_SOURCE_CONTINUE;
}

Watch *watch_new(const char *path, guint32 mask, WatchFunc func, void *data, GError **error) {
        autofd int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        Watch *watch;

        if (fd < 0 || inotify_add_watch(fd, path, mask | IN_ONLYDIR) < 0) {
                fail_errno(error, "watch directory %s", path);
                return NULL;
        }
        watch = g_new0(Watch, 1);
        watch->fd = steal_fd(&fd);
        watch->func = func;
        watch->data = data;
        watch->source = g_unix_fd_add(watch->fd, G_IO_IN, on_readable, watch);
        return watch;
}

void watch_free(Watch *watch) {
        if (!watch)
                return;
        g_source_remove(watch->source);
        fd_close(watch->fd);
        g_free(watch);
}
