/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/runtime.h"

#include <string.h>

#include "base/error.h"
#include "runtime/runtime-private.h"

struct RuntimeTable {
        GPtrArray *runtimes; /* Runtime */
        char *default_name;
};

static void *ask_in_thread(void *data) {
        runtime_ask_features(data);
        return NULL;
}

static void runtime_free(void *data) {
        Runtime *runtime = data;

        if (runtime->asker)
                g_thread_join(runtime->asker);
        runtime_features_clear(&runtime->features);
        g_free(runtime->spec_version);
        g_free(runtime->name);
        g_free(runtime->path);
        g_free(runtime->root);
        g_free(runtime);
}

static Runtime *runtime_new(const Config *config, const RuntimeHandlerConfig *handler) {
        Runtime *runtime = g_new0(Runtime, 1);

        runtime->name = g_strdup(handler->name);
        runtime->path = g_strdup(handler->runtime_path);
        runtime->root = g_strdup(handler->runtime_root);
        runtime->config = handler;
        runtime->systemd_cgroup = g_strcmp0(config->cgroup_manager, "systemd") == 0;
        return runtime;
}

/* The question takes a runtime some milliseconds and up; the daemon's start does not wait for the
 * answers. */
RuntimeTable *runtime_table_new(const Config *config, GError **error) {
        g_autoptr(RuntimeTable) table = g_new0(RuntimeTable, 1);

        table->runtimes = g_ptr_array_new_with_free_func(runtime_free);
        table->default_name = g_strdup(config->default_runtime);
        for (guint i = 0; i < config->runtimes->len; i++) {
                const RuntimeHandlerConfig *handler = config->runtimes->pdata[i];

                if (handler->runtime_type && *handler->runtime_type &&
                        strcmp(handler->runtime_type, "oci") != 0)
                        return fail_null(error, ERROR_UNIMPLEMENTED,
                                "runtime handler %s: runtime_type %s is not built, only oci",
                                handler->name, handler->runtime_type);
                g_ptr_array_add(table->runtimes, runtime_new(config, handler));
        }
        if (!runtime_table_find(table, "", error))
                return NULL;
        for (guint i = 0; i < table->runtimes->len; i++) {
                Runtime *runtime = table->runtimes->pdata[i];

                runtime->asker = g_thread_new("features", ask_in_thread, runtime);
        }
        return g_steal_pointer(&table);
}

void runtime_table_free(RuntimeTable *table) {
        if (!table)
                return;
        g_ptr_array_unref(table->runtimes);
        g_free(table->default_name);
        g_free(table);
}

static char *list_names(const RuntimeTable *table) {
        GString *text = g_string_new("[");

        for (guint i = 0; i < table->runtimes->len; i++) {
                const Runtime *runtime = table->runtimes->pdata[i];

                g_string_append_printf(text, "%s%s", i ? " " : "", runtime->name);
        }
        return g_string_free(g_string_append_c(text, ']'), FALSE);
}

const Runtime *runtime_table_find(const RuntimeTable *table, const char *handler, GError **error) {
        const char *wanted = handler && *handler ? handler : table->default_name;
        g_autofree char *names = NULL;

        for (guint i = 0; wanted && i < table->runtimes->len; i++) {
                const Runtime *runtime = table->runtimes->pdata[i];

                if (strcmp(runtime->name, wanted) == 0)
                        return runtime;
        }
        names = list_names(table);
        return fail_null(error, ERROR_NOT_FOUND,
                "failed to find runtime handler %.128s from runtime list %s",
                wanted ? wanted : "(default)", names);
}

GPtrArray *runtime_table_list(const RuntimeTable *table) {
        GPtrArray *list = g_ptr_array_new();

        for (guint i = 0; i < table->runtimes->len; i++)
                g_ptr_array_add(list, table->runtimes->pdata[i]);
        return list;
}

const char *runtime_get_name(const Runtime *runtime) {
        return runtime->name;
}

const char *runtime_get_path(const Runtime *runtime) {
        return runtime->path;
}

const char *runtime_get_root(const Runtime *runtime) {
        return runtime->root;
}

const RuntimeHandlerConfig *runtime_get_config(const Runtime *runtime) {
        return runtime->config;
}

/* The answer is filled in once and never changes after that, which is what const means here. */
const RuntimeFeatures *runtime_get_features(const Runtime *runtime) {
        runtime_ask_features((Runtime *)runtime);
        return &runtime->features;
}

const char *runtime_get_spec_version(const Runtime *runtime) {
        runtime_ask_features((Runtime *)runtime);
        return runtime->spec_version;
}
