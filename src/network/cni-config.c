/* SPDX-License-Identifier: Apache-2.0 */
#include "network/cni-config.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"

#define FILE_LIMIT (1 << 20)
#define NAME_LIMIT 128
#define PLUGINS_LIMIT 64

bool cni_name_is_valid(const char *name) {
        size_t length = name ? strlen(name) : 0;

        if (length == 0 || length > NAME_LIMIT || !g_ascii_isalnum(name[0]))
                return false;
        for (size_t i = 0; i < length; i++)
                if (!g_ascii_isalnum(name[i]) && !strchr("_.-", name[i]))
                        return false;
        return true;
}

/* One to three numbers with dots between them. */
bool cni_version_parse(const char *text, unsigned ret_parts[3]) {
        unsigned parts[3] = { 0 };

        for (unsigned i = 0; i < 3; i++) {
                char *end;
                unsigned long value;

                if (!text || !g_ascii_isdigit(*text))
                        return false;
                value = strtoul(text, &end, 10);
                if (value > 9999 || (*end && *end != '.'))
                        return false;
                parts[i] = (unsigned) value;
                if (!*end) {
                        memcpy(ret_parts, parts, sizeof(parts));
                        return true;
                }
                text = end + 1;
        }
        return false;
}

bool cni_version_at_least(const char *version, const char *least) {
        unsigned a[3], b[3];

        if (!cni_version_parse(version, a) || !cni_version_parse(least, b))
                return false;
        for (unsigned i = 0; i < 3; i++)
                if (a[i] != b[i])
                        return a[i] > b[i];
        return true;
}

/* A plugin type is the name of a program in the plugin directories and must stay in them. */
static bool check_type(const Json *object, const char *what, const char *path, GError **error) {
        const char *type = json_get_string(object, "type");

        if (!type || !*type)
                return fail(error, ERROR_INVALID_ARGUMENT, "%s: %s has no \"type\"", path, what);
        if (strchr(type, '/') || g_str_equal(type, ".") || g_str_equal(type, "..") ||
            strlen(type) > NAME_LIMIT)
                return fail(error, ERROR_INVALID_ARGUMENT,
                            "%s: %s has the type \"%s\", which is not the name of a plugin", path,
                            what, type);
        for (const char *c = type; *c; c++)
                if (g_ascii_iscntrl(*c))
                        return fail(error, ERROR_INVALID_ARGUMENT,
                                    "%s: %s has a type with a control character", path, what);
        return true;
}

static bool check_plugin(const Json *plugin, const char *path, GError **error) {
        static const char *const delegates[] = { "ipam", "delegate" };

        if (json_get_type(plugin) != JSON_OBJECT)
                return fail(error, ERROR_INVALID_ARGUMENT, "%s: a plugin is not an object", path);
        if (!check_type(plugin, "a plugin", path, error))
                return false;
        for (unsigned i = 0; i < G_N_ELEMENTS(delegates); i++) {
                const Json *part = json_get(plugin, delegates[i]);

                if (json_get(part, "type") && !check_type(part, delegates[i], path, error))
                        return false;
        }
        return true;
}

static bool check_plugins(const Json *list, const char *path, GError **error) {
        const Json *plugins = json_get(list, "plugins");
        size_t count = json_length(plugins);

        if (json_get_type(plugins) != JSON_ARRAY || count == 0)
                return fail(error, ERROR_INVALID_ARGUMENT, "%s: no plugins in it", path);
        if (count > PLUGINS_LIMIT)
                return fail(error, ERROR_INVALID_ARGUMENT, "%s: more than %d plugins", path,
                            PLUGINS_LIMIT);
        for (size_t i = 0; i < count; i++)
                if (!check_plugin(json_at(plugins, i), path, error))
                        return false;
        return true;
}

