/* SPDX-License-Identifier: Apache-2.0 */
#include "conmon/notify.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "conmon/file.h"
#include "conmon/monitor.h"

#define MESSAGE_SIZE 4096

/* what a container may say; anything else would be said in the name of the host's service */
static const struct {
        const char *text;
        bool prefix;
} allowed[] = {
        { "READY=1",            false }, { "RELOADING=1", false }, { "STOPPING=1", false },
        { "WATCHDOG=1",         false }, { "WATCHDOG=trigger", false },
        { "STATUS=",            true  }, { "ERRNO=",      true  }, { "BUSERROR=",  true  },
        { "MONOTONIC_USEC=",    true  },
};

static bool is_allowed(const char *line, size_t length) {
        for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
                size_t size = strlen(allowed[i].text);

                if (length < size || memcmp(line, allowed[i].text, size) != 0)
                        continue;
                if (length == size || allowed[i].prefix)
                        return true;
        }
        return false;
}

void notify_filter(const char *message, size_t length, Text *ret_lines) {
        while (length > 0) {
                const char *newline = memchr(message, '\n', length);
                size_t line = newline ? (size_t) (newline - message) : length;
                size_t taken = newline ? line + 1 : line;

                if (is_allowed(message, line)) {
                        text_add_data(ret_lines, message, line);
                        text_add(ret_lines, "\n");
                }
                message += taken;
                length -= taken;
        }
}

void notify_init(Notify *notify) {
        *notify = (Notify) { .listen_fd = -1, .host_fd = -1 };
}

/* notify_connect() - the host's socket: a path, or an abstract name that begins with @ */
static bool notify_connect(int fd, const char *name) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        size_t length = strlen(name);
        size_t skipped = name[0] == '@';        /* such a name begins with NUL instead */

        if (length >= sizeof(address.sun_path)) {
                errno = ENAMETOOLONG;
                return false;
        }
        memcpy(address.sun_path + skipped, name + skipped, length - skipped);
        return connect(fd, (const struct sockaddr *) &address,
                (socklen_t) (offsetof(struct sockaddr_un, sun_path) + length)) == 0;
}

/* notify_open() - without the host's socket there is nothing to do */
void notify_open(Monitor *monitor) {
        const Options *options = &monitor->options;
        Notify *notify = &monitor->notify;
        const char *path;

        if (!options->sdnotify_socket || !options->bundle)
                return;
        notify->host_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (notify->host_fd < 0 || !notify_connect(notify->host_fd, options->sdnotify_socket)) {
                warn(monitor, "cannot connect to ", options->sdnotify_socket, ": ",
                        strerror(errno));
                fd_close(&notify->host_fd);
                return;
        }
        path = arena_join(&monitor->arena, options->bundle, "/notify/notify.sock", NULL);
        notify->listen_fd = socket_listen(path, SOCK_DGRAM, 0777);
        if (notify->listen_fd < 0) {
                warn(monitor, "cannot listen on ", path, ": ", strerror(errno));
                return;
        }
        monitor_watch(monitor, notify->listen_fd, EPOLLIN, EVENT_NOTIFY, 0);
}

void notify_on_message(Monitor *monitor, unsigned index, uint32_t events) {
        char message[MESSAGE_SIZE], buffer[MESSAGE_SIZE + 2];
        Text lines = text_over(buffer, sizeof(buffer));
        ssize_t n = recv(monitor->notify.listen_fd, message, sizeof(message), MSG_DONTWAIT);

        if (n <= 0)
                return;
        notify_filter(message, (size_t) n, &lines);
        if (lines.length > 0 && send(monitor->notify.host_fd, lines.data, lines.length,
                        MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
                warn(monitor, "cannot pass on what the container notified: ", strerror(errno));
}
