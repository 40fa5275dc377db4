/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Digest - "sha256:" and 64 lower-case hex digits, nothing else.
 *
 * Owner    A value; copy it freely. Only digest_parse() and digest_of() fill one, so whoever is
 *          given a Digest need not check it again. Threads: any.
 */

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

#define DIGEST_HEX_LENGTH 64
#define DIGEST_TEXT_LENGTH (sizeof("sha256:") - 1 + DIGEST_HEX_LENGTH)

typedef struct Digest {
        char text[DIGEST_TEXT_LENGTH + 1];
} Digest;

/* Take @text, which must be a digest from its first to its last byte. */
bool digest_parse(const char *text, Digest *ret_digest, GError **error);

/* The digest of some bytes; slow, for small things. */
Digest digest_of(const void *data, size_t length);

bool digest_equal(const Digest *a, const Digest *b);

/* The 64 digits, borrowed from @digest. */
const char *digest_hex(const Digest *digest);
