/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include <yajl/yajl_parse.h>

#include "base/error.h"
#include "base/json-private.h"

#define DEPTH_LIMIT 64
#define VALUE_LIMIT 1000000

typedef struct Parser {
        Json *root;
        Json *stack[DEPTH_LIMIT];
        char *keys[DEPTH_LIMIT]; /* the key that waits for its value, by depth */
        unsigned depth;
        unsigned values;
        const char *refusal;
} Parser;

static int refuse(Parser *parser, const char *why) {
        parser->refusal = why;
        return 0;
}

/* Put a finished or opened value in its place. Consumes @value. */
static int place(Parser *parser, Json *value) {
        if (++parser->values > VALUE_LIMIT) {
                json_free(value);
                return refuse(parser, "too many values");
        }
        if (parser->depth == 0)
                parser->root = value;
        else
                json_push(parser->stack[parser->depth - 1],
                        g_steal_pointer(&parser->keys[parser->depth - 1]), value);
        return 1;
}

static int on_null(void *context) {
        return place(context, json_new(JSON_NULL));
}

static int on_boolean(void *context, int truth) {
        return place(context, json_new_bool(truth != 0));
}

static int on_number(void *context, const char *digits, size_t length) {
        Json *value = json_new(JSON_NUMBER);

        value->text = g_strndup(digits, length);
        return place(context, value);
}

static int on_string(void *context, const unsigned char *text, size_t length) {
        Json *value;

        if (memchr(text, '\0', length))
                return refuse(context, "a string with a NUL");
        value = json_new(JSON_STRING);
        value->text = g_strndup((const char *)text, length);
        return place(context, value);
}

static int on_open(Parser *parser, JsonType type) {
        Json *value;

        if (parser->depth == DEPTH_LIMIT)
                return refuse(parser, "nested too deeply");
        value = json_new(type);
        if (!place(parser, value))
                return 0;
        parser->stack[parser->depth++] = value;
        return 1;
}

static int on_map_open(void *context) {
        return on_open(context, JSON_OBJECT);
}

static int on_array_open(void *context) {
        return on_open(context, JSON_ARRAY);
}

static int on_key(void *context, const unsigned char *text, size_t length) {
        Parser *parser = context;

        if (memchr(text, '\0', length))
                return refuse(parser, "a key with a NUL");
        parser->keys[parser->depth - 1] = g_strndup((const char *)text, length);
        return 1;
}

static int compare_keys(const void *a, const void *b) {
        return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool has_duplicates(const Json *object) {
        g_autofree const char **sorted = NULL;

        if (object->length < 2)
                return false;
        sorted = g_memdup2(object->keys, object->length * sizeof(*object->keys));
        qsort(sorted, object->length, sizeof(*sorted), compare_keys);
        for (guint i = 1; i < object->length; i++)
                if (g_str_equal(sorted[i - 1], sorted[i]))
                        return true;
        return false;
}

static int on_map_close(void *context) {
        Parser *parser = context;

        if (has_duplicates(parser->stack[--parser->depth]))
                return refuse(parser, "a key occurs twice in one object");
        return 1;
}

static int on_array_close(void *context) {
        ((Parser *)context)->depth--;
        return 1;
}

static const yajl_callbacks callbacks = {
        .yajl_null = on_null,
        .yajl_boolean = on_boolean,
        .yajl_number = on_number,
        .yajl_string = on_string,
        .yajl_start_map = on_map_open,
        .yajl_map_key = on_key,
        .yajl_end_map = on_map_close,
        .yajl_start_array = on_array_open,
        .yajl_end_array = on_array_close,
};

static void explain(yajl_handle handle, const Parser *parser, const char *name, GError **error) {
        size_t offset = yajl_get_bytes_consumed(handle);
        unsigned char *text;

        if (parser->refusal) {
                fail(error, ERROR_INVALID_ARGUMENT, "%s: JSON refused near byte %zu: %s", name,
                        offset, parser->refusal);
                return;
        }
        text = yajl_get_error(handle, 0, NULL, 0);
        fail(error, ERROR_INVALID_ARGUMENT, "%s: not JSON near byte %zu: %s", name, offset,
                g_strchomp((char *)text));
        yajl_free_error(handle, text);
}

Json *json_parse(const char *text, size_t length, const char *name, GError **error) {
        Parser parser = {0};
        yajl_handle handle = yajl_alloc(&callbacks, NULL, &parser);
        bool good = yajl_parse(handle, (const unsigned char *)text, length) == yajl_status_ok &&
                    yajl_complete_parse(handle) == yajl_status_ok;

        if (!good)
                explain(handle, &parser, name, error);
        yajl_free(handle);
        for (unsigned i = 0; i < DEPTH_LIMIT; i++)
                g_free(parser.keys[i]);
        if (good)
                return parser.root;
        json_free(parser.root);
        return NULL;
}
