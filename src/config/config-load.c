/* SPDX-License-Identifier: Apache-2.0 */
/* Where values come from: defaults, files, environment, flags. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "config/arguments.h"
#include "config/config-private.h"

#define DEFAULT_FILE "/etc/crio/crio.conf"
#define DEFAULT_DIR  "/etc/crio/crio.conf.d"
#define DEPTH_LIMIT  8

static int compare_names(const void *a, const void *b) {
        return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Every file, whatever its name, in the order of their names. */
static bool apply_dir(Config *config, const char *path, unsigned depth, GError **error) {
        g_autoptr(GPtrArray) names = dir_list(AT_FDCWD, path, error);

        if (!names)
                return false;
        g_ptr_array_sort(names, compare_names);
        for (guint i = 0; i < names->len; i++) {
                g_autofree char *entry = g_build_filename(path, names->pdata[i], NULL);
                bool is_dir = g_file_test(entry, G_FILE_TEST_IS_DIR);

                if (is_dir && depth == DEPTH_LIMIT)
                        return fail(error, ERROR_INVALID_ARGUMENT, "%s: nested too deeply", entry);
                if (!(is_dir ? apply_dir(config, entry, depth + 1, error)
                             : config_apply_file(config, entry, error)))
                        return false;
        }
        return true;
}

static bool apply_files(Config *config, const Arguments *arguments, GError **error) {
        const char *file = arguments->config_file ? arguments->config_file : DEFAULT_FILE;
        const char *dir = arguments->config_dir ? arguments->config_dir : DEFAULT_DIR;
        bool skip = !*file || (!arguments->config_file && access(file, F_OK) < 0);

        return (skip || config_apply_file(config, file, error)) &&
               (!*dir || apply_dir(config, dir, 0, error));
}

static bool apply_environment(Config *config, GError **error) {
        for (unsigned i = 0; i < config_options.count; i++) {
                const Option *option = &config_options.options[i];
                g_auto(GStrv) names = g_strsplit(option->environment, " ", -1);

                for (unsigned k = 0; names[k]; k++) {
                        const char *value = *names[k] ? g_getenv(names[k]) : NULL;

                        if (value && !option_set_text(option, config, value, names[k], error))
                                return false;
                }
        }
        return true;
}

static bool apply_flags(Config *config, const Arguments *arguments, GError **error) {
        for (guint i = 0; i + 1 < arguments->settings->len; i += 2) {
                const char *name = arguments->settings->pdata[i];
                g_autofree char *where = g_strconcat("--", name, NULL);

                if (!option_set_text(option_find_flag(name), config,
                            arguments->settings->pdata[i + 1], where, error))
                        return false;
        }
        return true;
}

/* name:path:root[:type[:privileged_without_host_devices[:config[:minimum memory]]]] */
static bool apply_runtime(Config *config, const char *text, GError **error) {
        static const char *const keys[] = {"runtime_path", "runtime_root", "runtime_type",
                "privileged_without_host_devices", "runtime_config_path", "container_min_memory"};
        g_auto(GStrv) parts = g_strsplit(text, ":", -1);
        guint count = g_strv_length(parts);
        RuntimeHandlerConfig *handler;

        if (count < 3 || count > 7 || !*parts[0])
                return fail(error, ERROR_INVALID_ARGUMENT,
                        "--runtimes: \"%s\" has to be "
                        "name:path:root[:type[:privileged[:config[:memory]]]]",
                        text);
        handler = handler_config_new(parts[0]);
        config_put_handler(config, handler);
        for (guint i = 1; i < count; i++) {
                const Option *option = option_find_key(&handler_options, NULL, keys[i - 1]);

                if (*parts[i] && !option_set_text(option, handler, parts[i], "--runtimes", error))
                        return false;
        }
        return true;
}

static void copy_text(char **place, const char *text) {
        if (!text)
                return;
        g_free(*place);
        *place = g_strdup(text);
}

Config *config_load_values(const Arguments *arguments, GError **error) {
        g_autoptr(Config) config = config_new();

        if (!apply_files(config, arguments, error) || !apply_environment(config, error) ||
                !apply_flags(config, arguments, error))
                return NULL;
        for (unsigned i = 0; arguments->runtimes && arguments->runtimes[i]; i++)
                if (!apply_runtime(config, arguments->runtimes[i], error))
                        return NULL;
        copy_text(&config->registries_conf, arguments->registries_conf);
        copy_text(&config->registries_conf_dir, arguments->registries_conf_dir);
        copy_text(&config->log_file, arguments->log_file);
        return config_finish(config, error) ? g_steal_pointer(&config) : NULL;
}

/* A second snapshot with a default that nobody writes down shows whether the option was set. */
static bool is_manager_set(const Arguments *arguments) {
        const Option *option = option_find_key(&config_options, "crio.runtime", "cgroup_manager");
        g_autoptr(Config) probe = config_new();

        option_set_text(option, probe, "unset", "", NULL);
        return !apply_files(probe, arguments, NULL) || !apply_environment(probe, NULL) ||
               !apply_flags(probe, arguments, NULL) || !g_str_equal(probe->cgroup_manager, "unset");
}

Config *config_load(const Arguments *arguments, GError **error) {
        g_autoptr(Config) config = config_load_values(arguments, error);

        if (!config || !config_resolve(config, is_manager_set(arguments), error))
                return NULL;
        return g_steal_pointer(&config);
}
