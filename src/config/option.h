/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Option - one row of options.def: how a value is read, compared and printed.
 *
 * An option belongs to an object (Config, RuntimeHandlerConfig, WorkloadConfig) and knows where in
 * it the value lies. Threads: any; the tables are constant.
 */

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/toml.h"

typedef enum OptionType {
        OPTION_STRING,
        OPTION_BOOL,
        OPTION_INT,
        OPTION_LIST,
        OPTION_DURATION, /* kept as text: "1m30s" */
        OPTION_SIZE,     /* "12MiB", kept in bytes */
        OPTION_MAP,      /* text to text */
} OptionType;

typedef struct Option {
        const char *table; /* "crio.runtime"; NULL for handler and workload options */
        const char *key;
        OptionType type;
        size_t offset;
        const char *fallback;    /* default, as in a flag */
        const char *flags;       /* names with blanks between */
        const char *environment; /* names with blanks between */
        bool works;
        bool reload;
        const char *manual;
} Option;

typedef struct OptionTable {
        const Option *options;
        unsigned count;
} OptionTable;

extern const OptionTable config_options;
extern const OptionTable handler_options;
extern const OptionTable workload_options;

/* From a flag, a variable or the default; a list has commas. @where goes into errors. */
bool option_set_text(
        const Option *option, void *object, const char *text, const char *where, GError **error);
bool option_set_toml(
        const Option *option, void *object, const Toml *value, const char *file, GError **error);

void option_clear(const Option *option, void *object);
bool option_is_equal(const Option *option, const void *a, const void *b);
/* The value as TOML; free with g_free(). */
char *option_print(const Option *option, const void *object);

/* By TOML key without regard to case, or by flag name; NULL when there is none. */
const Option *option_find_key(const OptionTable *options, const char *table, const char *key);
const Option *option_find_flag(const char *name);

void options_set_defaults(const OptionTable *options, void *object);
void options_clear(const OptionTable *options, void *object);
