/* SPDX-License-Identifier: Apache-2.0 */
/* The structure of a document: lines, keys, tables, arrays. Scalars are read in toml-scalar.c. */

#include <string.h>

#include "base/error.h"
#include "base/toml-reader.h"

#define SIZE_LIMIT  (1 << 20)
#define DEPTH_LIMIT 16
/* Look-ups are linear: no configuration comes near this. */
#define VALUE_LIMIT 20000

static bool read_value(Reader *reader, unsigned depth, Toml **ret_value);

/* Keys */

static bool is_bare(char c) {
        return g_ascii_isalnum(c) || c == '_' || c == '-';
}

static char *read_simple_key(Reader *reader) {
        const char *start = reader->at;

        if (*start == '"' || *start == '\'')
                return reader_read_string(reader);
        while (is_bare(*reader->at))
                reader->at++;
        if (reader->at == start) {
                reader_fail(reader, "a key was expected here");
                return NULL;
        }
        return g_strndup(start, (size_t)(reader->at - start));
}

/* a.b."c d" */
static GPtrArray *read_key(Reader *reader) {
        g_autoptr(GPtrArray) parts = g_ptr_array_new_with_free_func(g_free);

        for (;;) {
                char *part = read_simple_key(reader);

                if (!part)
                        return NULL;
                g_ptr_array_add(parts, part);
                if (parts->len > DEPTH_LIMIT) {
                        reader_fail(reader, "a key with too many parts");
                        return NULL;
                }
                reader_skip_blanks(reader);
                if (*reader->at != '.')
                        return g_steal_pointer(&parts);
                reader->at++;
                reader_skip_blanks(reader);
        }
}

/* The table under @key of @table, made if it is not there; through an array of tables: its last,
 * unless it is the
 * @last part of a header. */
static Toml *descend(Reader *reader, Toml *table, const char *key, bool last) {
        Toml *found = (Toml *)toml_get(table, key);

        if (!found) {
                found = toml_new(TOML_TABLE, reader->line);
                toml_add(table, key, found);
                return found;
        }
        if (found->type == TOML_ARRAY && found->of_tables && !last)
                found = found->items->pdata[found->items->len - 1];
        if (found->type == TOML_TABLE && !found->closed)
                return found;
        reader_fail(
                reader, "\"%s\" is already %s (line %d)", key, toml_type_name(found), found->line);
        return NULL;
}

static Toml *descend_all(Reader *reader, Toml *table, const GPtrArray *parts) {
        for (guint i = 0; table && i + 1 < parts->len; i++)
                table = descend(reader, table, parts->pdata[i], false);
        return table;
}

/* key = value */
static bool read_pair(Reader *reader, Toml *table, unsigned depth) {
        g_autoptr(GPtrArray) parts = read_key(reader);
        const char *name;
        Toml *value;

        if (!parts)
                return false;
        if (*reader->at != '=')
                return reader_fail(reader, "\"=\" was expected after the key");
        reader->at++;
        reader_skip_blanks(reader);
        table = descend_all(reader, table, parts);
        if (!table)
                return false;
        name = parts->pdata[parts->len - 1];
        if (toml_get(table, name))
                return reader_fail(reader, "\"%s\" is set twice (first on line %d)", name,
                        toml_get_line(toml_get(table, name)));
        if (!read_value(reader, depth, &value))
                return false;
        toml_add(table, name, value);
        return true;
}

/* Values */

static bool read_array(Reader *reader, unsigned depth, Toml **ret_value) {
        g_autoptr(Toml) array = toml_new(TOML_ARRAY, reader->line);
        Toml *item;

        reader->at++;
        for (;;) {
                if (!reader_skip_lines(reader))
                        return false;
                if (*reader->at == ']')
                        break;
                if (!read_value(reader, depth + 1, &item))
                        return false;
                toml_add(array, NULL, item);
                if (!reader_skip_lines(reader))
                        return false;
                if (*reader->at == ',')
                        reader->at++;
                else if (*reader->at != ']')
                        return reader_fail(reader, "\",\" or \"]\" was expected in the list");
        }
        reader->at++;
        *ret_value = g_steal_pointer(&array);
        return true;
}

