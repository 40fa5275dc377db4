/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * ImageConfig - the configuration of an image as its registry has it, checked and made into the
 * record that the daemon reads.
 *
 * Owner    Whoever parsed it.
 */

#include <glib.h>

#include "storage/digest.h"
#include "storage/image-record.h"

typedef struct ImageConfig {
        ImageRecord *record; /* id, creation time and configuration; no names, no layers */
        Digest *diff_digests;
        unsigned n_diffs;
} ImageConfig;

/* @digest: of @text, verified by the caller. */
ImageConfig *image_config_parse(const char *text, size_t length, const Digest *digest,
                                GError **error);
void image_config_free(ImageConfig *config);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ImageConfig, image_config_free)
