/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * fetch - one layer, streamed: blob > hash > inflate > hash > tar > files. No blob is kept.
 *
 * The layer counts only when fetch_layer() returns true: sizes and both digests are verified by
 * then. Threads: one for each layer.
 */

#include <glib.h>
#include <stdbool.h>

#include "image/manifest.h"
#include "image/source.h"
#include "storage/store-write.h"

typedef struct FetchLayer {
        Descriptor blob;    /* as in the manifest */
        Digest diff;        /* of the content, as in the configuration */
        const int *dfds;    /* where to unpack to: the same layer may be wanted more than once */
        unsigned n_dfds;
        bool two_threads;   /* inflate and unpack side by side */
        StoreLayerInfo info; /* out: what came */
} FetchLayer;

bool fetch_layer(FetchLayer *layer, Source *take_blob, GError **error);
