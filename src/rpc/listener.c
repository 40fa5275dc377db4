/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/log.h"

/* A client that says nothing for this long is dropped. */
#define FIRST_BYTES_SECONDS 5

struct Listener {
        char *path;
        int fd;
        guint source;
        ListenerFunc func;
        void *data;
        GList *greetings;
};

/* A connection whose first bytes have not come yet. */
typedef struct Greeting {
        Listener *listener;
        int fd;
        guint readable;
        guint timer;
} Greeting;

/* Frees @greeting and returns its descriptor. */
static int greeting_take(Greeting *greeting) {
        int fd = greeting->fd;

        greeting->listener->greetings = g_list_remove(greeting->listener->greetings, greeting);
        if (greeting->readable)
                g_source_remove(greeting->readable);
        if (greeting->timer)
                g_source_remove(greeting->timer);
        g_free(greeting);
        return fd;
}

static gboolean on_first_bytes(int fd, GIOCondition condition, void *data) {
        Greeting *greeting = data;
        Listener *listener = greeting->listener;
        char bytes[3];
        ssize_t count = recv(fd, bytes, sizeof(bytes), MSG_PEEK | MSG_DONTWAIT);

        if (count < 0 && (errno == EAGAIN || errno == EINTR))
                return G_SOURCE_CONTINUE;
        /* One or two bytes of "PRI": the rest is on its way. */
        if (count > 0 && count < 3 && memcmp(bytes, "PRI", (size_t)count) == 0 &&
                !(condition & G_IO_HUP))
                return G_SOURCE_CONTINUE;
        greeting->readable = 0;
        greeting_take(greeting);
        if (count <= 0)
                fd_close(fd);
        else
                listener->func(listener->data, fd, count == 3 && memcmp(bytes, "PRI", 3) == 0);
        return G_SOURCE_REMOVE;
}

static gboolean on_silence(void *data) {
        Greeting *greeting = data;

        greeting->timer = 0;
        fd_close(greeting_take(greeting));
        return G_SOURCE_REMOVE;
}

static gboolean on_connection(int listen_fd, GIOCondition condition, void *data) {
        Listener *listener = data;
        int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        Greeting *greeting;

        if (fd < 0) {
                if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
                        log_warning(
                                "accept on %s: %s, ignoring", listener->path, g_strerror(errno));
                return G_SOURCE_CONTINUE;
        }
        greeting = g_new0(Greeting, 1);
        greeting->listener = listener;
        greeting->fd = fd;
        greeting->readable = g_unix_fd_add(fd, G_IO_IN | G_IO_HUP, on_first_bytes, greeting);
        greeting->timer = g_timeout_add_seconds(FIRST_BYTES_SECONDS, on_silence, greeting);
        listener->greetings = g_list_prepend(listener->greetings, greeting);
        return G_SOURCE_CONTINUE;
}

/* Remove a socket that nobody serves; false when somebody does. */
static bool clear_stale(const char *path, const struct sockaddr_un *address, GError **error) {
        autofd int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (connect(probe, (const struct sockaddr *)address, sizeof(*address)) == 0)
                return fail(error, ERROR_ALREADY_EXISTS,
                        "listen on %s: another daemon is serving this socket; stop it first, or "
                        "choose another one with --listen",
                        path);
        if (errno == ECONNREFUSED && unlink(path) < 0 && errno != ENOENT)
                return fail_errno(error, "remove the stale socket %s", path);
        return true;
}

static bool make_address(const char *path, struct sockaddr_un *ret_address, GError **error) {
        *ret_address = (struct sockaddr_un){.sun_family = AF_UNIX};
        if (g_strlcpy(ret_address->sun_path, path, sizeof(ret_address->sun_path)) <
                sizeof(ret_address->sun_path))
                return true;
        return fail(error, ERROR_INVALID_ARGUMENT, "listen on %s: path longer than %zu bytes", path,
                sizeof(ret_address->sun_path) - 1);
}

bool listener_probe(const char *path, GError **error) {
        struct sockaddr_un address;

        return make_address(path, &address, error) && clear_stale(path, &address, error);
}

static int bind_socket(const char *path, GError **error) {
        autofd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        g_autofree char *folder = g_path_get_dirname(path);
        struct sockaddr_un address;

        if (!make_address(path, &address, error) || !dir_make(AT_FDCWD, folder, 0755, error) ||
                !clear_stale(path, &address, error))
                return -1;
        if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
                chmod(path, 0660) < 0 || listen(fd, 128) < 0)
                return fail_fd(error, "listen on %s", path);
        return steal_fd(&fd);
}

Listener *listener_new(const char *path, ListenerFunc func, void *data, GError **error) {
        int fd = bind_socket(path, error);
        Listener *listener;

        if (fd < 0)
                return NULL;
        listener = g_new0(Listener, 1);
        listener->path = g_strdup(path);
        listener->fd = fd;
        listener->func = func;
        listener->data = data;
        listener->source = g_unix_fd_add(fd, G_IO_IN, on_connection, listener);
        return listener;
}

void listener_free(Listener *listener) {
        if (!listener)
                return;
        while (listener->greetings)
                fd_close(greeting_take(listener->greetings->data));
        g_source_remove(listener->source);
        fd_close(listener->fd);
        unlink(listener->path);
        g_free(listener->path);
        g_free(listener);
}
