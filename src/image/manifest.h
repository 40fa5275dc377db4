/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Manifest - what a registry says an image consists of, or a list of such for several platforms.
 *
 * Owner    Whoever parsed it. Every digest in it is checked, every count and size is bounded.
 */

#include <glib.h>
#include <stdbool.h>

#include "storage/digest.h"

#define MANIFEST_LIMIT (4 * 1024 * 1024)
#define CONFIG_LIMIT (4 * 1024 * 1024)
#define LAYERS_LIMIT 500

typedef struct Descriptor {
        Digest digest;
        guint64 size;
} Descriptor;

typedef struct ManifestEntry {
        Descriptor descriptor;
        bool has_platform;
        char *os; /* never NULL, as those below */
        char *architecture;
        char *variant;
        bool is_zstd; /* its layers are, by an annotation */
} ManifestEntry;

typedef struct Manifest {
        bool is_index;
        bool is_docker; /* a list of Docker's, where the platform has to match */
        Descriptor config;     /* of an image */
        Descriptor *layers;    /* bottom first */
        unsigned n_layers;
        ManifestEntry *entries; /* of an index */
        unsigned n_entries;
} Manifest;

/* What we can read, best first, for Accept. */
extern const char *const manifest_media_types[];

/* @content_type: of the answer, "" when unknown; it must not contradict the text. */
Manifest *manifest_parse(const char *text, size_t length, const char *content_type, GError **error);
void manifest_free(Manifest *manifest);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Manifest, manifest_free)