/* Booleans may be spelled as strings. */
static bool get_flag(const CniConfig *config, const char *key, bool *ret_flag, GError **error) {
        const Json *value = json_get(config->list, key);
        const char *word = json_string(value);

        if (word && (g_str_equal(word, "true") || g_str_equal(word, "false")))
                *ret_flag = g_str_equal(word, "true");
        else if (!value || json_get_type(value) == JSON_BOOL)
                *ret_flag = json_get_bool(config->list, key, false);
        else
                return fail(error, ERROR_INVALID_ARGUMENT, "%s: \"%s\" is no boolean",
                            config->path, key);
        return true;
}

/* The newest version that both sides know, of "cniVersion" and "cniVersions". */
static bool choose_version(const Json *list, const char *path, char **ret_version,
                           GError **error) {
        const char *single = json_get_string(list, "cniVersion");
        g_auto(GStrv) offered = json_get_strings(list, "cniVersions");
        unsigned parts[3];
        const char *best = NULL;

        if (single && !*single)
                single = NULL;
        if (single && !cni_version_parse(single, parts))
                return fail(error, ERROR_INVALID_ARGUMENT, "%s: cniVersion \"%s\" is no version",
                            path, single);
        if (single && cni_version_at_least(CNI_VERSION_NEWEST, single))
                best = single;
        for (unsigned i = 0; offered[i]; i++) {
                if (!cni_version_parse(offered[i], parts))
                        return fail(error, ERROR_INVALID_ARGUMENT,
                                    "%s: \"%s\" among cniVersions is no version", path, offered[i]);
                if (cni_version_at_least(CNI_VERSION_NEWEST, offered[i]) &&
                    (!best || cni_version_at_least(offered[i], best)))
                        best = offered[i];
        }
        if (!best && (single || offered[0]))
                return fail(error, ERROR_INVALID_ARGUMENT,
                            "%s: cniVersion %s is newer than %s, the newest supported", path,
                            single ? single : offered[0], CNI_VERSION_NEWEST);
        *ret_version = g_strdup(best ? best : "0.1.0");
        return true;
}

static Json *wrap_plugin(Json *take_plugin) {
        Json *list = json_new_object();

        json_set_string(list, "cniVersion", json_get_string(take_plugin, "cniVersion"));
        json_set_string(list, "name", json_get_string(take_plugin, "name"));
        json_append(json_need_array(list, "plugins"), take_plugin);
        return list;
}

static void config_clear(void *data) {
        CniConfig *config = data;

        g_free(config->path);
        g_free(config->name);
        g_free(config->version);
        g_free(config->text);
        json_free(config->list);
}

CniConfig *cni_config_ref(CniConfig *config) {
        return g_atomic_rc_box_acquire(config);
}

void cni_config_unref(CniConfig *config) {
        if (config)
                g_atomic_rc_box_release_full(config, config_clear);
}

/* Everything but the plugins, which may still be on their way. */
static bool read_head(CniConfig *config, GError **error) {
        const char *name = json_get_string(config->list, "name");

        config->name = name && *name ? g_strdup(name) : g_path_get_basename(config->path);
        if (!cni_name_is_valid(config->name))
                return fail(error, ERROR_INVALID_ARGUMENT,
                            "%s: \"%s\" cannot be the name of a network: letters, digits, '.', '_' "
                            "and '-' only",
                            config->path, config->name);
        return choose_version(config->list, config->path, &config->version, error) &&
               get_flag(config, "disableCheck", &config->disable_check, error) &&
               get_flag(config, "disableGC", &config->disable_gc, error);
}

static CniConfig *config_start(const char *text, size_t length, const char *path, GError **error) {
        g_autoptr(CniConfig) config = g_atomic_rc_box_new0(CniConfig);
        Json *json = json_parse(text, length, path, error);

        if (!json)
                return NULL;
        config->path = g_strdup(path);
        config->list = json;
        if (json_get_type(json) != JSON_OBJECT)
                return fail_null(error, ERROR_INVALID_ARGUMENT, "%s: not a JSON object", path);
        if (!json_get(json, "plugins") && json_get(json, "type"))
                config->list = wrap_plugin(json);
        if (!read_head(config, error))
                return NULL;
        return g_steal_pointer(&config);
}

