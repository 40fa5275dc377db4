/* SPDX-License-Identifier: Apache-2.0 */
#include "base/toml.h"

#include "base/toml-private.h"

Toml *toml_new(TomlType type, int line) {
        Toml *toml = g_new0(Toml, 1);

        toml->type = type;
        toml->line = line;
        if (type == TOML_ARRAY || type == TOML_TABLE)
                toml->items = g_ptr_array_new_with_free_func((GDestroyNotify)toml_free);
        if (type == TOML_TABLE)
                toml->keys = g_ptr_array_new_with_free_func(g_free);
        return toml;
}

void toml_free(Toml *toml) {
        if (!toml)
                return;
        g_free(toml->text);
        g_clear_pointer(&toml->items, g_ptr_array_unref);
        g_clear_pointer(&toml->keys, g_ptr_array_unref);
        g_free(toml);
}

void toml_add(Toml *toml, const char *key, Toml *take) {
        g_ptr_array_add(toml->items, take);
        if (toml->keys)
                g_ptr_array_add(toml->keys, g_strdup(key));
}

TomlType toml_get_type(const Toml *toml) {
        return toml->type;
}

int toml_get_line(const Toml *toml) {
        return toml ? toml->line : 0;
}

const char *toml_type_name(const Toml *toml) {
        static const char *const names[] = {
                [TOML_STRING] = "a string",
                [TOML_INTEGER] = "an integer",
                [TOML_FLOAT] = "a floating point number",
                [TOML_BOOL] = "true or false",
                [TOML_DATE] = "a date",
                [TOML_ARRAY] = "a list",
                [TOML_TABLE] = "a table",
        };

        return toml ? names[toml->type] : "nothing";
}

const Toml *toml_get(const Toml *table, const char *key) {
        for (guint i = 0; table && table->keys && i < table->keys->len; i++)
                if (g_str_equal(table->keys->pdata[i], key))
                        return table->items->pdata[i];
        return NULL;
}

size_t toml_length(const Toml *toml) {
        return toml && toml->items ? toml->items->len : 0;
}

const Toml *toml_at(const Toml *toml, size_t index) {
        return index < toml_length(toml) ? toml->items->pdata[index] : NULL;
}

const char *toml_key_at(const Toml *table, size_t index) {
        return table && table->keys && index < table->keys->len ? table->keys->pdata[index] : NULL;
}

const char *toml_string(const Toml *toml) {
        return toml && toml->type == TOML_STRING ? toml->text : NULL;
}

bool toml_int(const Toml *toml, gint64 *ret_value) {
        if (!toml || toml->type != TOML_INTEGER)
                return false;
        *ret_value = toml->number;
        return true;
}

bool toml_bool(const Toml *toml, bool *ret_value) {
        if (!toml || toml->type != TOML_BOOL)
                return false;
        *ret_value = toml->number != 0;
        return true;
}
