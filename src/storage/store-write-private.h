/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/file.h"
#include "storage/store-private.h"
#include "storage/store-write.h"

/* One layer that the image of a transaction wants. */
typedef struct WantedLayer {
        char *id;
        Digest diff_digest;
        int claim_fd;
        StoreLayerState state;
        bool finished; /* staged whole; meaningful with STORE_LAYER_OURS */
        bool published; /* renamed into place by this commit */
        char *link;    /* its short name, once known */
        StoreLayerInfo info;
} WantedLayer;

struct StoreTransaction {
        StorePlace place;
        StoreStaging *staging;
        WantedLayer *layers; /* bottom first */
        unsigned n_layers;
        bool wanted;
};

/* The pieces of an image that containers/storage calls big data. */
typedef struct ImagePiece {
        char *key;
        Digest digest;
        size_t length;
} ImagePiece;

typedef struct StoreCommit {
        StoreTransaction *transaction;
        const StoreImage *image;
        GPtrArray *pieces; /* ImagePiece, filled in by store_stage() */
        StoreIndex *index; /* locked; NULL before publishing */
} StoreCommit;

#define STORE_STAGED_IMAGE "image" /* below staging */

/* Write all that is to be published below staging, and nothing elsewhere. */
bool store_stage(StoreCommit *commit, GError **error);
bool store_stage_links(StoreTransaction *transaction, bool sync, GError **error);
bool store_stage_record(StoreCommit *commit, GStrv digests, bool sync, GError **error);

/* The index of images with the commit's image in it, and its names taken from all others. */
Json *store_commit_images(const StoreCommit *commit);

/* Let go of all claims; the index is locked. */
void store_transaction_drop_claims(StoreTransaction *transaction);
