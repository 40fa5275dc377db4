/* SPDX-License-Identifier: Apache-2.0 */
/* What follows from the values, and what no configuration may say. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "config/config-private.h"

#define SIZE_MAX_MESSAGE       (80 << 20)
#define STOP_SECONDS_MIN       30
#define CREATE_SECONDS_MIN     30
#define LOG_SIZE_MIN           8192
#define MEMORY_DEFAULT_HANDLER (500 << 10)
#define MEMORY_OTHERS          (12 << 20)

static void set_text(char **place, const char *text) {
        g_free(*place);
        *place = g_strdup(text);
}

/* Programs */

/* Beside our own program (also in a build tree), else in PATH. */
static char *find_conmon(void) {
        g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
        g_autofree char *folder = self ? g_path_get_dirname(self) : g_strdup("/usr/bin");
        const char *const places[] = {"../libexec/crio/conmon", "../conmon/conmon", "conmon"};

        for (unsigned i = 0; i < G_N_ELEMENTS(places); i++) {
                g_autofree char *path = g_build_filename(folder, places[i], NULL);

                if (access(path, X_OK) == 0 && !g_file_test(path, G_FILE_TEST_IS_DIR))
                        return g_canonicalize_filename(path, NULL);
        }
        return g_find_program_in_path("conmon");
}

static bool find_monitor(const Config *config, RuntimeHandlerConfig *handler, GError **error) {
        g_autofree char *found = NULL;

        if (!*handler->monitor_path)
                set_text(&handler->monitor_path, config->conmon);
        if (!*handler->monitor_path) {
                found = find_conmon();
                set_text(&handler->monitor_path, found ? found : "");
        }
        if (*handler->monitor_path == '/' && access(handler->monitor_path, X_OK) == 0)
                return true;
        return fail(error, ERROR_INVALID_ARGUMENT,
                "handler %s: the monitor \"%s\" is no program; install conmon, or set conmon to "
                "its full path",
                handler->name, handler->monitor_path);
}

static bool find_runtime(RuntimeHandlerConfig *handler) {
        g_autofree char *found = NULL;

        if (!*handler->runtime_path) {
                found = g_find_program_in_path(handler->name);
                set_text(&handler->runtime_path, found ? found : "");
        }
        return *handler->runtime_path == '/' && access(handler->runtime_path, X_OK) == 0;
}

/* Handlers */

static void inherit(RuntimeHandlerConfig *handler, const RuntimeHandlerConfig *standard) {
        if (!handler->inherit_default_runtime || !standard)
                return;
        set_text(&handler->runtime_path, standard->runtime_path);
        set_text(&handler->runtime_type, standard->runtime_type);
        set_text(&handler->runtime_root, standard->runtime_root);
        set_text(&handler->runtime_config_path, standard->runtime_config_path);
}

static bool check_monitor_cgroup(
        const Config *config, RuntimeHandlerConfig *handler, GError **error) {
        bool systemd = g_str_equal(config->cgroup_manager, "systemd");

        if (!*handler->monitor_cgroup)
                set_text(&handler->monitor_cgroup, config->conmon_cgroup);
        if (!*handler->monitor_cgroup || g_str_equal(handler->monitor_cgroup, "pod"))
                return true;
        if (systemd && g_str_has_suffix(handler->monitor_cgroup, ".slice"))
                return true;
        return fail(error, ERROR_INVALID_ARGUMENT,
                "handler %s: monitor_cgroup (or conmon_cgroup) \"%s\" has to be \"pod\" or %s with "
                "cgroup_manager \"%s\"",
                handler->name, handler->monitor_cgroup, systemd ? "the name of a slice" : "empty",
                config->cgroup_manager);
}

static bool finish_handler(
        const Config *config, RuntimeHandlerConfig *handler, bool is_default, GError **error) {
        if (!*handler->runtime_root) {
                g_free(handler->runtime_root);
                handler->runtime_root = g_build_filename("/run", handler->name, NULL);
        }
        if (handler->container_min_memory == 0)
                handler->container_min_memory = is_default ? MEMORY_DEFAULT_HANDLER : MEMORY_OTHERS;
        if (handler->container_create_timeout < CREATE_SECONDS_MIN) {
                log_warning("handler %s: container_create_timeout is raised to %d", handler->name,
                        CREATE_SECONDS_MIN);
                handler->container_create_timeout = CREATE_SECONDS_MIN;
        }
        if (!handler->monitor_env[0] && config->conmon_env[0]) {
                g_strfreev(handler->monitor_env);
                handler->monitor_env = g_strdupv(config->conmon_env);
        }
        if (*handler->runtime_type && !g_str_equal(handler->runtime_type, "oci"))
                return fail(error, ERROR_INVALID_ARGUMENT,
                        "handler %s: runtime_type \"%s\" is not built in this release; \"oci\" is",
                        handler->name, handler->runtime_type);
        return find_monitor(config, handler, error) && check_monitor_cgroup(config, handler, error);
}

