/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <grpc/grpc.h>

#include "base/lock.h"
#include "rpc/call.h"
#include "rpc/listener.h"

/* What a completion belongs to. */
typedef enum TagKind {
        TAG_ARRIVED,  /* a new call */
        TAG_MESSAGE,  /* its request was read */
        TAG_CLOSED,   /* the client has left, or the call is over */
        TAG_SENT,     /* the answer is out */
        TAG_SHUTDOWN, /* the server has stopped */
} TagKind;

typedef struct Tag {
        TagKind kind;
        RpcCall *call;
} Tag;

struct RpcCall {
        RpcServer *server;
        const RpcMethod *method;
        int references; /* one for the request and answer, one for the close notification */
        gint64 started_usec;
        int cancel_fd; /* eventfd */
        int cancelled;
        Arena *arena;

        grpc_call *call;
        grpc_call_details details;
        grpc_metadata_array metadata;
        grpc_metadata_array trailing;
        grpc_byte_buffer *request;
        grpc_byte_buffer *response;
        grpc_slice status_text;

        Tag arrived;
        Tag message;
        Tag closed;
        Tag sent;
};

struct RpcServer {
        RpcServerOptions options;
        GHashTable *methods; /* path -> const RpcMethod */
        Listener *listener;
        grpc_server *server;
        grpc_completion_queue *queue;
        grpc_server_credentials *credentials;
        GThread *poller;
        GThreadPool *workers;
        Tag shutdown;

        Lock lock;
        pthread_cond_t idle;
        GHashTable *running; /* calls in a handler */
        bool stopping;
};

/* Post a call object that waits for the next request. */
void rpc_call_post(RpcServer *server);
/* A completion for a call; @success as the queue says. Poller thread. */
void rpc_call_complete(Tag *tag, bool success);
/* Run the handler and answer. Worker thread. */
void rpc_call_serve(RpcCall *call);
void rpc_call_cancel(RpcCall *call);
