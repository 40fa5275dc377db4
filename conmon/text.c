/* SPDX-License-Identifier: Apache-2.0 */
#include "conmon/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* text_over() - an empty text that will be built in @buffer */
Text text_over(char *buffer, size_t size) {
        buffer[0] = '\0';
        return (Text) { .data = buffer, .size = size };
}

void text_add(Text *text, const char *string) {
        text_add_data(text, string, strlen(string));
}

/* text_add_data() - all of @data or nothing: half an escape or half a path is worse than none */
void text_add_data(Text *text, const char *data, size_t length) {
        if (text->cut || length >= text->size - text->length) {
                text->cut = true;
                return;
        }
        memcpy(text->data + text->length, data, length);
        text->length += length;
        text->data[text->length] = '\0';
}

void text_add_number(Text *text, int64_t number) {
        char digits[24];
        size_t at = sizeof(digits);
        uint64_t rest = number < 0 ? 0 - (uint64_t) number : (uint64_t) number;

        do {
                digits[--at] = (char) ('0' + rest % 10);
                rest /= 10;
        } while (rest > 0);
        if (number < 0)
                digits[--at] = '-';

        text_add_data(text, digits + at, sizeof(digits) - at);
}

/**
 * text_add_json() - the inside of a JSON string
 * @data:       any bytes; those from 0x80 on are handed through as they are
 */
void text_add_json(Text *text, const char *data, size_t length) {
        static const char plain[] = "\\\"/\n\r\t\b\f";
        static const char letter[] = "\\\"/nrtbf";
        static const char hex[] = "0123456789abcdef";

        for (size_t i = 0; i < length; i++) {
                unsigned char c = (unsigned char) data[i];
                const char *found = c ? strchr(plain, c) : NULL;

                if (found) {
                        char escape[2] = { '\\', letter[found - plain] };
                        text_add_data(text, escape, sizeof(escape));
                } else if (c < 0x20 || c == 0x7f) {
                        char escape[6] = { '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] };
                        text_add_data(text, escape, sizeof(escape));
                } else
                        text_add_data(text, data + i, 1);
        }
}

/* number_parse() - a whole string as one number, decimal or with the prefixes of C */
bool number_parse(const char *string, int64_t *ret_number) {
        char *end = NULL;
        long long number;

        errno = 0;
        number = strtoll(string, &end, 0);
        if (errno != 0 || end == string || *end != '\0')
                return false;
        *ret_number = number;
        return true;
}

/* arena_take() - @size zeroed bytes for ever; it is made large enough, so running out is fatal */
void *arena_take(Arena *arena, size_t size) {
        static const char complaint[] = "conmon: the command line is too long\n";
        size_t step = (size + 15) & ~(size_t) 15;
        void *taken = arena->data + arena->used;

        if (step < size || step > arena->size - arena->used) {
                (void) !write(STDERR_FILENO, complaint, sizeof(complaint) - 1);
                _exit(EXIT_FAILURE);
        }
        arena->used += step;
        return taken;
}

/* arena_join() - the strings up to NULL, one behind the other */
char *arena_join(Arena *arena, const char *first, ...) {
        size_t length = 0;
        char *joined, *end;
        va_list list;

        va_start(list, first);
        for (const char *part = first; part; part = va_arg(list, const char *))
                length += strlen(part);
        va_end(list);

        joined = end = arena_take(arena, length + 1);
        va_start(list, first);
        for (const char *part = first; part; part = va_arg(list, const char *))
                end = mempcpy(end, part, strlen(part));
        va_end(list);

        return joined;
}
