/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/id.h"
#include "base/log.h"
#include "storage/store-private.h"

static void add_ids(GHashTable *ids, const Json *layers) {
        for (size_t i = 0; i < json_length(layers); i++) {
                const char *id = json_get_string(json_at(layers, i), "id");

                if (id)
                        g_hash_table_add(ids, g_strdup(id));
        }
}

/* Ids of layers that are recorded anywhere; NULL with @error when that cannot be told. */
static GHashTable *recorded_layers(const StoreIndex *index, GError **error) {
        g_autoptr(GHashTable) ids = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        g_autoptr(Json) more = store_read_array(index->place, STORE_LAYERS "/volatile-layers.json",
                                                error);

        if (!more)
                return NULL;
        add_ids(ids, index->layers);
        add_ids(ids, more);
        return g_steal_pointer(&ids);
}

static bool is_container_root(const StorePlace *place, const char *id) {
        g_autofree char *path = g_build_filename(id, STORE_ROOT_MARK, NULL);

        return faccessat(place->overlay_dfd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
               errno != ENOENT;
}

/* Directories that were renamed into place before their record was written, or left after it
 * went. */
static bool take_layers(StoreIndex *index, StoreStaging *staging, GError **error) {
        g_autoptr(GHashTable) known = recorded_layers(index, error);
        g_autoptr(GPtrArray) names = NULL;

        if (!known)
                return false;
        names = dir_list(index->place->overlay_dfd, ".", error);
        if (!names)
                return false;
        for (unsigned i = 0; i < names->len; i++) {
                const char *id = names->pdata[i];

                if (!id_is_valid(id) || g_hash_table_contains(known, id) ||
                    is_container_root(index->place, id))
                        continue;
                log_info("store %s: removing layer %s, which has no record", index->place->root,
                         id);
                if (!store_staging_take(staging, index->place->overlay_dfd, id, error))
                        return false;
        }
        return true;
}

/* Short links whose layer is gone. */
static bool take_links(StoreIndex *index, GError **error) {
        g_autoptr(GPtrArray) names = dir_list(index->place->overlay_dfd, "l", error);

        for (unsigned i = 0; names && i < names->len; i++) {
                g_autofree char *path = g_build_filename("l", names->pdata[i], NULL);

                if (faccessat(index->place->overlay_dfd, path, F_OK, 0) < 0 && errno == ENOENT)
                        unlinkat(index->place->overlay_dfd, path, 0);
        }
        return names != NULL;
}

/* An image of ours that lost a layer is good for nothing. One that podman wrote may have its
 * layers in another store, so that one is only not listed. */
static bool is_broken(const StoreIndex *index, const Json *image) {
        const char *id = json_get_string(image, "id");
        g_autofree char *path = g_build_filename(STORE_IMAGES, id ? id : "", STORE_RECORD, NULL);
        g_auto(GStrv) chain = store_index_chain(index, json_get_string(image, "layer"));

        return !chain && id && id_is_valid(id) &&
               faccessat(index->place->root_dfd, path, F_OK, 0) == 0;
}

static bool drop_images(StoreIndex *index, GError **error) {
        g_autoptr(Json) left = json_new_array();

        for (size_t i = 0; i < json_length(index->images); i++) {
                const Json *image = json_at(index->images, i);

                if (is_broken(index, image))
                        log_warning("store %s: removing image %s, since a layer of it is missing; "
                                    "pull it again", index->place->root,
                                    json_get_string(image, "id"));
                else
                        json_append(left, json_copy(image));
        }
        return json_length(left) == json_length(index->images) ||
               store_index_save_images(index, g_steal_pointer(&left), error);
}

/* Directories of images that have no entry. */
static bool take_images(StoreIndex *index, StoreStaging *staging, GError **error) {
        g_autoptr(GPtrArray) names = dir_list(index->place->root_dfd, STORE_IMAGES, error);

        for (unsigned i = 0; names && i < names->len; i++) {
                g_autofree char *path = g_build_filename(STORE_IMAGES, names->pdata[i], NULL);

                if (!id_is_valid(names->pdata[i]) ||
                    store_index_find_image(index, names->pdata[i]))
                        continue;
                if (!store_staging_take(staging, index->place->root_dfd, path, error))
                        return false;
        }
        return names != NULL;
}

static void drop_claims(const StorePlace *place) {
        g_autoptr(GPtrArray) names = dir_list(place->overlay_dfd, STORE_CLAIMS, NULL);

        for (unsigned i = 0; names && i < names->len; i++) {
                int fd = store_claim_open(place, names->pdata[i], NULL);

                if (fd >= 0)
                        store_claim_drop(place, names->pdata[i], fd);
        }
}

static bool recover(const StorePlace *place, GError **error) {
        g_autoptr(StoreStaging) staging = store_staging_new(place, error);
        g_autoptr(StoreIndex) index = NULL;

        if (!staging)
                return false;
        index = store_index_open(place, STORE_INDEX_TRY, error);
        if (!index)
                return false;
        drop_claims(place);
        return take_layers(index, staging, error) && drop_images(index, error) &&
               take_images(index, staging, error) &&
               store_index_sweep(index, NULL, staging, error) && take_links(index, error);
}

/**
 * store_recover() - finish what a crash left
 *
 * Only names are looked at, no content is read, so it is quick however much is stored. When another
 * program holds the index, that program is at work and the leftovers can wait.
 */
void store_recover(const StorePlace *place) {
        g_autoptr(GError) error = NULL;

        store_staging_sweep(place);
        if (!recover(place, &error))
                log_warning("store %s: ignoring that leftovers stay until the next start: %s",
                            place->root, error->message);
}