static bool read_inline_table(Reader *reader, unsigned depth, Toml **ret_value) {
        g_autoptr(Toml) table = toml_new(TOML_TABLE, reader->line);

        reader->at++;
        reader_skip_blanks(reader);
        while (*reader->at != '}') {
                if (!read_pair(reader, table, depth + 1))
                        return false;
                reader_skip_blanks(reader);
                if (*reader->at == '}')
                        break;
                if (*reader->at != ',')
                        return reader_fail(reader, "\",\" or \"}\" was expected in the table");
                reader->at++;
                reader_skip_blanks(reader);
                if (*reader->at == '}')
                        return reader_fail(reader, "no comma belongs before \"}\"");
        }
        reader->at++;
        table->closed = true;
        *ret_value = g_steal_pointer(&table);
        return true;
}

static bool read_value(Reader *reader, unsigned depth, Toml **ret_value) {
        if (depth > DEPTH_LIMIT)
                return reader_fail(reader, "nested too deeply");
        if (++reader->values > VALUE_LIMIT)
                return reader_fail(reader, "more than %d values", VALUE_LIMIT);
        if (*reader->at == '[')
                return read_array(reader, depth, ret_value);
        if (*reader->at == '{')
                return read_inline_table(reader, depth, ret_value);
        return reader_read_scalar(reader, ret_value);
}

/* Headers */

/* [a.b]: the table that the following pairs go into. */
static Toml *open_table(Reader *reader, const GPtrArray *parts) {
        const char *name = parts->pdata[parts->len - 1];
        Toml *parent = descend_all(reader, reader->root, parts);
        Toml *table = parent ? descend(reader, parent, name, true) : NULL;

        if (!table)
                return NULL;
        if (table->defined) {
                reader_fail(reader, "table [%s] stands here and on line %d", name, table->line);
                return NULL;
        }
        table->defined = true;
        return table;
}

/* [[a.b]]: one more table at the end of an array. */
static Toml *open_array_table(Reader *reader, const GPtrArray *parts) {
        const char *name = parts->pdata[parts->len - 1];
        Toml *parent = descend_all(reader, reader->root, parts);
        Toml *array = parent ? (Toml *)toml_get(parent, name) : NULL;
        Toml *table;

        if (!parent)
                return NULL;
        if (!array) {
                array = toml_new(TOML_ARRAY, reader->line);
                array->of_tables = true;
                toml_add(parent, name, array);
        }
        if (array->type != TOML_ARRAY || !array->of_tables) {
                reader_fail(reader, "\"%s\" is already %s (line %d)", name, toml_type_name(array),
                        array->line);
                return NULL;
        }
        table = toml_new(TOML_TABLE, reader->line);
        toml_add(array, NULL, table);
        return table;
}

static bool read_header(Reader *reader) {
        bool is_array = reader->at[1] == '[';
        g_autoptr(GPtrArray) parts = NULL;

        reader->at += is_array ? 2 : 1;
        reader_skip_blanks(reader);
        parts = read_key(reader);
        if (!parts)
                return false;
        if (!g_str_has_prefix(reader->at, is_array ? "]]" : "]"))
                return reader_fail(reader, "\"%s\" was expected", is_array ? "]]" : "]");
        reader->at += is_array ? 2 : 1;
        reader->table = is_array ? open_array_table(reader, parts) : open_table(reader, parts);
        return reader->table != NULL;
}

static bool read_document(Reader *reader) {
        for (;;) {
                if (!reader_skip_lines(reader))
                        return false;
                if (!*reader->at)
                        return true;
                if (!(*reader->at == '[' ? read_header(reader)
                                         : read_pair(reader, reader->table, 1)))
                        return false;
                if (!reader_end_line(reader))
                        return false;
        }
}

Toml *toml_parse(const char *text, size_t length, const char *name, GError **error) {
        g_autoptr(Toml) root = toml_new(TOML_TABLE, 1);
        Reader reader = {.at = text,
                .line_start = text,
                .line = 1,
                .name = name,
                .error = error,
                .root = root,
                .table = root};

        if (g_str_has_prefix(text, "\xef\xbb\xbf"))
                reader.at = reader.line_start = text + 3;
        if (length > SIZE_LIMIT)
                return fail_null(error, ERROR_INVALID_ARGUMENT, "%s: larger than %d bytes", name,
                        SIZE_LIMIT);
        if (strlen(text) != length || !g_utf8_validate(text, (gssize)length, NULL))
                return fail_null(error, ERROR_INVALID_ARGUMENT, "%s: not text in UTF-8", name);
        return read_document(&reader) ? g_steal_pointer(&root) : NULL;
}
