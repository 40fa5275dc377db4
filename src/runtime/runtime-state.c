/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <sys/wait.h>

#include "base/error.h"
#include "base/json.h"
#include "runtime/runtime-private.h"

bool runtime_is_running(const Runtime *runtime, const char *id, bool *ret_running, GError **error) {
        const char *arguments[] = {"state", id, NULL};
        g_auto(ProcessOutput) output = {0};
        g_autoptr(Json) state = NULL;

        if (!runtime_call(runtime, arguments, NULL, &output, error))
                return false;
        if (!WIFEXITED(output.status) || WEXITSTATUS(output.status) != 0)
                return fail(error, ERROR_UNKNOWN, "%s state: %s", runtime_get_path(runtime),
                        g_strchomp(output.err));
        state = json_parse(output.out, output.out_length, "runtime state", error);
        if (!state)
                return false;
        *ret_running = g_strcmp0(json_get_string(state, "status"), "running") == 0;
        return true;
}
