/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Registries - the host's containers-registries.conf: what a short name means, where a registry
 * really is and which mirrors stand in for it.
 *
 * Owner    Whoever loaded it. Threads: any; it never changes.
 */

#include <glib.h>
#include <stdbool.h>

#include "storage/reference.h"

typedef struct Registries Registries;

/* Where one may ask for a repository. */
typedef struct Endpoint {
        char *host; /* with port */
        char *path;
        bool insecure;
        bool is_mirror;
} Endpoint;

void endpoint_free(void *endpoint);

/* @file: NULL or "" for /etc/containers/registries.conf, which may be missing; @directory: NULL
 * or "" for /etc/containers/registries.conf.d. The user's own files count when neither is given.
 * */
Registries *registries_load(const char *file, const char *directory, GError **error);
void registries_free(Registries *registries);

/* The names (ImageReference) that @text may stand for, best first; never empty. */
GPtrArray *registries_resolve(const Registries *registries, const char *text, GError **error);

/* The places (Endpoint) to ask for it, mirrors first, its own last. A blocked registry is
 * PERMISSION_DENIED. */
GPtrArray *registries_find_endpoints(const Registries *registries, const ImageReference *reference,
                                     GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Registries, registries_free)
