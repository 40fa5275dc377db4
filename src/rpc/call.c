/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <grpc/byte_buffer_reader.h>
#include <grpc/support/time.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/metric.h"
#include "rpc/rpc-private.h"
#include "rpc/status.h"

void rpc_call_post(RpcServer *server) {
        RpcCall *call = g_new0(RpcCall, 1);

        call->server = server;
        call->references = 2;
        call->cancel_fd = -1;
        call->arrived = (Tag){TAG_ARRIVED, call};
        call->message = (Tag){TAG_MESSAGE, call};
        call->closed = (Tag){TAG_CLOSED, call};
        call->sent = (Tag){TAG_SENT, call};
        grpc_call_details_init(&call->details);
        grpc_metadata_array_init(&call->metadata);
        call->status_text = grpc_empty_slice();
        grpc_server_request_call(server->server, &call->call, &call->details, &call->metadata,
                server->queue, server->queue, &call->arrived);
}

static void call_free(RpcCall *call) {
        if (call->call)
                grpc_call_unref(call->call);
        grpc_byte_buffer_destroy(call->request);
        grpc_byte_buffer_destroy(call->response);
        grpc_slice_unref(call->status_text);
        grpc_call_details_destroy(&call->details);
        grpc_metadata_array_destroy(&call->metadata);
        arena_free(call->arena);
        if (call->cancel_fd >= 0)
                fd_close(call->cancel_fd);
        g_free(call);
}

static void call_unref(RpcCall *call) {
        if (g_atomic_int_dec_and_test(&call->references))
                call_free(call);
}

Arena *rpc_call_arena(RpcCall *call) {
        return call->arena;
}

int rpc_call_cancel_fd(const RpcCall *call) {
        return call->cancel_fd;
}

gint64 rpc_call_deadline(const RpcCall *call) {
        gpr_timespec left;

        if (gpr_time_cmp(
                    call->details.deadline, gpr_inf_future(call->details.deadline.clock_type)) == 0)
                return 0;
        left = gpr_time_sub(gpr_convert_clock_type(call->details.deadline, GPR_CLOCK_MONOTONIC),
                gpr_now(GPR_CLOCK_MONOTONIC));
        return clock_monotonic_usec() + left.tv_sec * USEC_PER_SEC + left.tv_nsec / 1000;
}

void rpc_call_cancel(RpcCall *call) {
        if (g_atomic_int_compare_and_exchange(&call->cancelled, 0, 1) && call->cancel_fd >= 0)
                (void)eventfd_write(call->cancel_fd, 1);
}

/* Send @status, and call->response if the status is OK; the call is over afterwards. */
static void answer(RpcCall *call, grpc_status_code status, const char *text) {
        grpc_op ops[3] = {0};
        size_t count = 0;

        call->status_text = grpc_slice_from_copied_string(text);
        ops[count++].op = GRPC_OP_SEND_INITIAL_METADATA;
        if (call->response) {
                ops[count].op = GRPC_OP_SEND_MESSAGE;
                ops[count++].data.send_message.send_message = call->response;
        }
        ops[count].op = GRPC_OP_SEND_STATUS_FROM_SERVER;
        ops[count].data.send_status_from_server.status = status;
        ops[count++].data.send_status_from_server.status_details = &call->status_text;
        if (grpc_call_start_batch(call->call, ops, count, &call->sent, NULL) != GRPC_CALL_OK)
                g_error("grpc refused the batch of an answer");
}

static void answer_error(RpcCall *call, const GError *error) {
        g_autofree char *text = NULL;
        grpc_status_code status = rpc_status_translate(error, &text);
        gint64 msec = (clock_monotonic_usec() - call->started_usec) / 1000;

        metric_add(METRIC_OPERATION_ERRORS, 1);
        log_write(status == GRPC_STATUS_NOT_FOUND || status == GRPC_STATUS_UNIMPLEMENTED
                          ? LOG_LEVEL_INFO
                          : LOG_LEVEL_ERROR,
                "%s failed after %d ms: %s",
                call->method ? call->method->path : "an unknown method", (int)msec, text);
        answer(call, status, text);
}

