/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/log.h"
#include "storage/store-write-private.h"

static Json *layer_entry(const WantedLayer *layer, const char *parent) {
        g_autofree char *created = clock_format_ns(clock_now_ns());
        g_autofree char *metadata = g_strdup_printf("{\"entries\":%" G_GUINT64_FORMAT "}",
                                                    layer->info.entries);
        Json *entry = json_new_object();

        json_set_string(entry, "id", layer->id);
        json_set_string(entry, "parent", parent);
        json_set_string(entry, "metadata", metadata);
        json_set_string(entry, "created", created);
        json_set_string(entry, "compressed-diff-digest", layer->info.compressed_digest.text);
        json_set_uint(entry, "compressed-size", layer->info.compressed_size);
        json_set_string(entry, "diff-digest", layer->diff_digest.text);
        json_set_uint(entry, "diff-size", layer->info.diff_size);
        if (layer->info.compression)
                json_set_uint(entry, "compression", layer->info.compression);
        return entry;
}

/* Layers that somebody else published while we fetched them; ours are thrown away with the
 * staging. */
static bool yield_to_others(StoreCommit *commit, GError **error) {
        StoreTransaction *transaction = commit->transaction;
        bool changed = false;

        for (unsigned i = 0; i < transaction->n_layers; i++) {
                WantedLayer *layer = &transaction->layers[i];
                bool there = store_index_has_layer(commit->index, layer->id);

                if (layer->state == STORE_LAYER_PRESENT && !there)
                        return fail(error, ERROR_UNAVAILABLE,
                                    "layer %s was removed during the pull; pull the image again",
                                    layer->id);
                if (layer->state == STORE_LAYER_OURS && there) {
                        layer->state = STORE_LAYER_PRESENT;
                        changed = true;
                }
        }
        return !changed || store_stage_links(transaction, true, error);
}

static bool move_layer(StoreCommit *commit, WantedLayer *layer, GError **error) {
        StoreTransaction *transaction = commit->transaction;
        int overlay_dfd = transaction->place.overlay_dfd;
        g_autofree char *link = g_build_filename("l", layer->link, NULL);
        g_autofree char *target = g_build_filename("..", layer->id, "diff", NULL);

        /* Without record in the index, what lies there is a leftover. */
        if (!store_staging_take(transaction->staging, overlay_dfd, layer->id, error))
                return false;
        if (renameat(transaction->staging->dfd, layer->id, overlay_dfd, layer->id) < 0)
                return fail_errno(error, "publish layer %s", layer->id);
        layer->published = true;
        if (symlinkat(target, overlay_dfd, link) < 0)
                return fail_errno(error, "link %s to layer %s", link, layer->id);
        return true;
}

static bool sync_folder(int dfd, const char *path, GError **error) {
        autofd int fd = dir_open(dfd, path, error);

        return fd >= 0 && (fsync(fd) == 0 || fail_errno(error, "sync %s", path));
}

static bool publish_layers(StoreCommit *commit, GError **error) {
        StoreTransaction *transaction = commit->transaction;
        const StorePlace *place = &transaction->place;
        g_autoptr(Json) layers = json_copy(commit->index->layers);
        const char *parent = NULL;
        unsigned count = 0;

        for (unsigned i = 0; i < transaction->n_layers; i++) {
                WantedLayer *layer = &transaction->layers[i];

                if (layer->state == STORE_LAYER_OURS) {
                        if (!move_layer(commit, layer, error))
                                return false;
                        json_append(layers, layer_entry(layer, parent));
                        count++;
                }
                parent = layer->id;
        }
        return count == 0 ||
               (sync_folder(place->overlay_dfd, "l", error) &&
                sync_folder(place->overlay_dfd, ".", error) &&
                store_index_save_layers(commit->index, g_steal_pointer(&layers), error));
}

/* Take layers out of sight again, those that are in place but on no record. */
static void retract_layers(StoreCommit *commit) {
        StoreTransaction *transaction = commit->transaction;

        for (unsigned i = 0; i < transaction->n_layers; i++) {
                WantedLayer *layer = &transaction->layers[i];
                g_autofree char *link = g_build_filename("l", layer->link, NULL);

                if (!layer->published || store_index_find_layer(commit->index, layer->id))
                        continue;
                unlinkat(transaction->place.overlay_dfd, link, 0);
                store_staging_take(transaction->staging, transaction->place.overlay_dfd, layer->id,
                                   NULL);
        }
}

