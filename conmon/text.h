/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Text - a string under construction, in bounded memory of the caller.
 * Arena - the one piece of memory that lives as long as the monitor.
 *
 * Owner    Text borrows its buffer. What an Arena gives is never freed.
 * Threads  One.
 * Disk     None.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Text {
        char *data;             /* always ends in NUL */
        size_t size;            /* of the buffer, in bytes, at least 1 */
        size_t length;          /* without the NUL */
        bool cut;               /* something did not fit and was left out */
} Text;

typedef struct Arena {
        char *data;
        size_t size;
        size_t used;
} Arena;

Text text_over(char *buffer, size_t size);
void text_add(Text *text, const char *string);
void text_add_data(Text *text, const char *data, size_t length);
void text_add_number(Text *text, int64_t number);
void text_add_json(Text *text, const char *data, size_t length);

bool number_parse(const char *string, int64_t *ret_number);

void *arena_take(Arena *arena, size_t size);
char *arena_join(Arena *arena, const char *first, ...) __attribute__((sentinel));