/* A handler whose program is missing goes, unless it is the default one. */
static bool finish_handlers(Config *config, GError **error) {
        const RuntimeHandlerConfig *standard = config_find_runtime(config, "");

        if (!standard)
                return fail(error, ERROR_INVALID_ARGUMENT,
                        "default_runtime is \"%s\", but there is no table "
                        "[crio.runtime.runtimes.%s]",
                        config->default_runtime, config->default_runtime);
        for (guint i = config->runtimes->len; i > 0; i--) {
                RuntimeHandlerConfig *handler = config->runtimes->pdata[i - 1];

                inherit(handler, standard);
                if (!find_runtime(handler) && handler == standard)
                        return fail(error, ERROR_INVALID_ARGUMENT,
                                "default_runtime %s: \"%s\" is no program; install it, or set "
                                "runtime_path in [crio.runtime.runtimes.%s] to its full path",
                                handler->name,
                                *handler->runtime_path ? handler->runtime_path : handler->name,
                                handler->name);
                if (!find_runtime(handler)) {
                        log_warning("handler %s: \"%s\" is no program; pods cannot use this "
                                    "handler",
                                handler->name, handler->runtime_path);
                        g_ptr_array_remove_index(config->runtimes, i - 1);
                        continue;
                }
                if (!finish_handler(config, handler, handler == standard, error))
                        return false;
        }
        return true;
}

/* Values */

typedef struct Choice {
        const char *key;
        char *const *value;
        const char *words;
} Choice;

static bool check_choice(const Choice *choice, GError **error) {
        g_auto(GStrv) words = g_strsplit(choice->words, " ", -1);
        LogLevel level;

        if (g_str_equal(choice->key, "log_level") && log_level_parse(*choice->value, &level))
                return true;
        if (g_strv_contains((const char *const *)words, *choice->value))
                return true;
        return fail(error, ERROR_INVALID_ARGUMENT, "%s is \"%s\"; it has to be one of: %s",
                choice->key, *choice->value, choice->words);
}

static bool check_choices(const Config *config, GError **error) {
        const Choice choices[] = {
                {"image_volumes", &config->image_volumes, "mkdir bind ignore"},
                {"cgroup_manager", &config->cgroup_manager, "systemd cgroupfs"},
                {"short_name_mode", &config->short_name_mode, "enforcing disabled"},
                {"tls_min_version", &config->tls_min_version, "VersionTLS12 VersionTLS13"},
                {"default_transport", &config->default_transport, "docker://"},
                {"log_level", &config->log_level, "trace debug info warn error fatal panic"},
        };

        for (unsigned i = 0; i < G_N_ELEMENTS(choices); i++)
                if (!check_choice(&choices[i], error))
                        return false;
        if (*config->storage_driver && !g_str_equal(config->storage_driver, "overlay") &&
                !g_str_equal(config->storage_driver, "overlay2"))
                return fail(error, ERROR_INVALID_ARGUMENT,
                        "storage_driver is \"%s\"; only overlay is built", config->storage_driver);
        return true;
}

static bool check_absolute(const char *key, const char *path, GError **error) {
        return *path == '/' || fail(error, ERROR_INVALID_ARGUMENT,
                                       "%s is \"%s\"; it has to be an absolute path", key, path);
}

static bool check_paths(const Config *config, GError **error) {
        for (unsigned i = 0; config->additional_artifact_stores[i]; i++)
                if (!check_absolute("additional_artifact_stores",
                            config->additional_artifact_stores[i], error))
                        return false;
        return check_absolute("root", config->root, error) &&
               check_absolute("runroot", config->runroot, error) &&
               check_absolute("log_dir", config->log_dir, error) &&
               check_absolute("listen", config->listen, error) &&
               check_absolute("signature_policy_dir", config->signature_policy_dir, error) &&
               check_absolute("namespaced_auth_dir", config->namespaced_auth_dir, error) &&
               check_absolute("namespaces_dir", config->namespaces_dir, error) &&
               check_absolute("container_exits_dir", config->container_exits_dir, error) &&
               check_absolute(
                       "container_attach_socket_dir", config->container_attach_socket_dir, error);
}

