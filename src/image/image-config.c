/* SPDX-License-Identifier: Apache-2.0 */
#include "image/image-config.h"

#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "image/manifest.h"

/* What the kernel takes as one argument, and more list members than any image has. */
#define STRING_LIMIT (128 * 1024)
#define MEMBERS_LIMIT 10000

static bool check_string(const char *text, const char *what, GError **error) {
        if (strlen(text) <= STRING_LIMIT)
                return true;
        return fail(error, ERROR_UNKNOWN, "image configuration: %s is longer than %d bytes", what,
                    STRING_LIMIT);
}

static bool check_count(const Json *json, const char *what, GError **error) {
        if (json_length(json) <= MEMBERS_LIMIT)
                return true;
        return fail(error, ERROR_UNKNOWN, "image configuration: %s has more than %d members", what,
                    MEMBERS_LIMIT);
}

static bool read_string(const Json *json, const char *key, char **ret_text, GError **error) {
        const Json *value = json_get(json, key);
        const char *text = json_string(value);

        if (value && !text && json_get_type(value) != JSON_NULL)
                return fail(error, ERROR_UNKNOWN, "image configuration: %s is no text", key);
        if (!text)
                return true;
        if (!check_string(text, key, error))
                return false;
        g_free(*ret_text);
        *ret_text = g_strdup(text);
        return true;
}

static bool read_list(const Json *json, const char *key, GStrv *ret_list, GError **error) {
        const Json *value = json_get(json, key);
        JsonType type = json_get_type(value);

        if (type == JSON_NULL)
                return true;
        if (type != JSON_ARRAY)
                return fail(error, ERROR_UNKNOWN, "image configuration: %s is no list", key);
        if (!check_count(value, key, error))
                return false;
        for (size_t i = 0; i < json_length(value); i++) {
                const char *text = json_string(json_at(value, i));

                if (!text)
                        return fail(error, ERROR_UNKNOWN,
                                    "image configuration: %s has a member that is no text", key);
                if (!check_string(text, key, error))
                        return false;
        }
        g_strfreev(*ret_list);
        *ret_list = json_get_strings(json, key);
        return true;
}

/* Where the volume is inside the image, by the letter: absolute, no "." and no "..". */
static char *clean_path(const char *path) {
        g_auto(GStrv) parts = g_strsplit(path, "/", -1);
        g_autoptr(GPtrArray) kept = g_ptr_array_new();

        for (unsigned i = 0; parts[i]; i++) {
                if (!*parts[i] || g_str_equal(parts[i], "."))
                        continue;
                if (!g_str_equal(parts[i], ".."))
                        g_ptr_array_add(kept, parts[i]);
                else if (kept->len > 0)
                        g_ptr_array_set_size(kept, (int) kept->len - 1);
        }
        g_ptr_array_add(kept, NULL);
        g_autofree char *inside = g_strjoinv("/", (char **) kept->pdata);
        return g_strconcat("/", inside, NULL);
}

static bool read_volumes(const Json *json, ImageRecord *record, GError **error) {
        const Json *volumes = json_get(json, "Volumes");
        g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);

        if (!check_count(volumes, "Volumes", error))
                return false;
        for (size_t i = 0; json_get_type(volumes) == JSON_OBJECT && i < json_length(volumes); i++) {
                const char *path = json_key_at(volumes, i);
                g_autofree char *clean = clean_path(path);

                if (strlen(path) >= PATH_MAX || g_str_equal(clean, "/"))
                        return fail(error, ERROR_UNKNOWN,
                                    "image configuration: \"%.100s\" cannot be a volume", path);
                g_ptr_array_add(paths, g_steal_pointer(&clean));
        }
        g_ptr_array_add(paths, NULL);
        g_strfreev(record->volumes);
        record->volumes = (GStrv) g_ptr_array_free(g_steal_pointer(&paths), FALSE);
        return true;
}

static bool read_labels(const Json *json, ImageRecord *record, GError **error) {
        const Json *labels = json_get(json, "Labels");
        g_autoptr(GPtrArray) pairs = g_ptr_array_new_with_free_func(g_free);

        if (!check_count(labels, "Labels", error))
                return false;
        for (size_t i = 0; json_get_type(labels) == JSON_OBJECT && i < json_length(labels); i++) {
                const char *key = json_key_at(labels, i);
                const char *value = json_string(json_at(labels, i));

                if (!value)
                        return fail(error, ERROR_UNKNOWN,
                                    "image configuration: a label whose value is no text");
                if (!check_string(key, "a label", error) || !check_string(value, "a label", error))
                        return false;
                g_ptr_array_add(pairs, g_strdup(key));
                g_ptr_array_add(pairs, g_strdup(value));
        }
        g_ptr_array_add(pairs, NULL);
        g_strfreev(record->labels);
        record->labels = (GStrv) g_ptr_array_free(g_steal_pointer(&pairs), FALSE);
        return true;
}

static bool read_process(const Json *json, ImageRecord *record, GError **error) {
        return read_string(json, "User", &record->user, error) &&
               read_string(json, "WorkingDir", &record->working_dir, error) &&
               read_string(json, "StopSignal", &record->stop_signal, error) &&
               read_list(json, "Env", &record->env, error) &&
               read_list(json, "Entrypoint", &record->entrypoint, error) &&
               read_list(json, "Cmd", &record->command, error) &&
               read_volumes(json, record, error) && read_labels(json, record, error);
}

static gint64 read_time(const Json *json) {
        const char *text = json_get_string(json, "created");
        g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
        g_autoptr(GDateTime) time = text ? g_date_time_new_from_iso8601(text, utc) : NULL;
        gint64 seconds = time ? g_date_time_to_unix(time) : 0;

        if (seconds <= 0 || seconds > G_MAXINT64 / 1000000000 - 1)
                return 0;
        return seconds * 1000000000 + g_date_time_get_microsecond(time) * 1000;
}

static bool read_diffs(const Json *json, ImageConfig *config, GError **error) {
        const Json *list = json_get(json_get(json, "rootfs"), "diff_ids");

        if (json_length(list) > LAYERS_LIMIT)
                return fail(error, ERROR_UNKNOWN,
                            "image configuration: more than %d layers", LAYERS_LIMIT);
        config->n_diffs = json_get_type(list) == JSON_ARRAY ? (unsigned) json_length(list) : 0;
        config->diff_digests = g_new0(Digest, MAX(config->n_diffs, 1));
        for (unsigned i = 0; i < config->n_diffs; i++) {
                if (!digest_parse(json_string(json_at(list, i)), &config->diff_digests[i], error)) {
                        g_prefix_error(error, "image configuration: diff_ids: ");
                        return false;
                }
        }
        return true;
}

ImageConfig *image_config_parse(const char *text, size_t length, const Digest *digest,
                                GError **error) {
        g_autoptr(ImageConfig) config = g_new0(ImageConfig, 1);
        g_autoptr(Json) json = json_parse(text, length, "image configuration", error);

        if (!json)
                return NULL;
        config->record = image_record_new();
        g_free(config->record->id);
        config->record->id = g_strdup(digest_hex(digest));
        config->record->created_ns = read_time(json);
        if (!read_string(json, "os", &config->record->os, error) ||
            !read_string(json, "architecture", &config->record->architecture, error) ||
            !read_process(json_get(json, "config"), config->record, error) ||
            !read_diffs(json, config, error))
                return NULL;
        return g_steal_pointer(&config);
}

void image_config_free(ImageConfig *config) {
        if (!config)
                return;
        image_record_unref(config->record);
        g_free(config->diff_digests);
        g_free(config);
}
