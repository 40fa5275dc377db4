/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/id.h"
#include "storage/store-private.h"
#include "storage/store-write.h"

GBytes *store_read_image_file(const char *root, const char *image_id, const char *key, size_t limit,
                              GError **error) {
        g_autofree char *name = store_file_name(key);
        g_autofree char *path = g_build_filename(root, STORE_IMAGES, image_id, name, NULL);
        char *text;
        size_t length;

        if (!id_is_valid(image_id))
                return fail_null(error, ERROR_INVALID_ARGUMENT, "\"%.80s\" is no image id",
                                 image_id);
        if (!file_read(AT_FDCWD, path, limit, &text, &length, error))
                return NULL;
        return g_bytes_new_take(text, length);
}

/* The digests of all manifests of an image, those of lists first, since by a list it was pulled. */
static GPtrArray *manifest_digests(const Json *entry) {
        GPtrArray *digests = g_ptr_array_new();
        const char *own = json_get_string(entry, "digest");
        Digest own_parsed;
        const Json *pieces = json_get(entry, "big-data-digests");

        for (size_t i = 0; i < json_length(pieces); i++) {
                const char *digest = json_string(json_at(pieces, i));
                Digest parsed;

                if (g_str_has_prefix(json_key_at(pieces, i), "manifest-") &&
                    digest_parse(digest, &parsed, NULL) && g_strcmp0(digest, own) != 0)
                        g_ptr_array_add(digests, (char *) digest);
        }
        if (digest_parse(own, &own_parsed, NULL))
                g_ptr_array_add(digests, (char *) own);
        return digests;
}

/* "host/path" of "host/path:tag" or "host/path@digest". */
static char *repository_of(const char *name) {
        const char *slash = strchr(name, '/');
        const char *end = slash ? strpbrk(slash, ":@") : NULL;

        return end ? g_strndup(name, (gsize) (end - name)) : g_strdup(name);
}

static GStrv repo_digests(const Json *entry) {
        g_autoptr(GPtrArray) digests = manifest_digests(entry);
        g_auto(GStrv) names = json_get_strings(entry, "names");
        g_autoptr(GPtrArray) found = g_ptr_array_new();

        for (unsigned i = 0; names[i]; i++) {
                g_autofree char *repository = repository_of(names[i]);

                for (unsigned k = 0; k < digests->len; k++) {
                        char *text = g_strconcat(repository, "@", digests->pdata[k], NULL);

                        if (g_ptr_array_find_with_equal_func(found, text, g_str_equal, NULL))
                                g_free(text);
                        else
                                g_ptr_array_add(found, text);
                }
        }
        g_ptr_array_add(found, NULL);
        return (GStrv) g_ptr_array_free(g_steal_pointer(&found), FALSE);
}

static bool adopt(const StorePlace *place, const ImageRecord *record, GError **error) {
        g_autoptr(StoreIndex) index = store_index_open(place, STORE_INDEX_WAIT, error);
        ImageRecord copy = *record;
        const Json *entry;
        bool good;

        if (!index)
                return false;
        entry = store_index_find_image(index, record->id);
        if (!entry)
                return fail(error, ERROR_NOT_FOUND, "image %s is not in the store", record->id);
        copy.digests = repo_digests(entry);
        good = store_record_save(place, &copy, error);
        g_strfreev(copy.digests);
        return good;
}

/**
 * store_adopt_image() - give an image that another program brought the record that it lacks
 * @record:     id, time of creation and configuration
 */
bool store_adopt_image(const char *root, const ImageRecord *record, GError **error) {
        StorePlace place;
        bool good = store_place_open(&place, root, error) && adopt(&place, record, error);

        store_place_clear(&place);
        return good;
}
