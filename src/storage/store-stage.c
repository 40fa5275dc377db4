/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "storage/reference.h"
#include "storage/store-write-private.h"

#define LINK_LENGTH 26

static void piece_free(void *data) {
        ImagePiece *piece = data;

        g_free(piece->key);
        g_free(piece);
}

static char *new_link(void) {
        static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        char *link = g_malloc0(LINK_LENGTH + 1);

        for (unsigned i = 0; i < LINK_LENGTH; i++)
                link[i] = digits[g_random_int_range(0, 32)];
        return link;
}

static bool write_text(int dfd, const char *path, const char *text, bool sync,
                       GError **error) {
        return sync ? file_publish_synced(dfd, path, text, strlen(text), 0644, error)
                    : file_publish(dfd, path, text, strlen(text), 0644, error);
}

/* What overlay shows as the root has the attributes of the top layer's root: an archive that says
 * nothing about it leaves those of the layer below. */
static bool inherit_root(StoreTransaction *transaction, unsigned i, GError **error) {
        const WantedLayer *layer = &transaction->layers[i];
        const WantedLayer *below = i > 0 ? &transaction->layers[i - 1] : NULL;
        g_autofree char *diff = g_build_filename(layer->id, "diff", NULL);
        struct stat status = { .st_mode = 0555 };

        if (layer->info.root_given)
                return true;
        if (below) {
                g_autofree char *path = g_build_filename(below->id, "diff", NULL);
                int dfd = below->state == STORE_LAYER_OURS ? transaction->staging->dfd
                                                           : transaction->place.overlay_dfd;

                if (fstatat(dfd, path, &status, AT_SYMLINK_NOFOLLOW) < 0)
                        return fail_errno(error, "stat %s", path);
        }
        if (fchownat(transaction->staging->dfd, diff, status.st_uid, status.st_gid,
                     AT_SYMLINK_NOFOLLOW) < 0 ||
            fchmodat(transaction->staging->dfd, diff, status.st_mode & 07777, 0) < 0)
                return fail_errno(error, "set the attributes of %s", diff);
        return true;
}

static bool stage_folders(StoreTransaction *transaction, unsigned i, GError **error) {
        static const char *const names[] = { "work", "merged", "empty" };
        const WantedLayer *layer = &transaction->layers[i];

        for (unsigned k = 0; k < G_N_ELEMENTS(names); k++) {
                g_autofree char *path = g_build_filename(layer->id, names[k], NULL);

                if (!dir_make(transaction->staging->dfd, path, 0700, error))
                        return false;
        }
        return inherit_root(transaction, i, error);
}

/* The short link of a layer in place, and its list of lowers in @ret_lower ("" for none). */
static char *read_link(const StorePlace *place, const char *id, char **ret_lower, GError **error) {
        g_autofree char *link_path = g_build_filename(id, "link", NULL);
        g_autofree char *lower_path = g_build_filename(id, "lower", NULL);
        g_autofree char *link = NULL;
        char *lower = NULL;

        if (!file_read(place->overlay_dfd, link_path, 64, &link, NULL, error))
                return NULL;
        if (faccessat(place->overlay_dfd, lower_path, F_OK, 0) < 0 && errno == ENOENT)
                lower = g_strdup("");
        else if (!file_read(place->overlay_dfd, lower_path, 1 << 20, &lower, NULL, error))
                return NULL;
        *ret_lower = lower;
        return g_steal_pointer(&link);
}

/**
 * store_stage_links() - write link and lower of each staged layer
 *
 * Only podman reads them. A lower names the links of all layers beneath, so it has to be written
 * again when one of those turns out to have come from elsewhere.
 */
bool store_stage_links(StoreTransaction *transaction, bool sync, GError **error) {
        g_autofree char *lower = g_strdup("");

        for (unsigned i = 0; i < transaction->n_layers; i++) {
                WantedLayer *layer = &transaction->layers[i];
                g_autofree char *link_path = g_build_filename(layer->id, "link", NULL);
                g_autofree char *lower_path = g_build_filename(layer->id, "lower", NULL);
                char *more;

                if (layer->state == STORE_LAYER_PRESENT) {
                        g_free(layer->link);
                        g_free(g_steal_pointer(&lower));
                        layer->link = read_link(&transaction->place, layer->id, &lower, error);
                        if (!layer->link)
                                return false;
                } else {
                        if (!layer->link)
                                layer->link = new_link();
                        if (!write_text(transaction->staging->dfd, link_path, layer->link, sync,
                                        error) ||
                            (*lower && !write_text(transaction->staging->dfd, lower_path, lower,
                                                   sync, error)))
                                return false;
                }
                more = g_strconcat("l/", layer->link, *lower ? ":" : "", lower, NULL);
                g_free(lower);
                lower = more;
        }
        return true;
}

