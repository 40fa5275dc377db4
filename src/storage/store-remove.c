/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/error.h"
#include "storage/store-private.h"

/* The names that stay when @name goes. A digest names the image within its repository, so it
 * takes all names there with it. */
static GStrv names_left(GStrv names, const char *name) {
        g_autoptr(GStrvBuilder) left = g_strv_builder_new();
        const char *at = strchr(name, '@');
        size_t length = at ? (size_t) (at - name) : 0;

        for (unsigned i = 0; names[i]; i++) {
                bool same = g_str_equal(names[i], name);

                if (at && strncmp(names[i], name, length) == 0 && strchr(":@", names[i][length]))
                        same = true;
                if (!same)
                        g_strv_builder_add(left, names[i]);
        }
        return g_strv_builder_end(left);
}

/* The images with one entry changed to have @names, or gone when @names is NULL. */
static Json *images_with(const StoreIndex *index, const char *id, GStrv names) {
        Json *left = json_new_array();

        for (size_t i = 0; i < json_length(index->images); i++) {
                const Json *image = json_at(index->images, i);
                bool meant = g_strcmp0(json_get_string(image, "id"), id) == 0;
                Json *copy;

                if (meant && !names)
                        continue;
                copy = json_append(left, json_copy(image));
                if (meant)
                        json_set_strings(copy, "names", (const char *const *) names);
        }
        return left;
}

static void add_chain(const StoreIndex *index, const char *top, GHashTable *set) {
        const Json *layer;

        while (top && g_hash_table_size(set) < 2 * STORE_LAYER_LIMIT &&
               (layer = store_index_find_layer(index, top)) &&
               g_hash_table_add(set, g_strdup(top)))
                top = json_get_string(layer, "parent");
}

static GHashTable *layers_of(const StoreIndex *index, const Json *image) {
        GHashTable *set = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        const Json *mapped = json_get(image, "mapped-layers");

        add_chain(index, json_get_string(image, "layer"), set);
        for (size_t i = 0; i < json_length(mapped); i++)
                add_chain(index, json_string(json_at(mapped, i)), set);
        return set;
}

/* The entry of the image goes first, durably; what is left after a crash nobody sees, and the
 * next start removes it. */
static bool remove_whole(StoreIndex *index, const char *id, StoreStaging *staging, GError **error) {
        g_autofree char *path = g_build_filename(STORE_IMAGES, id, NULL);
        const Json *image = store_index_find_image(index, id);
        g_autoptr(GHashTable) layers = NULL;

        if (!image)
                return true;
        layers = layers_of(index, image);
        return store_index_save_images(index, images_with(index, id, NULL), error) &&
               store_staging_take(staging, index->place->root_dfd, path, error) &&
               store_index_sweep(index, layers, staging, error);
}

/* Repo digests belong to repositories that still have a name. */
static GStrv digests_left(GStrv digests, GStrv names) {
        g_autoptr(GStrvBuilder) left = g_strv_builder_new();

        for (unsigned i = 0; digests[i]; i++) {
                size_t length = strcspn(digests[i], "@");

                for (unsigned k = 0; names[k]; k++) {
                        if (strncmp(digests[i], names[k], length) == 0 &&
                            strchr(":@", names[k][length])) {
                                g_strv_builder_add(left, digests[i]);
                                break;
                        }
                }
        }
        return g_strv_builder_end(left);
}

static bool trim_digests(const StorePlace *place, const char *id, GStrv names, GError **error) {
        g_autoptr(ImageRecord) record = store_record_load(place, id);
        GStrv left;

        if (!record)
                return true;
        left = digests_left(record->digests, names);
        if (g_strv_equal((const char *const *) left, (const char *const *) record->digests)) {
                g_strfreev(left);
                return true;
        }
        g_strfreev(record->digests);
        record->digests = left;
        return store_record_save(place, record, error);
}

static bool remove_name(StoreIndex *index, const char *id, const char *name, bool *ret_last,
                        GError **error) {
        g_auto(GStrv) names = json_get_strings(store_index_find_image(index, id), "names");
        g_auto(GStrv) left = names_left(names, name);

        *ret_last = !left[0];
        if (*ret_last)
                return true;
        if (g_strv_length(left) < g_strv_length(names) &&
            !store_index_save_images(index, images_with(index, id, left), error))
                return false;
        return trim_digests(index->place, id, left, error);
}

/* A container of podman or the Go daemon that is made of the image; NULL for none. */
static char *find_foreign_user(const StorePlace *place, const char *id, GError **error) {
        static const char *const names[] = { "containers.json", "volatile-containers.json" };

        for (size_t k = 0; k < G_N_ELEMENTS(names); k++) {
                g_autofree char *path = g_build_filename(STORE_CONTAINERS, names[k], NULL);
                g_autoptr(Json) containers = store_read_array(place, path, error);

                for (size_t i = 0; i < json_length(containers); i++) {
                        const Json *container = json_at(containers, i);
                        const char *user = json_get_string(container, "id");

                        if (user && g_strcmp0(json_get_string(container, "image"), id) == 0)
                                return g_strdup_printf("container %s of another program", user);
                }
                if (!containers)
                        return NULL;
        }
        return NULL;
}

/* Staging is freed after the index, so that the deleting itself holds up nobody. @user: who keeps
 * the image from going, NULL for nobody. */
static bool remove_on_disk(Store *store, const char *id, const char *name, const char *user,
                           GError **error) {
        g_autoptr(StoreStaging) staging = store_staging_new(&store->place, error);
        g_autoptr(StoreIndex) index = NULL;
        g_autoptr(GError) unreadable = NULL;
        g_autofree char *foreign = NULL;
        bool last = true;

        if (!staging)
                return false;
        index = store_index_open(&store->place, STORE_INDEX_WAIT, error);
        if (!index || (name && !remove_name(index, id, name, &last, error)))
                return false;
        if (last && !user)
                user = foreign = find_foreign_user(&store->place, id, &unreadable);
        if (unreadable) {
                g_propagate_error(error, g_steal_pointer(&unreadable));
                return false;
        }
        if (last && user)
                return fail(error, ERROR_FAILED_PRECONDITION,
                            "remove image %s: %s uses it; remove that first", id, user);
        return !last || remove_whole(index, id, staging, error);
}

/* Who uses the image; NULL when nobody does, and from here on nobody can begin to. */
static char *begin_removal(Store *store, const char *id) {
        GHashTableIter iter;
        gpointer container, image;

        lock_guard(&store->lock);
        g_hash_table_iter_init(&iter, store->roots);
        while (g_hash_table_iter_next(&iter, &container, &image))
                if (g_str_equal(image, id))
                        return g_strconcat("container ", container, NULL);
        g_hash_table_add(store->removing, g_strdup(id));
        return NULL;
}

static void end_removal(Store *store, const char *id) {
        lock_guard(&store->lock);
        g_hash_table_remove(store->removing, id);
}

/**
 * store_remove_image() - take a name away, and the image with its last one
 *
 * Who may use the image is settled before the index is locked: a root made from now on finds the
 * image in "removing" and fails, one made before is found here.
 */
bool store_remove_image(Store *store, const char *reference, GError **error) {
        g_autoptr(StoreView) view = store_get_view(store);
        const char *name = NULL;
        const ImageRecord *record = store_view_find(view, reference, &name);
        g_autofree char *user = NULL;
        bool good;

        if (!record)
                return true;
        user = begin_removal(store, record->id);
        if (!user)
                user = store_find_mount_of(store, record->id);
        good = remove_on_disk(store, record->id, name, user, error) && store_reload(store, error);
        end_removal(store, record->id);
        return good;
}
