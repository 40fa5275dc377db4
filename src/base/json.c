/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <yajl/yajl_gen.h>

#include "base/json-private.h"

Json *json_new(JsonType type) {
        Json *json = g_new0(Json, 1);

        json->type = type;
        return json;
}

void json_free(Json *json) {
        if (!json)
                return;
        for (guint i = 0; i < json->length; i++) {
                json_free(json->items[i]);
                if (json->keys)
                        g_free(json->keys[i]);
        }
        g_free(json->items);
        g_free(json->keys);
        g_free(json->text);
        g_free(json);
}

void json_push(Json *json, char *take_key, Json *take) {
        if (json->length == json->room) {
                json->room = json->room ? json->room * 2 : 4;
                json->items = g_renew(Json *, json->items, json->room);
                if (json->type == JSON_OBJECT)
                        json->keys = g_renew(char *, json->keys, json->room);
        }
        json->items[json->length] = take;
        if (json->type == JSON_OBJECT)
                json->keys[json->length] = take_key;
        json->length++;
}

Json *json_copy(const Json *json) {
        Json *copy;

        if (!json)
                return NULL;
        copy = json_new(json->type);
        copy->truth = json->truth;
        copy->text = g_strdup(json->text);
        for (guint i = 0; i < json->length; i++)
                json_push(copy, json->keys ? g_strdup(json->keys[i]) : NULL,
                        json_copy(json->items[i]));
        return copy;
}

/* read */

JsonType json_get_type(const Json *json) {
        return json ? json->type : JSON_NULL;
}

static int find_member(const Json *object, const char *key) {
        if (json_get_type(object) != JSON_OBJECT)
                return -1;
        for (guint i = 0; i < object->length; i++)
                if (g_str_equal(object->keys[i], key))
                        return (int)i;
        return -1;
}

const Json *json_get(const Json *object, const char *key) {
        int index = find_member(object, key);

        return index < 0 ? NULL : object->items[index];
}

const char *json_string(const Json *json) {
        return json_get_type(json) == JSON_STRING ? json->text : NULL;
}

const char *json_number(const Json *json) {
        return json_get_type(json) == JSON_NUMBER ? json->text : NULL;
}

bool json_int(const Json *json, gint64 *ret_value) {
        const char *digits = json_number(json);
        char *end = NULL;
        gint64 value;

        if (!digits)
                return false;
        errno = 0;
        value = g_ascii_strtoll(digits, &end, 10);
        if (errno != 0 || *end)
                return false;
        *ret_value = value;
        return true;
}

const char *json_get_string(const Json *object, const char *key) {
        return json_string(json_get(object, key));
}

bool json_get_bool(const Json *object, const char *key, bool fallback) {
        const Json *member = json_get(object, key);

        return json_get_type(member) == JSON_BOOL ? member->truth : fallback;
}

gint64 json_get_int(const Json *object, const char *key, gint64 fallback) {
        gint64 value = fallback;

        json_int(json_get(object, key), &value);
        return value;
}

size_t json_length(const Json *json) {
        return json ? json->length : 0;
}

const Json *json_at(const Json *json, size_t index) {
        return index < json_length(json) ? json->items[index] : NULL;
}

const char *json_key_at(const Json *object, size_t index) {
        return json_get_type(object) == JSON_OBJECT && index < object->length ? object->keys[index]
                                                                              : NULL;
}

GStrv json_get_strings(const Json *object, const char *key) {
        const Json *array = json_get(object, key);
        GPtrArray *texts = g_ptr_array_new();

        for (size_t i = 0; json_get_type(array) == JSON_ARRAY && i < array->length; i++)
                if (json_string(array->items[i]))
                        g_ptr_array_add(texts, g_strdup(array->items[i]->text));
        g_ptr_array_add(texts, NULL);
        return (GStrv)g_ptr_array_free(texts, FALSE);
}

/* build */

Json *json_new_object(void) {
        return json_new(JSON_OBJECT);
}

Json *json_new_array(void) {
        return json_new(JSON_ARRAY);
}

Json *json_new_null(void) {
        return json_new(JSON_NULL);
}

Json *json_new_string(const char *text) {
        Json *json = json_new(JSON_STRING);

        json->text = g_strdup(text);
        return json;
}

