/* SPDX-License-Identifier: Apache-2.0 */
/* One configuration file into a snapshot that is being made. */

#include <fcntl.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "config/config-private.h"

#define FILE_LIMIT (1 << 20)

/* The file that is being read. */
typedef struct Source {
        Config *config;
        const char *path;
} Source;

static bool is_table(const Toml *value) {
        return value && toml_get_type(value) == TOML_TABLE;
}

/* Go's decoder does not look at case. */
static const Toml *get(const Toml *table, const char *key) {
        for (size_t i = 0; i < toml_length(table); i++)
                if (g_ascii_strcasecmp(toml_key_at(table, i), key) == 0)
                        return toml_at(table, i);
        return NULL;
}

static void warn_unknown(
        const Source *source, const Toml *value, const char *table, const char *key) {
        log_warning("%s:%d: there is no option %s in [%s], ignoring it", source->path,
                toml_get_line(value), key, table);
}

/* "" does not take back what an earlier file said, and options of the driver add up. */
static bool set_special(Config *config, const Option *option, const Toml *value) {
        static const char *const kept[] = {"root", "runroot", "storage_driver", NULL};

        if (g_strv_contains(kept, option->key) && g_strcmp0(toml_string(value), "") == 0)
                return true;
        if (!g_str_equal(option->key, "storage_option") || toml_get_type(value) != TOML_ARRAY)
                return false;
        for (size_t i = 0; i < toml_length(value); i++) {
                const char *item = toml_string(toml_at(value, i));
                guint length = g_strv_length(config->storage_option);

                if (!item)
                        return false;
                config->storage_option = g_renew(char *, config->storage_option, length + 2);
                config->storage_option[length] = g_strdup(item);
                config->storage_option[length + 1] = NULL;
        }
        return true;
}

/* Any object that is described by a table of options. */
static bool read_object(const Source *source, const OptionTable *options, void *object,
        const char *name, const Toml *table, GError **error) {
        for (size_t i = 0; i < toml_length(table); i++) {
                const char *key = toml_key_at(table, i);
                const Option *option = option_find_key(options, NULL, key);

                if (!option)
                        warn_unknown(source, toml_at(table, i), name, key);
                else if (!option_set_toml(option, object, toml_at(table, i), source->path, error))
                        return false;
        }
        return true;
}

/* A table in a later file replaces the whole entry of that name. */
static bool read_handlers(const Source *source, const Toml *handlers, GError **error) {
        for (size_t i = 0; i < toml_length(handlers); i++) {
                const char *name = toml_key_at(handlers, i);
                RuntimeHandlerConfig *handler;

                if (!is_table(toml_at(handlers, i)))
                        return fail(error, ERROR_INVALID_ARGUMENT,
                                "%s:%d: crio.runtime.runtimes.%s has to be a table", source->path,
                                toml_get_line(toml_at(handlers, i)), name);
                handler = handler_config_new(name);
                config_put_handler(source->config, handler);
                if (!read_object(source, &handler_options, handler, "crio.runtime.runtimes",
                            toml_at(handlers, i), error))
                        return false;
        }
        return true;
}

static bool read_workloads(const Source *source, const Toml *workloads, GError **error) {
        for (size_t i = 0; i < toml_length(workloads); i++) {
                const Toml *table = toml_at(workloads, i);
                WorkloadConfig *workload = workload_config_new(toml_key_at(workloads, i));
                const Toml *resources = get(table, "resources");

                g_ptr_array_add(source->config->workloads, workload);
                if (!is_table(table) || (resources && !is_table(resources)))
                        return fail(error, ERROR_INVALID_ARGUMENT,
                                "%s:%d: crio.runtime.workloads.%s has to be a table", source->path,
                                toml_get_line(table), workload->name);
                for (size_t k = 0; k < toml_length(table); k++) {
                        const Option *option =
                                option_find_key(&workload_options, NULL, toml_key_at(table, k));

                        if (option && !option_set_toml(option, workload, toml_at(table, k),
                                              source->path, error))
                                return false;
                }
                if (resources && !read_object(source, &workload_options, workload, "resources",
                                         resources, error))
                        return false;
        }
        return true;
}

static bool read_table(const Source *source, const char *name, const Toml *table, GError **error);

/* One member of a table: an option, or a table of its own. */
static bool read_member(const Source *source, const char *name, const char *key, const Toml *value,
        GError **error) {
        const Option *option = option_find_key(&config_options, name, key);
        g_autofree char *inner = g_strconcat(name, ".", key, NULL);

        if (option)
                return set_special(source->config, option, value) ||
                       option_set_toml(option, source->config, value, source->path, error);
        if (!is_table(value)) {
                warn_unknown(source, value, name, key);
                return true;
        }
        if (g_str_equal(inner, "crio.runtime.runtimes"))
                return read_handlers(source, value, error);
        if (g_str_equal(inner, "crio.runtime.workloads"))
                return read_workloads(source, value, error);
        return read_table(source, inner, value, error);
}

static bool read_table(const Source *source, const char *name, const Toml *table, GError **error) {
        for (size_t i = 0; i < toml_length(table); i++)
                if (!read_member(source, name, toml_key_at(table, i), toml_at(table, i), error))
                        return false;
        return true;
}

bool config_apply_file(Config *config, const char *path, GError **error) {
        Source source = {config, path};
        g_autofree char *text = NULL;
        g_autoptr(Toml) root = NULL;
        const Toml *crio;
        size_t length;

        if (!file_read(AT_FDCWD, path, FILE_LIMIT, &text, &length, error))
                return false;
        root = toml_parse(text, length, path, error);
        if (!root)
                return false;
        for (size_t i = 0; i < toml_length(root); i++)
                if (g_ascii_strcasecmp(toml_key_at(root, i), "crio") != 0)
                        log_warning("%s:%d: only [crio] tables are read, ignoring %s", path,
                                toml_get_line(toml_at(root, i)), toml_key_at(root, i));
        crio = get(root, "crio");
        return !crio || read_table(&source, "crio", crio, error);
}
