/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/id.h"
#include "base/log.h"
#include "storage/reference.h"
#include "storage/store-private.h"

#define ID_PREFIX_MINIMUM 3

static bool list_has(GStrv list, const char *text) {
        return g_strv_contains((const char *const *) list, text);
}

/* Tags become names; what was pulled by digest joins the repo digests of the record. */
static void take_names(ImageRecord *record, const Json *entry) {
        g_autoptr(GStrvBuilder) names = g_strv_builder_new();
        g_autoptr(GStrvBuilder) digests = g_strv_builder_new();
        g_auto(GStrv) all = json_get_strings(entry, "names");

        g_strv_builder_addv(digests, (const char **) record->digests);
        for (unsigned i = 0; all[i]; i++) {
                if (!strchr(all[i], '@'))
                        g_strv_builder_add(names, all[i]);
                else if (!list_has(record->digests, all[i]))
                        g_strv_builder_add(digests, all[i]);
        }
        g_strfreev(record->names);
        record->names = g_strv_builder_end(names);
        g_strfreev(record->digests);
        record->digests = g_strv_builder_end(digests);
}

static guint64 layer_size(const Json *layer) {
        return (guint64) MAX(json_get_int(layer, "diff-size", 0), 0);
}

static bool take_layers(ImageRecord *record, const StoreIndex *index, const Json *entry) {
        GStrv chain = store_index_chain(index, json_get_string(entry, "layer"));

        if (!chain)
                return false;
        g_strfreev(record->layers);
        record->layers = chain;
        record->size = 0;
        for (unsigned i = 0; chain[i]; i++)
                record->size += layer_size(store_index_find_layer(index, chain[i]));
        return true;
}

static void number_image(StoreView *view, ImageRecord *record) {
        g_ptr_array_add(view->images, record);
        g_hash_table_insert(view->by_id, record->id, record);
        for (unsigned i = 0; record->digests[i]; i++)
                g_hash_table_insert(view->by_name, record->digests[i], record);
        for (unsigned i = 0; record->names[i]; i++)
                g_hash_table_insert(view->by_name, record->names[i], record);
}

static void load_image(StoreView *view, const StoreIndex *index, const Json *entry) {
        const char *id = json_get_string(entry, "id");
        g_autoptr(ImageRecord) record = NULL;

        if (!id || !id_is_valid(id) || g_hash_table_contains(view->by_id, id))
                return;
        record = store_record_load(index->place, id);
        if (!record) {
                g_ptr_array_add(view->foreign, g_strdup(id));
                return;
        }
        if (!take_layers(record, index, entry)) {
                log_warning("store %s: image %s does not count, since a layer of it is missing; "
                            "pull it again", index->place->root, id);
                return;
        }
        take_names(record, entry);
        number_image(view, g_steal_pointer(&record));
}

static void count_layers(StoreView *view, const StoreIndex *index) {
        for (size_t i = 0; i < json_length(index->layers); i++) {
                const Json *layer = json_at(index->layers, i);
                guint64 entries = 0;

                store_layer_is_ours(layer, &entries);
                view->bytes += layer_size(layer);
                view->inodes += entries;
        }
}

StoreView *store_view_load(const StorePlace *place, GError **error) {
        g_autoptr(StoreIndex) index = store_index_open(place, STORE_INDEX_READ, error);
        StoreView *view;

        if (!index)
                return NULL;
        view = g_atomic_rc_box_new0(StoreView);
        view->images = g_ptr_array_new_with_free_func((GDestroyNotify) image_record_unref);
        view->foreign = g_ptr_array_new_with_free_func(g_free);
        view->by_id = g_hash_table_new(g_str_hash, g_str_equal);
        view->by_name = g_hash_table_new(g_str_hash, g_str_equal);
        for (size_t i = 0; i < json_length(index->images); i++)
                load_image(view, index, json_at(index->images, i));
        count_layers(view, index);
        return view;
}

StoreView *store_view_ref(StoreView *view) {
        return g_atomic_rc_box_acquire(view);
}

static void view_clear(void *data) {
        StoreView *view = data;

        g_hash_table_unref(view->by_name);
        g_hash_table_unref(view->by_id);
        g_ptr_array_unref(view->foreign);
        g_ptr_array_unref(view->images);
}

void store_view_unref(StoreView *view) {
        if (view)
                g_atomic_rc_box_release_full(view, view_clear);
}

static ImageRecord *find_name(const StoreView *view, const char *name, const char **ret_name) {
        gpointer key = NULL, record = NULL;

        if (!g_hash_table_lookup_extended(view->by_name, name, &key, &record))
                return NULL;
        *ret_name = key;
        return record;
}

static ImageRecord *find_prefix(const StoreView *view, const char *prefix) {
        size_t length = strlen(prefix);
        ImageRecord *found = NULL;

        if (length < ID_PREFIX_MINIMUM || length > ID_LENGTH ||
            prefix[strspn(prefix, "0123456789abcdef")])
                return NULL;
        for (unsigned i = 0; i < view->images->len; i++) {
                ImageRecord *record = view->images->pdata[i];

                if (!g_str_has_prefix(record->id, prefix))
                        continue;
                if (found)
                        return NULL;
                found = record;
        }
        return found;
}

/* A short name may have been pulled from any search registry: it means the one image that has it,
 * if there is just one. */
static ImageRecord *find_short(const StoreView *view, const char *reference,
                               const char **ret_name) {
        ImageRecord *found = NULL;
        GHashTableIter iter;
        gpointer name, record;

        g_hash_table_iter_init(&iter, view->by_name);
        while (g_hash_table_iter_next(&iter, &name, &record)) {
                const char *path = strchr(name, '/');

                if (!path || !g_str_equal(path + 1, reference))
                        continue;
                if (found && found != record)
                        return NULL;
                found = record;
                *ret_name = name;
        }
        return found;
}

static ImageRecord *find_reference(const StoreView *view, const char *text,
                                   const char **ret_name) {
        g_autoptr(ImageReference) reference = image_reference_parse(text, NULL);
        g_autofree char *stored = NULL;
        g_autofree char *local = NULL;
        const char *rest;
        ImageRecord *found;

        if (!reference)
                return NULL;
        stored = image_reference_print_stored(reference);
        found = find_name(view, stored, ret_name);
        if (found || !image_reference_is_short(text))
                return found;
        /* "docker.io/" and, where it was added, "library/" come off again. */
        rest = strchr(stored, '/') + 1;
        if (!strchr(text, '/'))
                rest = strchr(rest, '/') + 1;
        local = g_strconcat("localhost/", rest, NULL);
        found = find_name(view, local, ret_name);
        return found ? found : find_short(view, rest, ret_name);
}

/**
 * store_view_find() - what image somebody means
 *
 * A whole id, then a name, then the beginning of an id: so no image can be made to shadow another
 * by a name of hex digits, nor a name by an id.
 */
ImageRecord *store_view_find(const StoreView *view, const char *reference, const char **ret_name) {
        const char *id = g_str_has_prefix(reference, "sha256:") ? reference + 7 : reference;
        ImageRecord *found = g_hash_table_lookup(view->by_id, id);
        const char *name = NULL;

        if (!found && id == reference)
                found = find_reference(view, reference, &name);
        if (!found)
                found = find_prefix(view, id);
        if (ret_name)
                *ret_name = name;
        return found;
}
