/* SPDX-License-Identifier: Apache-2.0 */
#include "config/config.h"

#include <string.h>

#include "config/config-private.h"

static RuntimeHandlerConfig *handler_alloc(const char *name) {
        RuntimeHandlerConfig *handler = g_new0(RuntimeHandlerConfig, 1);

        handler->name = g_strdup(name);
        return handler;
}

RuntimeHandlerConfig *handler_config_new(const char *name) {
        RuntimeHandlerConfig *handler = handler_alloc(name);

        options_set_defaults(&handler_options, handler);
        return handler;
}

void handler_config_free(RuntimeHandlerConfig *handler) {
        options_clear(&handler_options, handler);
        g_free(handler->name);
        g_free(handler);
}

WorkloadConfig *workload_config_new(const char *name) {
        WorkloadConfig *workload = g_new0(WorkloadConfig, 1);

        workload->name = g_strdup(name);
        options_set_defaults(&workload_options, workload);
        return workload;
}

static void workload_config_free(void *data) {
        WorkloadConfig *workload = data;

        options_clear(&workload_options, workload);
        g_free(workload->name);
        g_free(workload);
}

Config *config_new(void) {
        Config *config = g_atomic_rc_box_new0(Config);

        options_set_defaults(&config_options, config);
        config->runtimes = g_ptr_array_new_with_free_func((GDestroyNotify)handler_config_free);
        config->workloads = g_ptr_array_new_with_free_func(workload_config_free);
        config->registries_conf = g_strdup("");
        config->registries_conf_dir = g_strdup("");
        config->log_file = g_strdup("");
        g_ptr_array_add(config->runtimes, handler_config_new("crun"));
        return config;
}

Config *config_ref(Config *config) {
        return g_atomic_rc_box_acquire(config);
}

static void config_clear(void *data) {
        Config *config = data;

        options_clear(&config_options, config);
        g_ptr_array_unref(config->runtimes);
        g_ptr_array_unref(config->workloads);
        g_free(config->registries_conf);
        g_free(config->registries_conf_dir);
        g_free(config->log_file);
}

void config_unref(Config *config) {
        g_atomic_rc_box_release_full(config, config_clear);
}

void config_put_handler(Config *config, RuntimeHandlerConfig *take) {
        for (guint i = 0; i < config->runtimes->len; i++) {
                RuntimeHandlerConfig *old = config->runtimes->pdata[i];

                if (!g_str_equal(old->name, take->name))
                        continue;
                handler_config_free(old);
                config->runtimes->pdata[i] = take;
                return;
        }
        g_ptr_array_add(config->runtimes, take);
}

const RuntimeHandlerConfig *config_find_runtime(const Config *config, const char *handler) {
        const char *name = *handler ? handler : config->default_runtime;

        for (guint i = 0; i < config->runtimes->len; i++) {
                const RuntimeHandlerConfig *found = config->runtimes->pdata[i];

                if (g_str_equal(found->name, name))
                        return found;
        }
        return NULL;
}

char *config_list_without_effect(const Config *config) {
        g_autoptr(Config) defaults = config_new();
        g_autoptr(GString) names = g_string_new(NULL);

        for (unsigned i = 0; i < config_options.count; i++) {
                const Option *option = &config_options.options[i];

                if (!option->works && !option_is_equal(option, config, defaults))
                        g_string_append_printf(names, "%s%s", names->len ? ", " : "", option->key);
        }
        for (guint i = 0; i < config->workloads->len; i++)
                g_string_append_printf(names, "%sworkloads.%s", names->len ? ", " : "",
                        ((const WorkloadConfig *)config->workloads->pdata[i])->name);
        return names->len ? g_string_free(g_steal_pointer(&names), FALSE) : NULL;
}