static CniConfig *config_finish(CniConfig *take_config, GError **error) {
        g_autoptr(CniConfig) config = take_config;

        if (!check_plugins(config->list, config->path, error))
                return NULL;
        json_set_string(config->list, "name", config->name);
        config->text = json_print(config->list, NULL);
        return g_steal_pointer(&config);
}

CniConfig *cni_config_parse(const char *text, size_t length, const char *path, GError **error) {
        CniConfig *config = config_start(text, length, path, error);

        return config ? config_finish(config, error) : NULL;
}

static int compare_names(const void *a, const void *b) {
        return strcmp(*(char *const *) a, *(char *const *) b);
}

/* Names in a directory with one of @endings, sorted, as paths. */
static GPtrArray *list_files(const char *dir, const char *const *endings, GError **error) {
        g_autoptr(GPtrArray) names = dir_list(AT_FDCWD, dir, error);
        g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);

        if (!names)
                return NULL;
        g_ptr_array_sort(names, compare_names);
        for (unsigned i = 0; i < names->len; i++) {
                const char *dot = strrchr(names->pdata[i], '.');

                if (dot && g_strv_contains(endings, dot))
                        g_ptr_array_add(paths, g_build_filename(dir, names->pdata[i], NULL));
        }
        return g_steal_pointer(&paths);
}

GPtrArray *cni_config_files(const char *dir, GError **error) {
        static const char *const endings[] = { ".conf", ".conflist", ".json", NULL };

        return list_files(dir, endings, error);
}

/* The plugins that other packages dropped beside the list, in DIR/NAME/. */
static bool append_folder(CniConfig *config, GError **error) {
        g_autofree char *dir = g_path_get_dirname(config->path);
        g_autofree char *folder = g_build_filename(dir, config->name, NULL);
        g_autoptr(GPtrArray) paths = NULL;

        if (!g_file_test(folder, G_FILE_TEST_IS_DIR))
                return true;
        paths = list_files(folder, (const char *const[]) { ".conf", NULL }, error);
        if (!paths)
                return false;
        for (unsigned i = 0; i < paths->len; i++) {
                g_autofree char *text = NULL;
                size_t length;
                Json *plugin;

                if (!file_read(AT_FDCWD, paths->pdata[i], FILE_LIMIT, &text, &length, error))
                        return false;
                plugin = json_parse(text, length, paths->pdata[i], error);
                if (!plugin)
                        return false;
                json_append(json_need_array(config->list, "plugins"), plugin);
        }
        /* What the cache keeps is complete; reading it back must not append again. */
        if (paths->len > 0)
                json_set_bool(config->list, "loadOnlyInlinedPlugins", true);
        return true;
}

CniConfig *cni_config_load(const char *path, GError **error) {
        g_autofree char *text = NULL;
        g_autoptr(CniConfig) config = NULL;
        bool only_inlined;
        size_t length;

        if (!file_read(AT_FDCWD, path, FILE_LIMIT, &text, &length, error))
                return NULL;
        config = config_start(text, length, path, error);
        if (!config || !get_flag(config, "loadOnlyInlinedPlugins", &only_inlined, error))
                return NULL;
        if (g_str_has_suffix(path, ".conflist") && !only_inlined && !append_folder(config, error))
                return NULL;
        return config_finish(g_steal_pointer(&config), error);
}

size_t cni_config_length(const CniConfig *config) {
        return json_length(json_get(config->list, "plugins"));
}

const Json *cni_config_plugin(const CniConfig *config, size_t index) {
        return json_at(json_get(config->list, "plugins"), index);
}

const char *cni_config_type(const CniConfig *config, size_t index) {
        return json_get_string(cni_config_plugin(config, index), "type");
}

bool cni_config_is_loopback(const CniConfig *config) {
        for (size_t i = 0; i < cni_config_length(config); i++)
                if (!g_str_equal(cni_config_type(config, i), "loopback"))
                        return false;
        return true;
}
