/* SPDX-License-Identifier: Apache-2.0 */
#include "config/option.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "config/config.h"

#define WORKS   true
#define LATER   false
#define RELOAD  true
#define RESTART false

static const Option config_rows[] = {
#define HANDLER(...)
#define WORKLOAD(...)
#define OPTION(t, k, ty, d, f, e, w, r, m)                                                         \
        {t, #k, OPTION_##ty, offsetof(Config, k), d, f, e, w, r, m},
#include "config/options.def"
#undef OPTION
#undef HANDLER
};

static const Option handler_rows[] = {
#define OPTION(...)
#define HANDLER(k, ty, d, w, m)                                                                    \
        {NULL, #k, OPTION_##ty, offsetof(RuntimeHandlerConfig, k), d, "", "", w, true, m},
#include "config/options.def"
#undef HANDLER
#undef WORKLOAD
};

static const Option workload_rows[] = {
#define HANDLER(...)
#define WORKLOAD(k, ty, d, m)                                                                      \
        {NULL, #k, OPTION_##ty, offsetof(WorkloadConfig, k), d, "", "", false, false, m},
#include "config/options.def"
};

const OptionTable config_options = {config_rows, G_N_ELEMENTS(config_rows)};
const OptionTable handler_options = {handler_rows, G_N_ELEMENTS(handler_rows)};
const OptionTable workload_options = {workload_rows, G_N_ELEMENTS(workload_rows)};

static void *place_of(const Option *option, const void *object) {
        return (char *)object + option->offset;
}

/* Reading */

static bool is_duration(const char *text) {
        const char *at = text;

        if (!*text || g_str_equal(text, "0"))
                return true;
        while (*at) {
                size_t digits = strspn(at, "0123456789."), unit = strspn(at + digits, "hmsnuµ");

                if (digits == 0 || unit == 0)
                        return false;
                at += digits + unit;
        }
        return true;
}

/* A number of bytes with an optional unit; both 1024 and 1000 based. */
static bool parse_size(const char *text, gint64 *ret_bytes) {
        static const struct {
                const char *unit;
                gint64 bytes;
        } units[] = {{"", 1}, {"B", 1}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30},
                {"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}, {"KB", 1000}, {"MB", 1000000},
                {"GB", 1000000000}};
        char *end;
        guint64 number;

        *ret_bytes = 0;
        if (!*text)
                return true;
        errno = 0;
        number = g_ascii_strtoull(text, &end, 10);
        while (*end == ' ')
                end++;
        if (end == text || errno || *text == '-' || number > G_MAXINT32)
                return false;
        for (unsigned i = 0; i < G_N_ELEMENTS(units); i++) {
                if (g_ascii_strcasecmp(end, units[i].unit) != 0)
                        continue;
                *ret_bytes = (gint64)number * units[i].bytes;
                return true;
        }
        return false;
}

static GStrv split_list(const char *text) {
        return *text ? g_strsplit(text, ",", -1) : g_new0(char *, 1);
}

static bool set_bool(bool *place, const char *text) {
        static const char *const words[] = {"false", "0", "f", "true", "1", "t"};

        for (unsigned i = 0; i < G_N_ELEMENTS(words); i++) {
                if (g_ascii_strcasecmp(text, words[i]) != 0)
                        continue;
                *place = i >= 3;
                return true;
        }
        return false;
}

static bool set_scalar(const Option *option, void *place, const char *text) {
        switch (option->type) {
        case OPTION_STRING:
        case OPTION_DURATION:
                if (option->type == OPTION_DURATION && !is_duration(text))
                        return false;
                g_free(*(char **)place);
                *(char **)place = g_strdup(text);
                return true;
        case OPTION_BOOL:
                return set_bool(place, text);
        case OPTION_INT:
                return g_ascii_string_to_signed(text, 10, G_MININT64, G_MAXINT64, place, NULL);
        case OPTION_SIZE:
                return parse_size(text, place);
        case OPTION_LIST:
                g_strfreev(*(GStrv *)place);
                *(GStrv *)place = split_list(text);
                return true;
        case OPTION_MAP:
                g_clear_pointer((GHashTable **)place, g_hash_table_unref);
                *(GHashTable **)place =
                        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
                return true;
        }
        return false;
}

static const char *wanted(const Option *option) {
        static const char *const words[] = {
                [OPTION_STRING] = "text in quotation marks",
                [OPTION_BOOL] = "true or false",
                [OPTION_INT] = "an integer",
                [OPTION_LIST] = "a list of texts",
                [OPTION_DURATION] = "a duration such as \"1m30s\"",
                [OPTION_SIZE] = "a size such as \"12MiB\"",
                [OPTION_MAP] = "a table of texts",
        };

        return words[option->type];
}

bool option_set_text(
        const Option *option, void *object, const char *text, const char *where, GError **error) {
        if (set_scalar(option, place_of(option, object), text))
                return true;
        return fail(error, ERROR_INVALID_ARGUMENT, "%s: \"%s\" does not fit %s; it has to be %s",
                where, text, option->key, wanted(option));
}

static bool set_list(const Toml *value, GStrv *place) {
        GPtrArray *items = g_ptr_array_new();
        bool good = toml_get_type(value) == TOML_ARRAY;

        for (size_t i = 0; good && i < toml_length(value); i++) {
                const char *item = toml_string(toml_at(value, i));

                good = item != NULL;
                if (good)
                        g_ptr_array_add(items, g_strdup(item));
        }
        g_ptr_array_add(items, NULL);
        if (good) {
                g_strfreev(*place);
                *place = (GStrv)g_ptr_array_free(items, FALSE);
        } else {
                g_strfreev((GStrv)g_ptr_array_free(items, FALSE));
        }
        return good;
}

static bool set_map(const Toml *value, GHashTable **place) {
        g_autoptr(GHashTable) map = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);

        if (toml_get_type(value) != TOML_TABLE)
                return false;
        for (size_t i = 0; i < toml_length(value); i++) {
                const char *item = toml_string(toml_at(value, i));

                if (!item)
                        return false;
                g_hash_table_insert(map, g_strdup(toml_key_at(value, i)), g_strdup(item));
        }
        g_clear_pointer(place, g_hash_table_unref);
        *place = g_steal_pointer(&map);
        return true;
}

static bool set_toml(const Option *option, void *place, const Toml *value) {
        switch (option->type) {
        case OPTION_STRING:
        case OPTION_DURATION:
        case OPTION_SIZE:
                return toml_string(value) && set_scalar(option, place, toml_string(value));
        case OPTION_BOOL:
                return toml_bool(value, place);
        case OPTION_INT:
                return toml_int(value, place);
        case OPTION_LIST:
                return set_list(value, place);
        case OPTION_MAP:
                return set_map(value, place);
        }
        return false;
}

bool option_set_toml(
        const Option *option, void *object, const Toml *value, const char *file, GError **error) {
        if (set_toml(option, place_of(option, object), value))
                return true;
        return fail(error, ERROR_INVALID_ARGUMENT, "%s:%d: %s is %s; it has to be %s", file,
                toml_get_line(value), option->key, toml_type_name(value), wanted(option));
}

/* Objects */

void option_clear(const Option *option, void *object) {
        void *place = place_of(option, object);

        switch (option->type) {
        case OPTION_STRING:
        case OPTION_DURATION:
                g_clear_pointer((char **)place, g_free);
                break;
        case OPTION_LIST:
                g_clear_pointer((GStrv *)place, g_strfreev);
                break;
        case OPTION_MAP:
                g_clear_pointer((GHashTable **)place, g_hash_table_unref);
                break;
        case OPTION_BOOL:
        case OPTION_INT:
        case OPTION_SIZE:
                break;
        }
}

bool option_is_equal(const Option *option, const void *a, const void *b) {
        g_autofree char *left = option_print(option, a);
        g_autofree char *right = option_print(option, b);

        return g_str_equal(left, right);
}

/* Printing */

static void print_text(GString *into, const char *text) {
        g_string_append_c(into, '"');
        for (; text && *text; text++) {
                if (*text == '"' || *text == '\\')
                        g_string_append_c(into, '\\');
                if (*text == '\n')
                        g_string_append(into, "\\n");
                else
                        g_string_append_c(into, *text);
        }
        g_string_append_c(into, '"');
}

static void print_list(GString *into, char *const *items) {
        g_string_append_c(into, '[');
        for (unsigned i = 0; items && items[i]; i++) {
                g_string_append(into, i ? ", " : "");
                print_text(into, items[i]);
        }
        g_string_append_c(into, ']');
}

static void print_map(GString *into, GHashTable *map) {
        GList *keys = map ? g_list_sort(g_hash_table_get_keys(map), (GCompareFunc)strcmp) : NULL;

        g_string_append_c(into, '{');
        for (GList *key = keys; key; key = key->next) {
                g_string_append(into, key == keys ? "" : ", ");
                print_text(into, key->data);
                g_string_append(into, " = ");
                print_text(into, g_hash_table_lookup(map, key->data));
        }
        g_string_append_c(into, '}');
        g_list_free(keys);
}

char *option_print(const Option *option, const void *object) {
        const void *place = place_of(option, object);
        GString *text = g_string_new(NULL);

        switch (option->type) {
        case OPTION_STRING:
        case OPTION_DURATION:
                print_text(text, *(char *const *)place);
                break;
        case OPTION_BOOL:
                g_string_append(text, *(const bool *)place ? "true" : "false");
                break;
        case OPTION_INT:
                g_string_append_printf(text, "%" G_GINT64_FORMAT, *(const gint64 *)place);
                break;
        case OPTION_SIZE:
                g_string_append_printf(text, "\"%" G_GINT64_FORMAT "\"", *(const gint64 *)place);
                break;
        case OPTION_LIST:
                print_list(text, *(const GStrv *)place);
                break;
        case OPTION_MAP:
                print_map(text, *(GHashTable *const *)place);
                break;
        }
        return g_string_free(text, FALSE);
}

/* Looking up */

const Option *option_find_key(const OptionTable *options, const char *table, const char *key) {
        for (unsigned i = 0; i < options->count; i++)
                if ((!table || g_str_equal(options->options[i].table, table)) &&
                        g_ascii_strcasecmp(options->options[i].key, key) == 0)
                        return &options->options[i];
        return NULL;
}

const Option *option_find_flag(const char *name) {
        for (unsigned i = 0; i < config_options.count; i++) {
                g_auto(GStrv) names = g_strsplit(config_options.options[i].flags, " ", -1);

                if (g_strv_contains((const char *const *)names, name))
                        return &config_options.options[i];
        }
        return NULL;
}

void options_set_defaults(const OptionTable *options, void *object) {
        for (unsigned i = 0; i < options->count; i++) {
                const Option *option = &options->options[i];

                if (!set_scalar(option, place_of(option, object), option->fallback))
                        g_error("the default of %s does not fit its type", option->key);
        }
}

void options_clear(const OptionTable *options, void *object) {
        for (unsigned i = 0; i < options->count; i++)
                option_clear(&options->options[i], object);
}