/* The repo digests of an earlier pull of the same image stay, behind those of this one. */
static bool merge_digests(StoreCommit *commit, GError **error) {
        const StoreImage *image = commit->image;
        g_autoptr(ImageRecord) old = store_record_load(&commit->transaction->place,
                                                       image->record->id);
        g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
        g_auto(GStrv) digests = NULL;

        if (!old)
                return true;
        g_strv_builder_addv(builder, (const char **) image->digests);
        for (unsigned i = 0; old->digests[i]; i++)
                if (!g_strv_contains(image->digests, old->digests[i]))
                        g_strv_builder_add(builder, old->digests[i]);
        digests = g_strv_builder_end(builder);
        if (g_strv_equal((const char *const *) digests, image->digests))
                return true;
        return store_stage_record(commit, digests, true, error);
}

/* Into a directory that podman or an earlier pull made, file by file. */
static bool move_files(StoreCommit *commit, const char *folder, GError **error) {
        const StoreTransaction *transaction = commit->transaction;
        g_autoptr(GPtrArray) names = dir_list(transaction->staging->dfd, STORE_STAGED_IMAGE, error);

        if (!names || !dir_make(transaction->place.root_dfd, folder, 0700, error))
                return false;
        for (unsigned i = 0; i < names->len; i++) {
                g_autofree char *from = g_build_filename(STORE_STAGED_IMAGE, names->pdata[i], NULL);
                g_autofree char *to = g_build_filename(folder, names->pdata[i], NULL);

                if (renameat(transaction->staging->dfd, from, transaction->place.root_dfd, to) < 0)
                        return fail_errno(error, "publish %s", to);
        }
        return sync_folder(transaction->place.root_dfd, folder, error);
}

static bool move_image(StoreCommit *commit, GError **error) {
        StoreTransaction *transaction = commit->transaction;
        const char *id = commit->image->record->id;
        g_autofree char *folder = g_build_filename(STORE_IMAGES, id, NULL);

        if (store_index_find_image(commit->index, id))
                return merge_digests(commit, error) && move_files(commit, folder, error);
        if (!store_staging_take(transaction->staging, transaction->place.root_dfd, folder, error))
                return false;
        if (renameat(transaction->staging->dfd, STORE_STAGED_IMAGE, transaction->place.root_dfd,
                     folder) < 0)
                return fail_errno(error, "publish %s", folder);
        return sync_folder(transaction->place.root_dfd, STORE_IMAGES, error);
}

static bool publish_image(StoreCommit *commit, GError **error) {
        return move_image(commit, error) &&
               store_index_save_images(commit->index, store_commit_images(commit), error);
}

/* What was recorded already goes by the way of all layers that nothing uses. */
static void undo(StoreCommit *commit) {
        g_autoptr(GError) error = NULL;

        retract_layers(commit);
        store_transaction_drop_claims(commit->transaction);
        if (!store_index_sweep(commit->index, NULL, commit->transaction->staging, &error))
                log_warning("store %s: ignoring layers that stay until the next start: %s",
                            commit->transaction->place.root, error->message);
}

static bool publish(StoreCommit *commit, GError **error) {
        if (yield_to_others(commit, error) && publish_layers(commit, error) &&
            publish_image(commit, error)) {
                store_transaction_drop_claims(commit->transaction);
                return true;
        }
        undo(commit);
        return false;
}

/**
 * store_transaction_commit() - make the staged layers and the image visible
 *
 * Order is what makes a crash harmless: content, flushed once for the whole image; directories;
 * the record of the layers; the record of the image. Each makes visible only what is on the disk
 * already.
 */
bool store_transaction_commit(StoreTransaction *transaction, const StoreImage *image,
                              GError **error) {
        StoreCommit commit = { .transaction = transaction, .image = image };
        g_autoptr(StoreIndex) index = NULL;
        bool good = store_stage(&commit, error);

        if (good && syncfs(transaction->staging->dfd) < 0)
                good = fail_errno(error, "flush %s", transaction->place.root);
        if (good) {
                index = store_index_open(&transaction->place, STORE_INDEX_WAIT, error);
                commit.index = index;
                good = index && publish(&commit, error);
        }
        g_ptr_array_unref(commit.pieces);
        return good;
}