static bool stage_piece(StoreCommit *commit, const char *key, const char *data, size_t length,
                        GError **error) {
        g_autofree char *name = store_file_name(key);
        g_autofree char *path = g_build_filename(STORE_STAGED_IMAGE, name, NULL);
        ImagePiece *piece = g_new0(ImagePiece, 1);

        *piece = (ImagePiece){ g_strdup(key), digest_of(data, length), length };
        g_ptr_array_add(commit->pieces, piece);
        return file_publish(commit->transaction->staging->dfd, path, data, length, 0600,
                            error);
}

bool store_stage_record(StoreCommit *commit, GStrv digests, bool sync, GError **error) {
        ImageRecord copy = *commit->image->record;
        g_autofree char *text = NULL;
        size_t length;

        copy.digests = digests;
        text = image_record_print(&copy, &length);
        return (sync ? file_publish_synced : file_publish)(commit->transaction->staging->dfd,
                STORE_STAGED_IMAGE "/" STORE_RECORD, text, length, 0600, error);
}

static bool stage_image(StoreCommit *commit, GError **error) {
        const StoreImage *image = commit->image;
        g_autofree char *config = g_strconcat("sha256:", image->record->id, NULL);

        if (!dir_make(commit->transaction->staging->dfd, STORE_STAGED_IMAGE, 0700, error) ||
            !stage_piece(commit, config, image->config, image->config_length, error))
                return false;
        for (unsigned i = 0; i < image->n_manifests; i++) {
                Digest digest = digest_of(image->manifests[i], image->manifest_lengths[i]);
                g_autofree char *key = g_strconcat("manifest-", digest.text, NULL);

                if (!stage_piece(commit, key, image->manifests[i], image->manifest_lengths[i],
                                 error))
                        return false;
        }
        return stage_piece(commit, "manifest", image->manifests[0], image->manifest_lengths[0],
                           error) &&
               store_stage_record(commit, (GStrv) image->digests, false, error);
}

static bool check_layers(const StoreTransaction *transaction, GError **error) {
        for (unsigned i = 0; i < transaction->n_layers; i++) {
                const WantedLayer *layer = &transaction->layers[i];

                if (layer->state == STORE_LAYER_ELSEWHERE ||
                    (layer->state == STORE_LAYER_OURS && !layer->finished))
                        return fail(error, ERROR_INTERNAL, "commit: layer %s is not finished",
                                    layer->id);
        }
        return true;
}

static bool check_image(const StoreImage *image, GError **error) {
        Digest config = digest_of(image->config, image->config_length);

        if (!g_str_equal(digest_hex(&config), image->record->id))
                return fail(error, ERROR_INTERNAL, "commit: %s is not the digest of the image's "
                                                   "configuration", image->record->id);
        for (unsigned i = 0; image->names[i]; i++) {
                g_autoptr(ImageReference) reference = image_reference_parse(image->names[i], error);
                g_autofree char *stored = NULL;

                if (!reference)
                        return false;
                stored = image_reference_print_stored(reference);
                if (!g_str_equal(stored, image->names[i]))
                        return fail(error, ERROR_INTERNAL, "commit: the name %s should be %s",
                                    image->names[i], stored);
        }
        return true;
}

bool store_stage(StoreCommit *commit, GError **error) {
        StoreTransaction *transaction = commit->transaction;

        commit->pieces = g_ptr_array_new_with_free_func(piece_free);
        if (!check_layers(transaction, error) || !check_image(commit->image, error))
                return false;
        for (unsigned i = 0; i < transaction->n_layers; i++)
                if (transaction->layers[i].state == STORE_LAYER_OURS &&
                    !stage_folders(transaction, i, error))
                        return false;
        return store_stage_links(transaction, false, error) && stage_image(commit, error);
}
