/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Reader - where the TOML parser is in its text. Private to toml-*.c. */

#include "base/toml-private.h"

typedef struct Reader {
        const char *at; /* ends in NUL */
        const char *line_start;
        int line;
        const char *name;
        GError **error;
        Toml *root;
        Toml *table;     /* the one that pairs go into */
        unsigned values; /* so far */
} Reader;

/* Set the error with file, line and column; false. */
bool reader_fail(Reader *reader, const char *format, ...) G_GNUC_PRINTF(2, 3);

void reader_skip_blanks(Reader *reader);
/* Blanks, line ends and comments. False for a control character in a comment. */
bool reader_skip_lines(Reader *reader);
/* Nothing but blanks and a comment up to the end of the line. */
bool reader_end_line(Reader *reader);

/* A string in any of the four forms; NULL with the error set. Free with g_free(). */
char *reader_read_string(Reader *reader);
bool reader_read_scalar(Reader *reader, Toml **ret_value);
