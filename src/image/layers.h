/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * layers - brings the missing layers of one image into a store transaction, several at a time.
 *
 * Threads  Call from one; it starts others and joins them all before it returns.
 */

#include <glib.h>
#include <stdbool.h>

#include "image/image-config.h"
#include "image/manifest.h"
#include "image/registry.h"
#include "storage/store-write.h"

typedef struct LayersWish {
        const Manifest *manifest;
        const ImageConfig *config; /* with as many diff digests as the manifest has layers */
        Registry *registry;
        Transport *transport; /* of the calling thread */
        StoreTransaction *transaction;
} LayersWish;

/* On success every layer is in the store or finished in the transaction. */
bool layers_fetch(const LayersWish *wish, GError **error);
