/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Json - a JSON document as a tree that can be read, changed and printed.
 *
 * Owner    The root owns all; json_free() of a value that sits in a tree is a mistake. "take"
 * parameters are consumed. Threads  One at a time while it changes; any number may read.
 *
 * Parsing is bounded (depth, values) and refuses duplicate keys, invalid UTF-8 and trailing text,
 * since a document with two readings is an attack. Numbers keep their digits. yajl is used in
 * json*.c only.
 */

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

typedef enum JsonType {
        JSON_NULL,
        JSON_BOOL,
        JSON_NUMBER,
        JSON_STRING,
        JSON_ARRAY,
        JSON_OBJECT,
} JsonType;

typedef struct Json Json;

/* parse and print; @name goes into errors. At most 64 levels and 1,000,000 values. */
Json *json_parse(const char *text, size_t length, const char *name, GError **error);
char *json_print(const Json *json, size_t *ret_length); /* one line, members in order; g_free() */
void json_free(Json *json);
Json *json_copy(const Json *json);

/* read; all of them accept NULL and the wrong type, and answer "absent" */
JsonType json_get_type(const Json *json); /* JSON_NULL for NULL */
const Json *json_get(const Json *object, const char *key);
const char *json_get_string(const Json *object, const char *key); /* NULL when absent */
bool json_get_bool(const Json *object, const char *key, bool fallback);
gint64 json_get_int(const Json *object, const char *key, gint64 fallback);
size_t json_length(const Json *json); /* members or elements */
const Json *json_at(const Json *json, size_t index);
const char *json_key_at(const Json *object, size_t index);
const char *json_string(const Json *json);          /* NULL when it is no string */
const char *json_number(const Json *json);          /* the digits; NULL when it is no number */
bool json_int(const Json *json, gint64 *ret_value); /* false when no number or out of range */

/* Strings of an array of strings (others are skipped) as a new vector; never NULL. */
GStrv json_get_strings(const Json *object, const char *key);

/* build */
Json *json_new_object(void);
Json *json_new_array(void);
Json *json_new_string(const char *text);
Json *json_new_int(gint64 value);
Json *json_new_uint(guint64 value);
Json *json_new_bool(bool value);
Json *json_new_null(void);

/* Set or replace a member; returns @take. */
Json *json_set(Json *object, const char *key, Json *take);
void json_set_string(
        Json *object, const char *key, const char *text); /* NULL text: nothing is set */
void json_set_int(Json *object, const char *key, gint64 value);
void json_set_uint(Json *object, const char *key, guint64 value);
void json_set_bool(Json *object, const char *key, bool value);
void json_set_strings(Json *object, const char *key, const char *const *texts);
void json_remove(Json *object, const char *key);
Json *json_append(Json *array, Json *take);
void json_append_string(Json *array, const char *text);

/* The member for changing; NULL when absent. json_need_*() makes it when absent. */
Json *json_edit(Json *object, const char *key);
Json *json_need_object(Json *object, const char *key);
Json *json_need_array(Json *object, const char *key);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Json, json_free)