/* name=soft:hard */
static bool check_ulimit(const char *text, GError **error) {
        const char *equals = strchr(text, '=');
        g_auto(GStrv) parts = equals ? g_strsplit(equals + 1, ":", -1) : NULL;
        gint64 values[2] = {0, 0};
        guint count = parts ? g_strv_length(parts) : 0;

        for (guint i = 0; i < count && i < 2; i++)
                if (!g_ascii_string_to_signed(parts[i], 10, -1, G_MAXINT64, &values[i], NULL))
                        count = 0;
        if (equals == text || count < 1 || count > 2)
                return fail(error, ERROR_INVALID_ARGUMENT,
                        "default_ulimits: \"%s\" has to be name=soft:hard", text);
        if (count == 2 && values[1] != -1 && (values[0] > values[1] || values[0] == -1))
                return fail(error, ERROR_INVALID_ARGUMENT,
                        "default_ulimits: \"%s\" has a hard limit below the soft one", text);
        return true;
}

static bool check_lists(const Config *config, GError **error) {
        for (unsigned i = 0; config->default_ulimits[i]; i++)
                if (!check_ulimit(config->default_ulimits[i], error))
                        return false;
        for (unsigned i = 0; config->default_sysctls[i]; i++)
                if (!strchr(config->default_sysctls[i], '='))
                        return fail(error, ERROR_INVALID_ARGUMENT,
                                "default_sysctls: \"%s\" has to be key=value",
                                config->default_sysctls[i]);
        return true;
}

static bool check_numbers(Config *config, GError **error) {
        if (config->log_size_max >= 0 && config->log_size_max < LOG_SIZE_MIN)
                return fail(error, ERROR_INVALID_ARGUMENT,
                        "log_size_max is %d; it has to be negative or at least %d",
                        (int)config->log_size_max, LOG_SIZE_MIN);
        if (config->metrics_port < 0 || config->metrics_port > 65535)
                return fail(error, ERROR_INVALID_ARGUMENT, "metrics_port is no port");
        if (config->min_injected_gomaxprocs < 0)
                return fail(error, ERROR_INVALID_ARGUMENT, "min_injected_gomaxprocs is negative");
        if (config->ctr_stop_timeout < STOP_SECONDS_MIN) {
                log_warning("ctr_stop_timeout is raised to %d", STOP_SECONDS_MIN);
                config->ctr_stop_timeout = STOP_SECONDS_MIN;
        }
        if (config->grpc_max_recv_msg_size <= 0 || config->grpc_max_recv_msg_size > G_MAXINT)
                config->grpc_max_recv_msg_size = SIZE_MAX_MESSAGE;
        if (config->grpc_max_send_msg_size <= 0 || config->grpc_max_send_msg_size > G_MAXINT)
                config->grpc_max_send_msg_size = SIZE_MAX_MESSAGE;
        return true;
}

static void add_plugin_dir(Config *config) {
        guint length = g_strv_length(config->plugin_dirs);

        if (!*config->plugin_dir)
                return;
        config->plugin_dirs = g_renew(char *, config->plugin_dirs, length + 2);
        config->plugin_dirs[length] = g_steal_pointer(&config->plugin_dir);
        config->plugin_dirs[length + 1] = NULL;
        config->plugin_dir = g_strdup("");
}

bool config_finish(Config *config, GError **error) {
        add_plugin_dir(config);
        return check_choices(config, error) && check_paths(config, error) &&
               check_lists(config, error) && check_numbers(config, error);
}

bool config_resolve(Config *config, bool manager_was_set, GError **error) {
        if (!manager_was_set && g_str_equal(config->cgroup_manager, "systemd")) {
                log_warning("cgroup_manager is not set and the systemd one is not built yet: using "
                            "cgroupfs, which the kubelet learns by asking");
                set_text(&config->cgroup_manager, "cgroupfs");
        }
        if (*config->registries_conf && access(config->registries_conf, R_OK) < 0)
                return fail_errno(error, "registries.conf: read %s", config->registries_conf);
        return finish_handlers(config, error);
}

bool config_check_host(const Config *config, GError **error) {
        if (!g_str_equal(config->cgroup_manager, "systemd"))
                return true;
        return fail(error, ERROR_UNIMPLEMENTED,
                "cgroup_manager \"systemd\" is not built in this release; set cgroup_manager = "
                "\"cgroupfs\" and conmon_cgroup = \"pod\" in [crio.runtime], and cgroupDriver: "
                "cgroupfs in the kubelet");
}