/* The requested method and the two notifications that every call gets. */
static void on_arrived(RpcCall *call) {
        g_autofree char *path = grpc_slice_to_c_string(call->details.method);
        grpc_op close_op = {.op = GRPC_OP_RECV_CLOSE_ON_SERVER};
        grpc_op message_op = {.op = GRPC_OP_RECV_MESSAGE};
        g_autoptr(GError) error = NULL;

        call->started_usec = clock_monotonic_usec();
        call->arena = arena_new();
        call->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        call->method = g_hash_table_lookup(call->server->methods, path);
        close_op.data.recv_close_on_server.cancelled = arena_alloc(call->arena, sizeof(int));
        call->closed.call = call;
        grpc_call_start_batch(call->call, &close_op, 1, &call->closed, NULL);
        metric_add(METRIC_OPERATIONS, 1);
        if (call->method && call->method->handler) {
                message_op.data.recv_message.recv_message = &call->request;
                grpc_call_start_batch(call->call, &message_op, 1, &call->message, NULL);
                return;
        }
        fail(&error, ERROR_UNIMPLEMENTED, "%s: %s", path,
                call->method ? "this method is not built yet" : "no such method");
        answer_error(call, error);
}

void rpc_call_complete(Tag *tag, bool success) {
        RpcCall *call = tag->call;

        switch (tag->kind) {
        case TAG_ARRIVED:
                if (!success) {
                        call_free(call);
                        return;
                }
                rpc_call_post(call->server);
                on_arrived(call);
                return;
        case TAG_MESSAGE:
                if (g_atomic_int_get(&call->cancelled) || !success || !call->request) {
                        answer(call, GRPC_STATUS_CANCELLED, "the request did not arrive");
                        return;
                }
                g_thread_pool_push(call->server->workers, call, NULL);
                return;
        case TAG_CLOSED:
                /* Also comes when the call ended well; then nobody listens any more. */
                rpc_call_cancel(call);
                call_unref(call);
                return;
        case TAG_SENT:
                call_unref(call);
                return;
        case TAG_SHUTDOWN:
                return;
        }
}

static void *arena_allocate(void *arena, size_t size) {
        return arena_alloc(arena, size);
}

static void arena_ignore(void *arena, void *memory) {
}

static ProtobufCMessage *read_request(RpcCall *call, GError **error) {
        ProtobufCAllocator allocator = {arena_allocate, arena_ignore, call->arena};
        grpc_byte_buffer_reader reader;
        ProtobufCMessage *message;
        grpc_slice slice;

        if (!grpc_byte_buffer_reader_init(&reader, call->request))
                return fail_null(
                        error, ERROR_INVALID_ARGUMENT, "the request cannot be decompressed");
        slice = grpc_byte_buffer_reader_readall(&reader);
        message = protobuf_c_message_unpack(call->method->request, &allocator,
                GRPC_SLICE_LENGTH(slice), GRPC_SLICE_START_PTR(slice));
        grpc_slice_unref(slice);
        grpc_byte_buffer_reader_destroy(&reader);
        if (!message)
                return fail_null(error, ERROR_INVALID_ARGUMENT, "the request is not a %s",
                        call->method->request->name);
        return message;
}

static bool write_response(RpcCall *call, const ProtobufCMessage *message, GError **error) {
        size_t size = protobuf_c_message_get_packed_size(message);
        grpc_slice slice;

        if (size > (size_t)call->server->options.max_send)
                return fail(error, ERROR_RESOURCE_EXHAUSTED,
                        "the answer has %zu bytes, more than grpc_max_send_msg_size = %d", size,
                        call->server->options.max_send);
        slice = grpc_slice_malloc(size);
        protobuf_c_message_pack(message, GRPC_SLICE_START_PTR(slice));
        call->response = grpc_raw_byte_buffer_create(&slice, 1);
        grpc_slice_unref(slice);
        return true;
}

static bool run_handler(RpcCall *call, GError **error) {
        const RpcMethod *method = call->method;
        ProtobufCMessage *request = read_request(call, error);
        ProtobufCMessage *response;

        if (!request)
                return false;
        response = arena_alloc(call->arena, method->response->sizeof_message);
        protobuf_c_message_init(method->response, response);
        return method->handler(call->server->options.data, call, request, response, error) &&
               write_response(call, response, error);
}

void rpc_call_serve(RpcCall *call) {
        g_autoptr(GError) error = NULL;

        if (run_handler(call, &error)) {
                log_debug("%s answered after %d us", call->method->path,
                        (int)(clock_monotonic_usec() - call->started_usec));
                answer(call, GRPC_STATUS_OK, "");
                return;
        }
        if (!error)
                fail(&error, ERROR_INTERNAL, "%s failed without saying why", call->method->path);
        answer_error(call, error);
}
