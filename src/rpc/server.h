/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * RpcServer - gRPC for protobuf-c messages on a Unix socket; has never heard of CRI.
 *
 * Owner    The daemon. Threads: made, started and stopped on the main thread, whose loop accepts
 * connections; handlers run on worker threads, one call each, and may block.
 *
 * A connection whose first bytes are not the HTTP/2 preface is handed to the foreign function, the
 * seam for HTTP/1 on the same socket.
 */

#include <glib.h>
#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>

#include "base/arena.h"

typedef struct RpcServer RpcServer;
typedef struct RpcCall RpcCall;

/* Fill @response (already initialised). Strings of the response come from the call's arena or are
 * borrowed from something the arena keeps. */
typedef bool (*RpcHandler)(
        void *data, RpcCall *call, const void *request, void *response, GError **error);

typedef struct RpcMethod {
        const char *path;   /* "/package.Service/Method" */
        RpcHandler handler; /* NULL: answers UNIMPLEMENTED */
        const ProtobufCMessageDescriptor *request;
        const ProtobufCMessageDescriptor *response;
} RpcMethod;

/* Takes over @fd (consumed). */
typedef void (*RpcForeignFunc)(void *data, int fd);

typedef struct RpcServerOptions {
        const char *socket_path;
        const RpcMethod *methods;
        unsigned n_methods;
        void *data;      /* given to every handler */
        int max_receive; /* bytes of one message */
        int max_send;
        RpcForeignFunc foreign; /* NULL: such connections get 501 and are closed */
        void *foreign_data;
} RpcServerOptions;

/* Whether another daemon serves @path now: then ALREADY_EXISTS. Asked before anything of its state
 * is touched. */
bool rpc_server_probe(const char *path, GError **error);

/* Bind the socket (0660) and serve. A live daemon behind the socket is ALREADY_EXISTS; a dead
 * socket is replaced. @options is copied, what it points to is borrowed for the server's life. */
RpcServer *rpc_server_start(const RpcServerOptions *options, GError **error);

/* Stop accepting, cancel every call, wait for handlers until @deadline_usec, unlink the socket.
 * Returns false when a handler is still running; then the process is to exit without freeing what
 * handlers use. */
bool rpc_server_stop(RpcServer *server, gint64 deadline_usec);
