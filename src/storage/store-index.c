/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/id.h"
#include "storage/store-private.h"

#define IMAGES_FILE STORE_IMAGES "/images.json"
#define IMAGES_LOCK STORE_IMAGES "/images.lock"
#define LAYERS_FILE STORE_LAYERS "/layers.json"
#define LAYERS_LOCK STORE_LAYERS "/layers.lock"

/* What containers/storage compares to see that somebody else wrote: any change of it will do. */
typedef struct WriteToken {
        guint64 time_ns;
        guint64 count;
        guint32 pid;
        guint8 random[44];
} WriteToken;

G_STATIC_ASSERT(sizeof(WriteToken) == 64);

static int take_lock(const StorePlace *place, const char *name, StoreIndexMode mode,
                     GError **error) {
        autofd int fd = openat(place->root_dfd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
                               0644);

        if (fd < 0)
                return fail_fd(error, "open %s/%s", place->root, name);
        if (mode == STORE_INDEX_WAIT) {
                if (!store_claim_wait(fd, STORE_CLAIM_EXCLUSIVE))
                        return fail_fd(error, "lock %s/%s", place->root, name);
        } else if (!store_claim_try(fd, STORE_CLAIM_EXCLUSIVE)) {
                fail(error, ERROR_UNAVAILABLE, "%s/%s is held by another program", place->root,
                     name);
                return -1;
        }
        return steal_fd(&fd);
}

static void write_token(int fd) {
        static gint count;
        WriteToken token = { .time_ns = (guint64) clock_now_ns(),
                             .count = (guint64) g_atomic_int_add(&count, 1),
                             .pid = (guint32) getpid() };

        if (getrandom(token.random, sizeof(token.random), GRND_NONBLOCK) < 0)
                memset(token.random, 0, sizeof(token.random));
        /* Without it podman would notice at its next change only. */
        (void) !pwrite(fd, &token, sizeof(token), 0);
}

Json *store_read_array(const StorePlace *place, const char *name, GError **error) {
        g_autofree char *path = g_build_filename(place->root, name, NULL);
        g_autofree char *text = NULL;
        g_autoptr(Json) json = NULL;
        size_t length;

        if (faccessat(place->root_dfd, name, F_OK, 0) < 0 && errno == ENOENT)
                return json_new_array();
        if (!file_read(place->root_dfd, name, STORE_INDEX_LIMIT, &text, &length, error)) {
                g_prefix_error(error, "%s: ", place->root);
                return NULL;
        }
        /* Volatile files are written without sync and are empty after a power cut; what they told
         * of did not survive it either. */
        if (length == 0 && strstr(name, "/volatile-"))
                return json_new_array();
        json = json_parse(text, length, path, error);
        if (json && json_get_type(json) == JSON_NULL)
                return json_new_array();
        if (json && json_get_type(json) != JSON_ARRAY)
                return fail_null(error, ERROR_INTERNAL, "%s: not an array", path);
        return g_steal_pointer(&json);
}

static void number_layers(StoreIndex *index) {
        g_hash_table_remove_all(index->layer_by_id);
        for (size_t i = 0; i < json_length(index->layers); i++) {
                const Json *layer = json_at(index->layers, i);
                const char *id = json_get_string(layer, "id");

                if (id && id_is_valid(id))
                        g_hash_table_insert(index->layer_by_id, (char *) id, (Json *) layer);
        }
}

/**
 * store_index_open() - both index files as they are now
 * @mode:       with a lock nothing changes until store_index_free()
 * @error:      UNAVAILABLE when STORE_INDEX_TRY found it locked
 */
StoreIndex *store_index_open(const StorePlace *place, StoreIndexMode mode, GError **error) {
        g_autoptr(StoreIndex) index = g_new0(StoreIndex, 1);

        index->place = place;
        index->layers_lock = index->images_lock = -1;
        index->layer_by_id = g_hash_table_new(g_str_hash, g_str_equal);
        if (mode != STORE_INDEX_READ) {
                index->layers_lock = take_lock(place, LAYERS_LOCK, mode, error);
                if (index->layers_lock < 0)
                        return NULL;
                index->images_lock = take_lock(place, IMAGES_LOCK, mode, error);
                if (index->images_lock < 0)
                        return NULL;
        }
        index->images = store_read_array(place, IMAGES_FILE, error);
        if (!index->images)
                return NULL;
        index->layers = store_read_array(place, LAYERS_FILE, error);
        if (!index->layers)
                return NULL;
        number_layers(index);
        return g_steal_pointer(&index);
}