Json *json_new_int(gint64 value) {
        Json *json = json_new(JSON_NUMBER);

        json->text = g_strdup_printf("%" G_GINT64_FORMAT, value);
        return json;
}

Json *json_new_uint(guint64 value) {
        Json *json = json_new(JSON_NUMBER);

        json->text = g_strdup_printf("%" G_GUINT64_FORMAT, value);
        return json;
}

Json *json_new_bool(bool value) {
        Json *json = json_new(JSON_BOOL);

        json->truth = value;
        return json;
}

Json *json_set(Json *object, const char *key, Json *take) {
        int index = find_member(object, key);

        if (index < 0) {
                json_push(object, g_strdup(key), take);
                return take;
        }
        json_free(object->items[index]);
        object->items[index] = take;
        return take;
}

void json_set_string(Json *object, const char *key, const char *text) {
        if (text)
                json_set(object, key, json_new_string(text));
}

void json_set_int(Json *object, const char *key, gint64 value) {
        json_set(object, key, json_new_int(value));
}

void json_set_uint(Json *object, const char *key, guint64 value) {
        json_set(object, key, json_new_uint(value));
}

void json_set_bool(Json *object, const char *key, bool value) {
        json_set(object, key, json_new_bool(value));
}

void json_set_strings(Json *object, const char *key, const char *const *texts) {
        Json *array = json_set(object, key, json_new_array());

        for (unsigned i = 0; texts && texts[i]; i++)
                json_append_string(array, texts[i]);
}

void json_remove(Json *object, const char *key) {
        int found = find_member(object, key);
        guint index = (guint)found;

        if (found < 0)
                return;
        json_free(object->items[index]);
        g_free(object->keys[index]);
        object->length--;
        memmove(object->items + index, object->items + index + 1,
                (object->length - index) * sizeof(*object->items));
        memmove(object->keys + index, object->keys + index + 1,
                (object->length - index) * sizeof(*object->keys));
}

Json *json_append(Json *array, Json *take) {
        json_push(array, NULL, take);
        return take;
}

void json_append_string(Json *array, const char *text) {
        json_append(array, json_new_string(text));
}

Json *json_edit(Json *object, const char *key) {
        int index = find_member(object, key);

        return index < 0 ? NULL : object->items[index];
}

static Json *need(Json *object, const char *key, JsonType type) {
        Json *member = json_edit(object, key);

        return json_get_type(member) == type ? member : json_set(object, key, json_new(type));
}

Json *json_need_object(Json *object, const char *key) {
        return need(object, key, JSON_OBJECT);
}

Json *json_need_array(Json *object, const char *key) {
        return need(object, key, JSON_ARRAY);
}

/* print */

static void generate(yajl_gen gen, const Json *json);

static void generate_string(yajl_gen gen, const char *text) {
        yajl_gen_string(gen, (const unsigned char *)text, strlen(text));
}

static void generate_items(yajl_gen gen, const Json *json) {
        for (guint i = 0; i < json->length; i++) {
                if (json->keys)
                        generate_string(gen, json->keys[i]);
                generate(gen, json->items[i]);
        }
}

static void generate(yajl_gen gen, const Json *json) {
        switch (json->type) {
        case JSON_NULL:
                yajl_gen_null(gen);
                break;
        case JSON_BOOL:
                yajl_gen_bool(gen, json->truth);
                break;
        case JSON_NUMBER:
                yajl_gen_number(gen, json->text, strlen(json->text));
                break;
        case JSON_STRING:
                generate_string(gen, json->text);
                break;
        case JSON_ARRAY:
                yajl_gen_array_open(gen);
                generate_items(gen, json);
                yajl_gen_array_close(gen);
                break;
        case JSON_OBJECT:
                yajl_gen_map_open(gen);
                generate_items(gen, json);
                yajl_gen_map_close(gen);
                break;
        }
}

char *json_print(const Json *json, size_t *ret_length) {
        yajl_gen gen = yajl_gen_alloc(NULL);
        const unsigned char *text;
        size_t length;
        char *copy;

        generate(gen, json);
        yajl_gen_get_buf(gen, &text, &length);
        copy = g_strndup((const char *)text, length);
        yajl_gen_free(gen);
        if (ret_length)
                *ret_length = length;
        return copy;
}
