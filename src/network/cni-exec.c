/* SPDX-License-Identifier: Apache-2.0 */
#include "network/cni-exec.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/process.h"

#define OUTPUT_LIMIT (1 << 20)
#define STDERR_SHOWN 4096
#define MESSAGE_LIMIT 2048
#define BUSY_RUNS 6

/* The numbers of the CNI specification that say "later". */
enum {
        CNI_ERROR_TRY_AGAIN = 11,
        CNI_ERROR_NOT_AVAILABLE = 50,
        CNI_ERROR_LIMITED = 51,
};

char *cni_plugin_find(const char *const *plugin_dirs, const char *type, GError **error) {
        g_autofree char *tried = NULL;

        for (unsigned i = 0; plugin_dirs[i]; i++) {
                g_autofree char *path = g_build_filename(plugin_dirs[i], type, NULL);
                struct stat status;

                if (stat(path, &status) == 0 && S_ISREG(status.st_mode))
                        return g_steal_pointer(&path);
        }
        tried = g_strjoinv(", ", (char **) plugin_dirs);
        return fail_null(error, ERROR_UNAVAILABLE, "CNI plugin %s is not installed in %s", type,
                         tried);
}

static void set_variable(GPtrArray *variables, const char *name, const char *value) {
        if (value)
                g_ptr_array_add(variables, g_strdup_printf("%s=%s", name, value));
}

/* Our environment, and in place of anything that begins with CNI_ this call. */
static GPtrArray *make_environment(const CniCall *call) {
        GPtrArray *variables = g_ptr_array_new_with_free_func(g_free);
        g_autofree char *path = g_strjoinv(":", (char **) call->plugin_dirs);

        for (char **entry = environ; *entry; entry++)
                if (!g_str_has_prefix(*entry, "CNI_"))
                        g_ptr_array_add(variables, g_strdup(*entry));
        set_variable(variables, "CNI_COMMAND", call->command);
        set_variable(variables, "CNI_CONTAINERID", call->container_id);
        set_variable(variables, "CNI_NETNS", call->netns);
        set_variable(variables, "CNI_IFNAME", call->ifname);
        set_variable(variables, "CNI_ARGS", call->args);
        set_variable(variables, "CNI_PATH", path);
        g_ptr_array_add(variables, NULL);
        return variables;
}

/* The spawn error ends in the words for ETXTBSY when the program is being written at this moment.
 * */
static bool is_busy(const GError *error) {
        return g_str_has_suffix(error->message, g_strerror(ETXTBSY));
}

static bool run(const CniCall *call, const ProcessOptions *options, const char *request,
                ProcessOutput *ret_output, GError **error) {
        for (unsigned runs = 1;; runs++) {
                g_autoptr(GError) failure = NULL;

                metric_add(METRIC_CNI_CALLS, 1);
                if (process_run(options, request, OUTPUT_LIMIT, call->deadline_usec, ret_output,
                                &failure))
                        return true;
                if (runs == BUSY_RUNS || !is_busy(failure)) {
                        g_propagate_error(error, g_steal_pointer(&failure));
                        return false;
                }
                /* Nothing tells that the writer is done, so this second is the CNI convention. */
                fd_wait(-1, 0, MIN(clock_deadline_usec(1), call->deadline_usec), -1);
        }
}

/* At most MESSAGE_LIMIT bytes, valid UTF-8, without the end of line. */
static char *tidy(const char *text) {
        g_autofree char *start = g_strndup(text, MESSAGE_LIMIT);

        return g_strchomp(g_utf8_make_valid(start, -1));
}

static ErrorCode map_code(gint64 code) {
        bool later = code == CNI_ERROR_TRY_AGAIN || code == CNI_ERROR_NOT_AVAILABLE ||
                     code == CNI_ERROR_LIMITED;

        return later ? ERROR_UNAVAILABLE : ERROR_UNKNOWN;
}

/* The plugin's own words, or else its last resort: stderr and how it ended. */
static bool fail_as_plugin(const CniCall *call, const char *type, const ProcessOutput *output,
                           GError **error) {
        g_autoptr(Json) json = json_parse(output->out, output->out_length, type, NULL);
        g_autofree char *ending = process_status_print(output->status);
        const char *text = json_get_string(json, "msg");
        const char *more = json_get_string(json, "details");
        g_autofree char *message = NULL, *details = NULL;

        if (text && *text) {
                message = tidy(text);
                details = tidy(more ? more : "");
                return fail(error, map_code(json_get_int(json, "code", 0)),
                            "CNI plugin %s, %s: %s%s%s", type, call->command, message,
                            *details ? "; " : "", details);
        }
        message = tidy(*output->err ? output->err : output->out);
        return fail(error, ERROR_UNKNOWN, "CNI plugin %s, %s: %s%s%s", type, call->command, ending,
                    *message ? ": " : "", message);
}

bool cni_exec(const CniCall *call, const char *type, const char *request, char **ret_output,
              GError **error) {
        g_autofree char *path = cni_plugin_find(call->plugin_dirs, type, error);
        g_autoptr(GPtrArray) environment = NULL;
        g_auto(ProcessOutput) output = { 0 };

        if (!path)
                return false;
        environment = make_environment(call);
        if (!run(call,
                 &(ProcessOptions) { .argv = (const char *const[]) { path, NULL },
                                     .envp = (const char *const *) environment->pdata },
                 request, &output, error)) {
                g_prefix_error(error, "CNI plugin %s, %s: ", type, call->command);
                return false;
        }
        if (*output.err)
                log_debug("CNI plugin %s, %s: stderr: %.*s", type, call->command, STDERR_SHOWN,
                          output.err);
        if (!WIFEXITED(output.status) || WEXITSTATUS(output.status) != 0)
                return fail_as_plugin(call, type, &output, error);
        if (ret_output)
                *ret_output = g_steal_pointer(&output.out);
        return true;
}