void store_index_free(StoreIndex *index) {
        if (!index)
                return;
        if (index->images_lock >= 0)
                fd_close(index->images_lock);
        if (index->layers_lock >= 0)
                fd_close(index->layers_lock);
        json_free(index->images);
        json_free(index->layers);
        g_hash_table_unref(index->layer_by_id);
        g_free(index);
}

static bool save(StoreIndex *index, const char *name, const Json *json, int lock, GError **error) {
        size_t length;
        g_autofree char *text = json_print(json, &length);

        g_assert(lock >= 0);
        if (!file_publish_synced(index->place->root_dfd, name, text, length, 0600, error)) {
                g_prefix_error(error, "%s: ", index->place->root);
                return false;
        }
        write_token(lock);
        return true;
}

bool store_index_save_images(StoreIndex *index, Json *take, GError **error) {
        g_autoptr(Json) fresh = take;

        if (!save(index, IMAGES_FILE, fresh, index->images_lock, error))
                return false;
        json_free(index->images);
        index->images = g_steal_pointer(&fresh);
        return true;
}

bool store_index_save_layers(StoreIndex *index, Json *take, GError **error) {
        g_autoptr(Json) fresh = take;

        if (!save(index, LAYERS_FILE, fresh, index->layers_lock, error))
                return false;
        g_hash_table_remove_all(index->layer_by_id);
        json_free(index->layers);
        index->layers = g_steal_pointer(&fresh);
        number_layers(index);
        return true;
}

const Json *store_index_find_image(const StoreIndex *index, const char *id) {
        for (size_t i = 0; i < json_length(index->images); i++) {
                const Json *image = json_at(index->images, i);

                if (g_strcmp0(json_get_string(image, "id"), id) == 0)
                        return image;
        }
        return NULL;
}

const Json *store_index_find_layer(const StoreIndex *index, const char *id) {
        return g_hash_table_lookup(index->layer_by_id, id);
}

bool store_index_has_layer(const StoreIndex *index, const char *id) {
        const Json *layer = store_index_find_layer(index, id);
        g_autofree char *path = g_strconcat(id, "/diff", NULL);

        /* podman marks a layer so while it unpacks it, and after it crashed there. */
        if (!layer || json_get_bool(json_get(layer, "flags"), "incomplete", false))
                return false;
        /* A disk that cannot answer now is no reason to drop an image. */
        return faccessat(index->place->overlay_dfd, path, F_OK, 0) == 0 ||
               (errno != ENOENT && errno != ENOTDIR);
}

GStrv store_index_chain(const StoreIndex *index, const char *top) {
        g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
        g_auto(GStrv) chain = NULL;
        unsigned count = 0;

        for (const char *id = top; id && *id; count++) {
                if (count == STORE_LAYER_LIMIT || !store_index_has_layer(index, id))
                        return NULL;
                g_strv_builder_add(builder, id);
                id = json_get_string(store_index_find_layer(index, id), "parent");
        }
        chain = g_strv_builder_end(builder);
        for (unsigned i = 0; i < count / 2; i++) {
                char *swap = chain[i];

                chain[i] = chain[count - 1 - i];
                chain[count - 1 - i] = swap;
        }
        return g_steal_pointer(&chain);
}

bool store_layer_is_ours(const Json *layer, guint64 *ret_entries) {
        const char *text = json_get_string(layer, "metadata");
        g_autoptr(Json) metadata = NULL;
        gint64 entries;

        /* The one place that containers/storage leaves to others and keeps when it writes. */
        if (text)
                metadata = json_parse(text, strlen(text), "metadata of a layer", NULL);
        if (!json_int(json_get(metadata, "entries"), &entries) || entries < 0)
                return false;
        if (ret_entries)
                *ret_entries = (guint64) entries;
        return true;
}

char *store_file_name(const char *key) {
        g_autofree char *encoded = NULL;

        if (key[strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789.")] == '\0')
                return g_strdup(key);
        encoded = g_base64_encode((const guchar *) key, strlen(key));
        return g_strconcat("=", encoded, NULL);
}
