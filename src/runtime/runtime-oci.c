/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/metric.h"
#include "runtime/runtime-private.h"
#include "runtime/spec-private.h"

#define CALL_SECONDS 120
#define OUTPUT_LIMIT ((size_t)4 * 1024 * 1024)
#define DEFAULT_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

GStrv runtime_make_environment(void) {
        g_autoptr(GPtrArray) entries = g_ptr_array_new();
        const char *path = g_getenv("PATH");
        const char *folder = g_getenv("XDG_RUNTIME_DIR");

        g_ptr_array_add(entries, path ? g_strconcat("PATH=", path, NULL) : g_strdup(DEFAULT_PATH));
        if (folder)
                g_ptr_array_add(entries, g_strconcat("XDG_RUNTIME_DIR=", folder, NULL));
        g_ptr_array_add(entries, NULL);
        return (GStrv)g_ptr_array_free(g_steal_pointer(&entries), FALSE);
}

bool runtime_call(const Runtime *runtime, const char *const *arguments, const char *input,
        ProcessOutput *ret_output, GError **error) {
        g_autoptr(GPtrArray) argv = g_ptr_array_new();
        g_auto(GStrv) envp = runtime_make_environment();
        ProcessOptions options = {.envp = (const char *const *)envp, .cwd = "/"};

        g_ptr_array_add(argv, runtime->path);
        if (runtime->systemd_cgroup)
                g_ptr_array_add(argv, (char *)"--systemd-cgroup");
        g_ptr_array_add(argv, (char *)"--root");
        g_ptr_array_add(argv, runtime->root);
        for (unsigned i = 0; arguments[i]; i++)
                g_ptr_array_add(argv, (char *)arguments[i]);
        g_ptr_array_add(argv, NULL);
        options.argv = (const char *const *)argv->pdata;
        metric_add(METRIC_RUNTIME_CALLS, 1);
        return process_run(&options, input, OUTPUT_LIMIT, clock_deadline_usec(CALL_SECONDS),
                ret_output, error);
}

/* text */

/* The value of msg="..." in a logfmt line, unquoted; NULL when there is none. */
static char *logfmt_message(const char *line) {
        const char *start = strstr(line, "msg=\"");
        g_autoptr(GString) text = g_string_new(NULL);

        if (!start || !strstr(line, "level="))
                return NULL;
        for (const char *c = start + 5; *c && *c != '"'; c++) {
                if (*c == '\\' && c[1])
                        c++;
                g_string_append_c(text, *c);
        }
        return g_string_free(g_steal_pointer(&text), FALSE);
}

/* crun puts "2006-01-02T15:04:05.000000Z: " in front when it logs to a file or a journal. */
static const char *skip_time(const char *line) {
        const char *colon = strstr(line, "Z: ");

        return colon && colon - line < 32 && g_ascii_isdigit(*line) ? colon + 3 : line;
}

char *runtime_clean_text(const char *text) {
        g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
        char *chosen = NULL;

        for (unsigned i = g_strv_length(lines); i > 0 && !chosen; i--) {
                g_strstrip(lines[i - 1]);
                /* A monitor adds that there is no container, after the runtime has said why. */
                if (!*lines[i - 1] || g_str_has_prefix(lines[i - 1], "[conmon"))
                        continue;
                chosen = logfmt_message(lines[i - 1]);
                if (!chosen)
                        chosen = g_strndup(skip_time(lines[i - 1]), 4096);
        }
        if (!chosen)
                return g_strdup("no message");
        for (char *c = chosen; *c; c++)
                if ((guchar)*c < ' ' || *c == 0x7f)
                        *c = ' ';
        if (!g_utf8_validate(chosen, -1, NULL)) {
                char *valid = g_utf8_make_valid(chosen, -1);

                g_free(chosen);
                chosen = valid;
        }
        return chosen;
}

/* verbs */

static bool check_status(const Runtime *runtime, const char *verb, const char *id,
        const ProcessOutput *output, GError **error) {
        g_autofree char *text = NULL;
        g_autofree char *status = NULL;

        if (output->status == 0)
                return true;
        text = runtime_clean_text(output->err);
        status = process_status_print(output->status);
        return fail(error, ERROR_UNKNOWN, "%s %s of container %s: %s (%s)", runtime->name, verb, id,
                text, status);
}

bool runtime_start(const Runtime *runtime, const char *id, GError **error) {
        const char *const arguments[] = {"start", id, NULL};
        g_auto(ProcessOutput) output = {0};

        return runtime_call(runtime, arguments, NULL, &output, error) &&
               check_status(runtime, "start", id, &output, error);
}

static bool says_unknown(const char *text) {
        return strstr(text, "does not exist") || strstr(text, "no such container") ||
               strstr(text, "not found");
}

bool runtime_delete(const Runtime *runtime, const char *id, GError **error) {
        const char *const arguments[] = {"delete", "--force", id, NULL};
        g_auto(ProcessOutput) output = {0};

        if (!runtime_call(runtime, arguments, NULL, &output, error))
                return false;
        if (output.status != 0 && says_unknown(output.err))
                return true;
        return check_status(runtime, "delete", id, &output, error);
}

bool runtime_update(const Runtime *runtime, const char *id,
        const CriLinuxContainerResources *resources, GError **error) {
        const char *const arguments[] = {"update", "--resources", "-", id, NULL};
        g_autoptr(Json) json = spec_make_resources(resources, NULL, error);
        g_auto(ProcessOutput) output = {0};
        g_autofree char *text = NULL;

        if (!json)
                return false;
        if (json_length(json) == 0)
                return true;
        text = json_print(json, NULL);
        return runtime_call(runtime, arguments, text, &output, error) &&
               check_status(runtime, "update", id, &output, error);
}
