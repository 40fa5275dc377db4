/* SPDX-License-Identifier: Apache-2.0 */
#include "image/test-server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"

#define TLS_HELLO 0x16

struct FakeServer {
        FakeAnswer answer;
        void *data;
        int fd;
        char *host;
        GThread *thread;
        GMutex mutex;
        GPtrArray *requests;
};

static gsize body_length(const char *request) {
        g_autofree char *lower = g_ascii_strdown(request, -1);
        const char *field = strstr(lower, "content-length:");

        return field ? (gsize) g_ascii_strtoull(field + strlen("content-length:"), NULL, 10) : 0;
}

/* NULL for TLS and for connections without a request. */
static char *read_request(int fd) {
        g_autoptr(GString) request = g_string_new(NULL);
        char chunk[4096];
        ssize_t count;

        while ((count = recv(fd, chunk, sizeof(chunk), 0)) > 0) {
                const char *end;

                if (request->len == 0 && *chunk == TLS_HELLO)
                        return NULL;
                g_string_append_len(request, chunk, count);
                end = strstr(request->str, "\r\n\r\n");
                if (end && strlen(end + 4) >= body_length(request->str))
                        return g_string_free(g_steal_pointer(&request), FALSE);
        }
        return NULL;
}

static void serve(FakeServer *server, int fd) {
        char *request = read_request(fd);
        g_autofree char *answer = NULL;
        unsigned count;

        if (!request)
                return;
        g_mutex_lock(&server->mutex);
        count = server->requests->len;
        g_ptr_array_add(server->requests, request);
        g_mutex_unlock(&server->mutex);
        answer = server->answer(request, count, server->data);
        if (answer)
                fd_write_all(fd, answer, strlen(answer));
        shutdown(fd, SHUT_WR);
}

static void *run(void *data) {
        FakeServer *server = data;

        for (;;) {
                autofd int fd = accept(server->fd, NULL, NULL);

                if (fd < 0)
                        return NULL; /* shut down */
                serve(server, fd);
        }
}

FakeServer *fake_server_new(FakeAnswer answer, void *data) {
        FakeServer *server = g_new0(FakeServer, 1);
        struct sockaddr_in address = { .sin_family = AF_INET };
        socklen_t length = sizeof(address);

        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        server->answer = answer;
        server->data = data;
        server->requests = g_ptr_array_new_with_free_func(g_free);
        /* The client may hang up in the middle of an answer. */
        signal(SIGPIPE, SIG_IGN);
        g_mutex_init(&server->mutex);
        server->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        g_assert_cmpint(bind(server->fd, (struct sockaddr *) &address, length), ==, 0);
        g_assert_cmpint(listen(server->fd, 16), ==, 0);
        g_assert_cmpint(getsockname(server->fd, (struct sockaddr *) &address, &length), ==, 0);
        server->host = g_strdup_printf("127.0.0.1:%u", ntohs(address.sin_port));
        server->thread = g_thread_new("server", run, server);
        return server;
}

void fake_server_free(FakeServer *server) {
        shutdown(server->fd, SHUT_RDWR);
        g_thread_join(server->thread);
        fd_close(server->fd);
        g_mutex_clear(&server->mutex);
        g_ptr_array_unref(server->requests);
        g_free(server->host);
        g_free(server);
}

const char *fake_server_get_host(const FakeServer *server) {
        return server->host;
}

GPtrArray *fake_server_get_requests(FakeServer *server) {
        GPtrArray *copy = g_ptr_array_new_with_free_func(g_free);

        g_mutex_lock(&server->mutex);
        for (guint i = 0; i < server->requests->len; i++)
                g_ptr_array_add(copy, g_strdup(server->requests->pdata[i]));
        g_mutex_unlock(&server->mutex);
        return copy;
}
