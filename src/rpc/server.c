/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/server.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <grpc/grpc.h>
#include <grpc/grpc_posix.h>
#include <grpc/grpc_security.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/log.h"
#include "rpc/rpc-private.h"

/* Calls waiting to be matched with a request; more only help a burst. */
#define POSTED_CALLS 16
/* A kubelet stops some hundreds of containers at once, each waiting out its grace period. */
#define MAX_WORKERS 1024

static void *poll_queue(void *data) {
        RpcServer *server = data;

        for (;;) {
                grpc_event event = grpc_completion_queue_next(
                        server->queue, gpr_inf_future(GPR_CLOCK_REALTIME), NULL);

                if (event.type == GRPC_QUEUE_SHUTDOWN)
                        return NULL;
                if (event.type == GRPC_OP_COMPLETE)
                        rpc_call_complete(event.tag, event.success != 0);
        }
}

static void track(RpcServer *server, RpcCall *call, bool starts) {
        lock_guard(&server->lock);

        if (starts)
                g_hash_table_add(server->running, call);
        else
                g_hash_table_remove(server->running, call);
        if (server->stopping && starts)
                rpc_call_cancel(call);
        if (g_hash_table_size(server->running) == 0)
                pthread_cond_broadcast(&server->idle);
}

static void serve(void *call, void *data) {
        RpcServer *server = data;

        track(server, call, true);
        rpc_call_serve(call);
        track(server, call, false);
}

static void on_connection(void *data, int fd, bool is_http2) {
        static const char answer[] = "HTTP/1.1 501 Not Implemented\r\nContent-Length: 0\r\n"
                                     "Connection: close\r\n\r\n";
        RpcServer *server = data;

        if (is_http2) {
                grpc_server_add_channel_from_fd(server->server, fd, server->credentials);
                return;
        }
        if (server->options.foreign) {
                server->options.foreign(server->options.foreign_data, fd);
                return;
        }
        if (write(fd, answer, sizeof(answer) - 1) < 0)
                log_debug("an HTTP client left before it got its answer");
        fd_close(fd);
}

static grpc_server *make_server(const RpcServerOptions *options) {
        grpc_arg limits[] = {
                {.type = GRPC_ARG_INTEGER,
                        .key = (char *)GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH,
                        .value.integer = options->max_receive},
                {.type = GRPC_ARG_INTEGER,
                        .key = (char *)GRPC_ARG_MAX_SEND_MESSAGE_LENGTH,
                        .value.integer = options->max_send},
        };
        grpc_channel_args arguments = {.num_args = G_N_ELEMENTS(limits), .args = limits};

        return grpc_server_create(&arguments, NULL);
}

bool rpc_server_probe(const char *path, GError **error) {
        return listener_probe(path, error);
}

RpcServer *rpc_server_start(const RpcServerOptions *options, GError **error) {
        RpcServer *server = g_new0(RpcServer, 1);

        server->options = *options;
        server->listener = listener_new(options->socket_path, on_connection, server, error);
        if (!server->listener) {
                g_free(server);
                return NULL;
        }
        server->methods = g_hash_table_new(g_str_hash, g_str_equal);
        for (unsigned i = 0; i < options->n_methods; i++)
                g_hash_table_insert(server->methods, (char *)options->methods[i].path,
                        (void *)&options->methods[i]);
        server->running = g_hash_table_new(NULL, NULL);
        lock_init(&server->lock, LOCK_RANK_LEAF);
        condition_init(&server->idle);
        server->workers = g_thread_pool_new(serve, server, MAX_WORKERS, FALSE, NULL);

        /* Children are started with posix_spawn only; fork handlers would cost and stall. */
        unsetenv("GRPC_ENABLE_FORK_SUPPORT");
        grpc_init();
        server->credentials = grpc_insecure_server_credentials_create();
        server->queue = grpc_completion_queue_create_for_next(NULL);
        server->server = make_server(options);
        grpc_server_register_completion_queue(server->server, server->queue, NULL);
        grpc_server_start(server->server);
        for (unsigned i = 0; i < POSTED_CALLS; i++)
                rpc_call_post(server);
        server->poller = g_thread_new("rpc-poller", poll_queue, server);
        return server;
}

static bool wait_idle(RpcServer *server, gint64 deadline_usec) {
        GHashTableIter iter;
        void *call;

        lock_guard(&server->lock);
        server->stopping = true;
        g_hash_table_iter_init(&iter, server->running);
        while (g_hash_table_iter_next(&iter, &call, NULL))
                rpc_call_cancel(call);
        while (g_hash_table_size(server->running) > 0)
                if (!lock_wait(&server->lock, &server->idle, deadline_usec))
                        return false;
        return true;
}

bool rpc_server_stop(RpcServer *server, gint64 deadline_usec) {
        listener_free(server->listener);
        server->shutdown = (Tag){TAG_SHUTDOWN, NULL};
        if (!wait_idle(server, deadline_usec))
                return false;
        grpc_server_shutdown_and_notify(server->server, server->queue, &server->shutdown);
        grpc_server_cancel_all_calls(server->server);
        g_thread_pool_free(server->workers, FALSE, TRUE);
        grpc_server_destroy(server->server);
        grpc_completion_queue_shutdown(server->queue);
        g_thread_join(server->poller);
        grpc_completion_queue_destroy(server->queue);
        grpc_server_credentials_release(server->credentials);
        grpc_shutdown();
        g_hash_table_unref(server->methods);
        g_hash_table_unref(server->running);
        g_free(server);
        return true;
}
