/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * ImageReference - the name of an image as somebody wrote it, parsed and made whole.
 *
 * Owner    Whoever parsed it. Threads: any; it never changes.
 *
 * What has no domain gets docker.io, index.docker.io is docker.io, and a path of one component
 * there gets library/. Nothing else is mended: what does not fit the grammar is refused.
 */

#include <glib.h>
#include <stdbool.h>

#include "storage/digest.h"

typedef struct ImageReference {
        char *domain; /* host, host:port or [v6]:port; never NULL */
        char *path;   /* lower-case components; never NULL */
        char *tag;    /* NULL: none was written */
        bool has_digest;
        Digest digest; /* valid with has_digest */
} ImageReference;

/* Parse "[domain/]path[:tag][@digest]"; INVALID_ARGUMENT when it cannot be a name, also for 64
 * bare hex digits, which are an image id. */
ImageReference *image_reference_parse(const char *text, GError **error);
void image_reference_free(ImageReference *reference);

/* Whether @text has no domain, so that aliases and search registries apply. Says nothing about
 * whether the rest is well-formed. To try a registry, parse "REGISTRY/TEXT". */
bool image_reference_is_short(const char *text);

/* Print; all of them: free with g_free(). */
char *image_reference_print(const ImageReference *reference); /* all that is there */
char *image_reference_print_repository(const ImageReference *reference); /* domain/path */
char *image_reference_print_tagged(const ImageReference *reference); /* no digest; :latest */
char *image_reference_print_digested(const ImageReference *reference, const Digest *digest);

/* The form under which a store files an image that was pulled by this name: with a digest
 * domain/path@digest, else domain/path:tag. */
char *image_reference_print_stored(const ImageReference *reference);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ImageReference, image_reference_free)
