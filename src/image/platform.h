/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* platform - which image of a list is for this machine. */

#include <glib.h>
#include <stdbool.h>

#include "image/manifest.h"

typedef struct Platform {
        char *os;
        char *architecture; /* as Go calls them: amd64, arm64, arm, ... */
        char *variant;      /* "" when unknown */
} Platform;

/* NULL or "" means: as this machine. An architecture given without variant has none. */
Platform *platform_new(const char *os, const char *architecture, const char *variant);
void platform_free(Platform *platform);

/* "linux/arm/v7"; free with g_free(). */
char *platform_print(const Platform *platform);

/* The best entry, borrowed from @index; NULL with NOT_FOUND and the list of what there is. */
const ManifestEntry *platform_choose(const Platform *platform, const Manifest *index,
                                     GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Platform, platform_free)
