/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/store-write.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/tree.h"
#include "storage/store-write-private.h"

StoreTransaction *store_transaction_begin(const char *root, GError **error) {
        g_autoptr(StoreTransaction) transaction = g_new0(StoreTransaction, 1);

        if (!store_place_open(&transaction->place, root, error))
                return NULL;
        transaction->staging = store_staging_new(&transaction->place, error);
        return transaction->staging ? g_steal_pointer(&transaction) : NULL;
}

void store_transaction_drop_claims(StoreTransaction *transaction) {
        for (unsigned i = 0; i < transaction->n_layers; i++) {
                WantedLayer *layer = &transaction->layers[i];

                if (layer->claim_fd >= 0)
                        store_claim_drop(&transaction->place, layer->id,
                                         steal_fd(&layer->claim_fd));
        }
}

static bool holds_claims(const StoreTransaction *transaction) {
        for (unsigned i = 0; i < transaction->n_layers; i++)
                if (transaction->layers[i].claim_fd >= 0)
                        return true;
        return false;
}

/* Closing alone lets go too; with the index locked the files of the claims go as well. */
static void let_go(StoreTransaction *transaction) {
        g_autoptr(GError) error = NULL;
        g_autoptr(StoreIndex) index = NULL;

        if (!holds_claims(transaction))
                return;
        index = store_index_open(&transaction->place, STORE_INDEX_TRY, &error);
        if (index)
                store_transaction_drop_claims(transaction);
        for (unsigned i = 0; i < transaction->n_layers; i++)
                if (transaction->layers[i].claim_fd >= 0)
                        fd_close(steal_fd(&transaction->layers[i].claim_fd));
}

void store_transaction_free(StoreTransaction *transaction) {
        if (!transaction)
                return;
        let_go(transaction);
        store_staging_free(transaction->staging);
        for (unsigned i = 0; i < transaction->n_layers; i++) {
                g_free(transaction->layers[i].id);
                g_free(transaction->layers[i].link);
        }
        g_free(transaction->layers);
        store_place_clear(&transaction->place);
        g_free(transaction);
}

/**
 * store_layer_id() - the name of a layer in the store
 *
 * The bottom layer has its diff digest for a name, one above it the sha256 of "PARENT+DIFF", in hex
 * digits throughout: what containers/image does, so that layers are shared with it.
 */
char *store_layer_id(const char *parent_id, const Digest *diff_digest) {
        g_autofree char *text = NULL;

        if (!parent_id)
                return g_strdup(digest_hex(diff_digest));
        text = g_strconcat(parent_id, "+", digest_hex(diff_digest), NULL);
        return g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);
}

static bool claim(StoreTransaction *transaction, const StoreIndex *index, WantedLayer *layer,
                  GError **error) {
        layer->claim_fd = store_claim_open(&transaction->place, layer->id, error);
        if (layer->claim_fd < 0)
                return false;
        if (store_index_has_layer(index, layer->id)) {
                /* In the way can only be one who fetched what another program had brought
                 * meanwhile; for as long as that lasts, the layer is safe too. */
                store_claim_try(layer->claim_fd, STORE_CLAIM_SHARED);
                layer->state = STORE_LAYER_PRESENT;
        } else if (store_claim_try(layer->claim_fd, STORE_CLAIM_EXCLUSIVE)) {
                layer->state = STORE_LAYER_OURS;
        } else {
                layer->state = STORE_LAYER_ELSEWHERE;
        }
        return true;
}

static void list_layers(StoreTransaction *transaction, const Digest *diff_digests, unsigned count) {
        const char *parent = NULL;

        transaction->layers = g_new0(WantedLayer, count);
        transaction->n_layers = count;
        for (unsigned i = 0; i < count; i++) {
                WantedLayer *layer = &transaction->layers[i];

                layer->id = store_layer_id(parent, &diff_digests[i]);
                layer->diff_digest = diff_digests[i];
                layer->claim_fd = -1;
                parent = layer->id;
        }
}

