/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Hash - a running SHA-256 by the crypto library, which uses the processor's instructions for it.
 *
 * Owner    Whoever made it. Threads: one at a time.
 */

#include <glib.h>
#include <stddef.h>

#include "storage/digest.h"

typedef struct Hash Hash;

Hash *hash_new(void);
void hash_update(Hash *hash, const void *data, size_t length);
Digest hash_take(Hash *hash); /* of all so far; the next byte begins a new one */
void hash_free(Hash *hash);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Hash, hash_free)
