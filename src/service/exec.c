/* SPDX-License-Identifier: Apache-2.0 */
/* ExecSync. */

#include "base/error.h"
#include "service/service-private.h"

static void clear_result(void *result) {
        monitor_exec_result_clear(result);
}

SERVICE_HANDLER(service_exec_sync) {
        const CriExecSyncRequest *request = in;
        CriExecSyncResponse *response = out;
        Container *container = service_need_container(data, call, request->container_id, error);
        Arena *arena = rpc_call_arena(call);
        const char **command;
        MonitorExecResult *result;

        if (!container)
                return false;
        if (request->n_cmd == 0)
                return fail(error, ERROR_INVALID_ARGUMENT, "exec command cannot be empty");
        if (request->timeout < 0)
                return fail(error, ERROR_INVALID_ARGUMENT, "timeout %d is negative",
                        (int)request->timeout);
        command = arena_new_array(arena, const char *, request->n_cmd + 1);
        for (size_t i = 0; i < request->n_cmd; i++)
                command[i] = request->cmd[i];

        result = arena_alloc(arena, sizeof(*result));
        if (!container_exec_sync(
                    container, command, request->timeout, rpc_call_cancel_fd(call), result, error))
                return false;
        arena_keep(arena, result, clear_result);
        response->stdout.data = result->out->data;
        response->stdout.len = result->out->len;
        response->stderr.data = result->err->data;
        response->stderr.len = result->err->len;
        response->exit_code = result->exit_code;
        return true;
}
