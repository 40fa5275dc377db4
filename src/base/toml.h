/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Toml - a TOML 1.0 document as a tree to read.
 *
 * Owner    Whoever parsed it; toml_free() of the root frees all. Threads: any number may read.
 *
 * Bounded: 1 MiB, 16 levels. Errors name file, line and column. Dates are kept as text.
 */

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

typedef enum TomlType {
        TOML_STRING,
        TOML_INTEGER,
        TOML_FLOAT,
        TOML_BOOL,
        TOML_DATE,
        TOML_ARRAY,
        TOML_TABLE,
} TomlType;

typedef struct Toml Toml;

/* @name goes into errors. The root is a table. */
Toml *toml_parse(const char *text, size_t length, const char *name, GError **error);
void toml_free(Toml *toml);

/* All of them accept NULL and answer "absent". */
TomlType toml_get_type(const Toml *toml); /* do not ask with NULL */
int toml_get_line(const Toml *toml);      /* from 1 */
const char *toml_type_name(const Toml *toml);
const Toml *toml_get(const Toml *table, const char *key);
size_t toml_length(const Toml *toml); /* elements, or members */
const Toml *toml_at(const Toml *toml, size_t index);
const char *toml_key_at(const Toml *table, size_t index);
const char *toml_string(const Toml *toml); /* NULL when it is no string */
bool toml_int(const Toml *toml, gint64 *ret_value);
bool toml_bool(const Toml *toml, bool *ret_value);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Toml, toml_free)
