/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * StoreTransaction - one image on its way into the store: staged, flushed once, then published
 * whole or not.
 *
 * Owner    The worker that pulls. Freeing it without a commit removes everything staged.
 * Threads  begin, want, commit and free: one thread. add, wait and finish: any threads at the
 *          same time, one for each layer.
 * Disk     <root>/overlay/.staging/<random>/, held by a flock() so that no start-up of a daemon
 *          takes it for a leftover; <root>/overlay/.staging/locks/<layer id> is held exclusively
 *          by the one transaction that fetches this layer and shared by those which count on it.
 *
 * Any number of transactions of any number of processes may run, podman's among them. Order of
 * use: begin, want, for each layer by what want said (add, fill, finish; or wait; or nothing),
 * commit.
 */

#include "storage/digest.h"
#include "storage/image-record.h"

typedef struct StoreTransaction StoreTransaction;

/* What has to be done about one layer. */
typedef enum StoreLayerState {
        STORE_LAYER_PRESENT,   /* nothing: it is here, and stays until this transaction ends */
        STORE_LAYER_OURS,      /* fetch it: others wait for us */
        STORE_LAYER_ELSEWHERE, /* another transaction is fetching it: wait for that, last of all */
} StoreLayerState;

/* What is known of a layer once it is unpacked. */
typedef struct StoreLayerInfo {
        Digest compressed_digest; /* of the blob as the registry has it */
        guint64 compressed_size;  /* bytes of the blob */
        guint64 diff_size;        /* bytes of the uncompressed archive */
        guint64 entries;          /* files, directories and all: the inodes it takes */
        unsigned compression;     /* containers/storage's: 0 none, 1 bzip2, 2 gzip, 3 xz, 4 zstd */
        bool root_given;          /* the archive set owner and mode of its root; else inherited */
} StoreLayerInfo;

/* What commit is to publish; all borrowed. */
typedef struct StoreImage {
        /* Id, time of creation and configuration; names, digests, layers and size are not read. */
        const ImageRecord *record;

        /* References that are to mean this image from now on, as image_reference_print_stored()
         * writes them; may be empty, never NULL. */
        const char *const *names;

        const char *const *digests; /* host/path@sha256:..., the pulled one first; never NULL */

        /* Raw bytes: the manifest of the image first, then the lists that it was picked from. */
        const char *const *manifests;
        const size_t *manifest_lengths;
        unsigned n_manifests; /* at least 1 */

        const char *config; /* raw bytes; the sha256 of them is record->id */
        size_t config_length;
} StoreImage;

/* Open (or make) the store at @root and stage. */
StoreTransaction *store_transaction_begin(const char *root, GError **error);
void store_transaction_free(StoreTransaction *transaction);

/* Say what the image consists of: its diff digests, bottom first, at most 500. Claims for us, in
 * one step, what nobody has and nobody fetches. @ret_states has room for @count. Once for each
 * transaction. */
bool store_transaction_want(StoreTransaction *transaction, const Digest *diff_digests,
                            unsigned count, StoreLayerState *ret_states, GError **error);

/* Layer @index (of want): an empty directory to unpack into. Returns its descriptor, which the
 * caller closes; the caller then owns all below. A second call for the same layer starts it anew.
 * -1 with @error. */
int store_transaction_add_layer(StoreTransaction *transaction, unsigned index, GError **error);

/* Layer @index is unpacked and its digests are verified. */
bool store_transaction_finish_layer(StoreTransaction *transaction, unsigned index,
                                    const StoreLayerInfo *info, GError **error);

/* Block until whoever fetches layer @index is done. @ret_present false: it did not arrive; now
 * fetch it as if it were ours. Call it after all layers of ours are finished; there is no
 * deadline, the process is killed to give up. */
bool store_transaction_wait_layer(StoreTransaction *transaction, unsigned index, bool *ret_present,
                                  GError **error);

/* Flush, then publish layers and image. On success everything is durable; on failure nothing of
 * it is visible. UNAVAILABLE: a layer that was here went away meanwhile, pull again. */
bool store_transaction_commit(StoreTransaction *transaction, const StoreImage *image,
                              GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(StoreTransaction, store_transaction_free)

/* Whether a layer (id as store_layer_id() gives it) is in the store at @root. */
bool store_has_layer(const char *root, const char *layer_id);

/* The id of the layer @diff_digest on top of layer @parent_id (NULL: at the bottom), the one that
 * podman gives it too: free with g_free(). It is not OCI's chain ID, though it says the same. */
char *store_layer_id(const char *parent_id, const Digest *diff_digest);

/* Adoption: an image that podman or the Go daemon left has no record.json, and its configuration
 * is foreign bytes that only the worker may parse. */

/* A piece of an image: "manifest" or "sha256:<image id>" (the configuration), of at most @limit
 * bytes. */
GBytes *store_read_image_file(const char *root, const char *image_id, const char *key, size_t limit,
                              GError **error);

/* Give an image in the store its record; the digests come from the index. */
bool store_adopt_image(const char *root, const ImageRecord *record, GError **error);
