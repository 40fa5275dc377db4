/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/store.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/id.h"
#include "base/log.h"
#include "storage/store-private.h"

/* Read which container roots there are and what they use: the marks are the truth, the table a
 * copy. */
static bool find_roots(Store *store, GError **error) {
        g_autoptr(GPtrArray) names = dir_list(store->place.overlay_dfd, ".", error);

        if (!names)
                return false;
        for (unsigned i = 0; i < names->len; i++) {
                const char *id = names->pdata[i];
                g_autofree char *path = g_build_filename(id, STORE_ROOT_MARK, NULL);
                g_autofree char *image = NULL;

                if (!id_is_valid(id))
                        continue;
                if (file_read(store->place.overlay_dfd, path, ID_LENGTH, &image, NULL, NULL))
                        g_hash_table_insert(store->roots, g_strdup(id), g_steal_pointer(&image));
        }
        return true;
}

static bool open_runroot(Store *store, const char *runroot, GError **error) {
        store->runroot = g_strdup(runroot);
        if (!dir_make(AT_FDCWD, runroot, 0711, error))
                return false;
        store->runroot_dfd = dir_open(AT_FDCWD, runroot, error);
        return store->runroot_dfd >= 0 &&
               store_close_to_others(store->runroot_dfd, runroot, error);
}

Store *store_open(const char *root, const char *runroot, GError **error) {
        g_autoptr(Store) store = g_new0(Store, 1);

        lock_init(&store->lock, LOCK_RANK_LEAF);
        store->runroot_dfd = -1;
        store->roots = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        store->removing = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        if (!store_place_open(&store->place, root, error) || !open_runroot(store, runroot, error) ||
            !find_roots(store, error))
                return NULL;
        store_forget_unmounted(store);
        store_recover(&store->place);
        if (!store_reload(store, error))
                return NULL;
        return g_steal_pointer(&store);
}

void store_free(Store *store) {
        if (!store)
                return;
        store_view_unref(store->view);
        g_hash_table_unref(store->roots);
        g_hash_table_unref(store->removing);
        if (store->runroot_dfd >= 0)
                fd_close(store->runroot_dfd);
        g_free(store->runroot);
        store_place_clear(&store->place);
        lock_clear(&store->lock);
        g_free(store);
}

/**
 * store_reload() - read the index again
 *
 * Loads may overtake each other. The one that began last has seen the most, so its view stays.
 */
bool store_reload(Store *store, GError **error) {
        StoreView *view;
        guint64 number;

        lock_take(&store->lock);
        number = ++store->next_number;
        lock_drop(&store->lock);

        view = store_view_load(&store->place, error);
        if (!view)
                return false;

        lock_take(&store->lock);
        if (number > store->view_number) {
                StoreView *old = store->view;

                store->view = view;
                store->view_number = number;
                view = old;
        }
        lock_drop(&store->lock);
        store_view_unref(view);
        return true;
}

StoreView *store_get_view(Store *store) {
        lock_guard(&store->lock);
        return store_view_ref(store->view);
}

ImageRecord *store_find_image(Store *store, const char *reference) {
        g_autoptr(StoreView) view = store_get_view(store);
        ImageRecord *found = store_view_find(view, reference, NULL);

        return found ? image_record_ref(found) : NULL;
}

GPtrArray *store_list_images(Store *store) {
        g_autoptr(StoreView) view = store_get_view(store);
        GPtrArray *list = g_ptr_array_new_full(view->images->len,
                                               (GDestroyNotify) image_record_unref);

        for (unsigned i = 0; i < view->images->len; i++)
                g_ptr_array_add(list, image_record_ref(view->images->pdata[i]));
        return list;
}

GStrv store_list_foreign(Store *store) {
        g_autoptr(StoreView) view = store_get_view(store);
        g_autoptr(GStrvBuilder) builder = g_strv_builder_new();

        for (unsigned i = 0; i < view->foreign->len; i++)
                g_strv_builder_add(builder, view->foreign->pdata[i]);
        return g_strv_builder_end(builder);
}

void store_get_usage(Store *store, char **ret_path, guint64 *ret_bytes, guint64 *ret_inodes) {
        g_autoptr(StoreView) view = store_get_view(store);

        *ret_path = g_build_filename(store->place.root, STORE_IMAGES, NULL);
        *ret_bytes = view->bytes;
        *ret_inodes = view->inodes;
}

/**
 * store_use_image() - claim an image for a container root
 *
 * The check and the note are one step beneath the lock that a removal checks and notes under too,
 * so one of the two always sees the other.
 */
bool store_use_image(Store *store, const char *id, const ImageRecord *image, GError **error) {
        lock_guard(&store->lock);
        if (image && (g_hash_table_contains(store->removing, image->id) ||
                      !g_hash_table_contains(store->view->by_id, image->id)))
                return fail(error, ERROR_NOT_FOUND, "image %s was removed", image->id);
        g_hash_table_insert(store->roots, g_strdup(id), g_strdup(image ? image->id : ""));
        return true;
}

void store_unuse_image(Store *store, const char *id) {
        lock_guard(&store->lock);
        g_hash_table_remove(store->roots, id);
}