/**
 * store_transaction_want() - say which layers the image has, and claim those that are nowhere
 *
 * All claims are made in one step, with the index locked. So a transaction only ever waits for
 * one that claimed before it, and no two wait for each other.
 */
bool store_transaction_want(StoreTransaction *transaction, const Digest *diff_digests,
                            unsigned count, StoreLayerState *ret_states, GError **error) {
        g_autoptr(StoreIndex) index = NULL;

        g_assert(!transaction->wanted);
        if (count > STORE_LAYER_LIMIT)
                return fail(error, ERROR_INVALID_ARGUMENT,
                            "the image has %u layers; the kernel mounts at most %d", count,
                            STORE_LAYER_LIMIT);
        index = store_index_open(&transaction->place, STORE_INDEX_WAIT, error);
        if (!index)
                return false;
        transaction->wanted = true;
        list_layers(transaction, diff_digests, count);
        for (unsigned i = 0; i < count; i++)
                if (!claim(transaction, index, &transaction->layers[i], error))
                        return false;
        for (unsigned i = 0; i < count; i++)
                ret_states[i] = transaction->layers[i].state;
        return true;
}

static WantedLayer *get_layer(StoreTransaction *transaction, unsigned i) {
        g_assert(i < transaction->n_layers);
        return &transaction->layers[i];
}

int store_transaction_add_layer(StoreTransaction *transaction, unsigned i, GError **error) {
        WantedLayer *layer = get_layer(transaction, i);
        g_autofree char *diff = g_build_filename(layer->id, "diff", NULL);
        int dfd = transaction->staging->dfd;

        g_assert(layer->state == STORE_LAYER_OURS);
        layer->finished = false;
        if (!tree_remove(dfd, layer->id, error) || !dir_make(dfd, layer->id, 0700, error) ||
            !dir_make(dfd, diff, 0755, error))
                return -1;
        return dir_open(dfd, diff, error);
}

bool store_transaction_finish_layer(StoreTransaction *transaction, unsigned i,
                                    const StoreLayerInfo *info, GError **error) {
        WantedLayer *layer = get_layer(transaction, i);
        struct stat status;

        if (layer->state != STORE_LAYER_OURS ||
            fstatat(transaction->staging->dfd, layer->id, &status, AT_SYMLINK_NOFOLLOW) < 0)
                return fail(error, ERROR_INTERNAL, "layer %s was finished before it was begun",
                            layer->id);
        layer->info = *info;
        layer->finished = true;
        return true;
}

/**
 * store_transaction_wait_layer() - until whoever fetches a layer is done, well or badly
 *
 * If it did not arrive, everybody who waited fetches it for himself: an exclusive claim made now
 * could close a ring of waiters, since what prevents that is the single step of the first claims.
 */
bool store_transaction_wait_layer(StoreTransaction *transaction, unsigned i, bool *ret_present,
                                  GError **error) {
        WantedLayer *layer = get_layer(transaction, i);
        g_autoptr(StoreIndex) index = NULL;

        if (!store_claim_wait(layer->claim_fd, STORE_CLAIM_SHARED))
                return fail_errno(error, "wait for layer %s", layer->id);
        index = store_index_open(&transaction->place, STORE_INDEX_READ, error);
        if (!index)
                return false;
        *ret_present = store_index_has_layer(index, layer->id);
        layer->state = *ret_present ? STORE_LAYER_PRESENT : STORE_LAYER_OURS;
        return true;
}

bool store_has_layer(const char *root, const char *layer_id) {
        StorePlace place;
        g_autoptr(StoreIndex) index = NULL;
        bool has = false;

        if (store_place_open(&place, root, NULL))
                index = store_index_open(&place, STORE_INDEX_READ, NULL);
        if (index)
                has = store_index_has_layer(index, layer_id);
        store_place_clear(&place);
        return has;
}
