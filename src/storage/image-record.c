/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/image-record.h"

#include <stddef.h>

#include "base/error.h"
#include "base/id.h"
#include "base/json.h"

#define FORMAT_VERSION 1

/* What record.json holds, one row for each member. */
static const struct {
        const char *key;
        size_t offset;
} strings[] = {
        { "id", offsetof(ImageRecord, id) },
        { "user", offsetof(ImageRecord, user) },
        { "workingDir", offsetof(ImageRecord, working_dir) },
        { "stopSignal", offsetof(ImageRecord, stop_signal) },
        { "os", offsetof(ImageRecord, os) },
        { "architecture", offsetof(ImageRecord, architecture) },
}, lists[] = {
        { "digests", offsetof(ImageRecord, digests) },
        { "env", offsetof(ImageRecord, env) },
        { "entrypoint", offsetof(ImageRecord, entrypoint) },
        { "command", offsetof(ImageRecord, command) },
        { "volumes", offsetof(ImageRecord, volumes) },
        { "labels", offsetof(ImageRecord, labels) },
};

static char **string_at(const ImageRecord *record, size_t offset) {
        return (char **) ((char *) record + offset);
}

static GStrv *list_at(const ImageRecord *record, size_t offset) {
        return (GStrv *) ((char *) record + offset);
}

ImageRecord *image_record_new(void) {
        ImageRecord *record = g_atomic_rc_box_new0(ImageRecord);

        for (size_t i = 0; i < G_N_ELEMENTS(strings); i++)
                *string_at(record, strings[i].offset) = g_strdup("");
        for (size_t i = 0; i < G_N_ELEMENTS(lists); i++)
                *list_at(record, lists[i].offset) = g_new0(char *, 1);
        record->names = g_new0(char *, 1);
        record->layers = g_new0(char *, 1);
        return record;
}

ImageRecord *image_record_ref(ImageRecord *record) {
        return g_atomic_rc_box_acquire(record);
}

static void image_record_clear(void *data) {
        ImageRecord *record = data;

        for (size_t i = 0; i < G_N_ELEMENTS(strings); i++)
                g_free(*string_at(record, strings[i].offset));
        for (size_t i = 0; i < G_N_ELEMENTS(lists); i++)
                g_strfreev(*list_at(record, lists[i].offset));
        g_strfreev(record->names);
        g_strfreev(record->layers);
}

void image_record_unref(ImageRecord *record) {
        if (record)
                g_atomic_rc_box_release_full(record, image_record_clear);
}

char *image_record_print(const ImageRecord *record, size_t *ret_length) {
        g_autoptr(Json) json = json_new_object();

        json_set_int(json, "version", FORMAT_VERSION);
        for (size_t i = 0; i < G_N_ELEMENTS(strings); i++)
                json_set_string(json, strings[i].key, *string_at(record, strings[i].offset));
        json_set_int(json, "created", record->created_ns);
        for (size_t i = 0; i < G_N_ELEMENTS(lists); i++)
                json_set_strings(json, lists[i].key,
                                 (const char *const *) *list_at(record, lists[i].offset));
        return json_print(json, ret_length);
}

static void read_members(ImageRecord *record, const Json *json) {
        for (size_t i = 0; i < G_N_ELEMENTS(strings); i++) {
                char **text = string_at(record, strings[i].offset);
                const char *found = json_get_string(json, strings[i].key);

                g_free(*text);
                *text = g_strdup(found ? found : "");
        }
        for (size_t i = 0; i < G_N_ELEMENTS(lists); i++) {
                GStrv *list = list_at(record, lists[i].offset);

                g_strfreev(*list);
                *list = json_get_strings(json, lists[i].key);
        }
        record->created_ns = json_get_int(json, "created", 0);
}

/**
 * image_record_parse() - read what image_record_print() wrote
 * @error:      anything that this version did not write is refused, so that a record of another
 *              version is made anew by adoption and not misread
 */
ImageRecord *image_record_parse(const char *text, size_t length, const char *name, GError **error) {
        g_autoptr(ImageRecord) record = image_record_new();
        g_autoptr(Json) json = json_parse(text, length, name, error);

        if (!json)
                return NULL;
        if (json_get_int(json, "version", 0) != FORMAT_VERSION)
                return fail_null(error, ERROR_INTERNAL, "%s: not a record of version %d", name,
                                 FORMAT_VERSION);
        read_members(record, json);
        if (!id_is_valid(record->id))
                return fail_null(error, ERROR_INTERNAL, "%s: the image id \"%.80s\" is none", name,
                                 record->id);
        if (g_strv_length(record->labels) % 2)
                return fail_null(error, ERROR_INTERNAL, "%s: a label without value", name);
        return g_steal_pointer(&record);
}
