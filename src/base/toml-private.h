/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/toml.h"

struct Toml {
        TomlType type;
        int line;
        char *text; /* strings, and the spelling of numbers, booleans and dates */
        gint64 number;
        GPtrArray *items; /* elements, or values of members */
        GPtrArray *keys;  /* tables only */
        bool closed;      /* an inline value: nothing may be added */
        bool defined;     /* a table that had its own header */
        bool of_tables;   /* an array made by [[headers]] */
};

Toml *toml_new(TomlType type, int line);
void toml_add(Toml *toml, const char *key, Toml *take); /* key NULL for arrays */
