/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/id.h"
#include "base/log.h"
#include "storage/store-private.h"

/* Files of containers/storage that may name a layer, besides the two of the index. */
static const struct {
        const char *path;
        const char *member;
} other_users[] = {
        { STORE_LAYERS "/volatile-layers.json", "parent" },
        { STORE_LAYERS "/volatile-layers.json", "id" },
        { STORE_CONTAINERS "/containers.json", "layer" },
        { STORE_CONTAINERS "/volatile-containers.json", "layer" },
};

typedef struct Sweep {
        StoreIndex *index;
        GHashTable *candidates; /* NULL: those we wrote */
        GHashTable *uses;       /* layer id to count; ids are borrowed */
        GHashTable *gone;       /* set of layer ids; borrowed */
        GPtrArray *foreign;     /* keeps what uses borrows */
} Sweep;

static void count_use(Sweep *sweep, const char *id, int by) {
        int count = GPOINTER_TO_INT(g_hash_table_lookup(sweep->uses, id)) + by;

        g_hash_table_insert(sweep->uses, (char *) id, GINT_TO_POINTER(count));
}

static void count_image(Sweep *sweep, const Json *image) {
        const Json *mapped = json_get(image, "mapped-layers");
        const char *top = json_get_string(image, "layer");

        if (top)
                count_use(sweep, top, 1);
        for (size_t i = 0; i < json_length(mapped); i++)
                if (json_string(json_at(mapped, i)))
                        count_use(sweep, json_string(json_at(mapped, i)), 1);
}

static bool count_foreign(Sweep *sweep, const char *path, const char *member, GError **error) {
        Json *json = store_read_array(sweep->index->place, path, error);

        if (!json)
                return false;
        g_ptr_array_add(sweep->foreign, json);
        for (size_t i = 0; i < json_length(json); i++) {
                const char *id = json_get_string(json_at(json, i), member);

                if (id)
                        count_use(sweep, id, 1);
        }
        return true;
}

static bool count_all(Sweep *sweep, GError **error) {
        const StoreIndex *index = sweep->index;

        for (size_t i = 0; i < json_length(index->images); i++)
                count_image(sweep, json_at(index->images, i));
        for (size_t i = 0; i < json_length(index->layers); i++) {
                const char *parent = json_get_string(json_at(index->layers, i), "parent");

                if (parent)
                        count_use(sweep, parent, 1);
        }
        for (size_t i = 0; i < G_N_ELEMENTS(other_users); i++)
                if (!count_foreign(sweep, other_users[i].path, other_users[i].member, error))
                        return false;
        return true;
}

static bool may_go(const Sweep *sweep, const Json *layer) {
        const char *id = json_get_string(layer, "id");

        if (!id || !id_is_valid(id) || g_hash_table_contains(sweep->gone, id) ||
            GPOINTER_TO_INT(g_hash_table_lookup(sweep->uses, id)) > 0)
                return false;
        if (sweep->candidates ? !g_hash_table_contains(sweep->candidates, id)
                              : !store_layer_is_ours(layer, NULL))
                return false;
        return !store_claim_is_held(sweep->index->place, id);
}

/* Mark a layer and whatever it alone was holding. */
static void mark(Sweep *sweep, const Json *layer) {
        while (layer && may_go(sweep, layer)) {
                const char *parent = json_get_string(layer, "parent");

                g_hash_table_add(sweep->gone, (char *) json_get_string(layer, "id"));
                if (!parent)
                        return;
                count_use(sweep, parent, -1);
                layer = store_index_find_layer(sweep->index, parent);
        }
}

static void take_directory(const StoreIndex *index, StoreStaging *staging, const char *id) {
        g_autofree char *path = g_build_filename(id, "link", NULL);
        g_autoptr(GError) error = NULL;
        g_autofree char *link = NULL;

        if (file_read(index->place->overlay_dfd, path, 64, &link, NULL, NULL) &&
            !strchr(link, '/')) {
                g_autofree char *name = g_build_filename("l", link, NULL);

                unlinkat(index->place->overlay_dfd, name, 0);
        }
        if (!store_staging_take(staging, index->place->overlay_dfd, id, &error))
                log_warning("store %s: ignoring a layer that stays until the next start: %s",
                            index->place->root, error->message);
}

static Json *layers_left(const Sweep *sweep) {
        Json *left = json_new_array();

        for (size_t i = 0; i < json_length(sweep->index->layers); i++) {
                const Json *layer = json_at(sweep->index->layers, i);
                const char *id = json_get_string(layer, "id");

                if (!id || !g_hash_table_contains(sweep->gone, id))
                        json_append(left, json_copy(layer));
        }
        return left;
}

/* First the record goes, durably, then the directory: the other way round a crash would leave a
 * record of a layer that is not there. */
static bool take_marked(Sweep *sweep, StoreStaging *staging, GError **error) {
        g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
        GHashTableIter iter;
        gpointer id;

        g_hash_table_iter_init(&iter, sweep->gone);
        while (g_hash_table_iter_next(&iter, &id, NULL))
                g_ptr_array_add(ids, g_strdup(id));
        if (!store_index_save_layers(sweep->index, layers_left(sweep), error))
                return false;
        for (unsigned i = 0; i < ids->len; i++)
                take_directory(sweep->index, staging, ids->pdata[i]);
        return true;
}

bool store_index_sweep(StoreIndex *index, GHashTable *candidates, StoreStaging *staging,
                       GError **error) {
        g_autoptr(GHashTable) uses = g_hash_table_new(g_str_hash, g_str_equal);
        g_autoptr(GHashTable) gone = g_hash_table_new(g_str_hash, g_str_equal);
        g_autoptr(GPtrArray) foreign = g_ptr_array_new_with_free_func((GDestroyNotify) json_free);
        Sweep sweep = { .index = index, .candidates = candidates, .uses = uses, .gone = gone,
                        .foreign = foreign };

        if (!count_all(&sweep, error))
                return false;
        for (size_t i = 0; i < json_length(index->layers); i++)
                mark(&sweep, json_at(index->layers, i));
        return g_hash_table_size(gone) == 0 || take_marked(&sweep, staging, error);
}
