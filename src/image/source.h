/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Source - bytes that are pulled, chunk by chunk; the stages of a layer are sources on top of
 * each other: tar < hash < inflate < hash < registry.
 *
 * Owner    Each stage owns the one beneath it. Threads: one at a time.
 */

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

#include "image/hash.h"

#define SOURCE_CHUNK (256 * 1024)

typedef struct Source Source;

struct Source {
        /* The next chunk: its length and @ret_data, valid until the next call; 0 at the end, and
         * then at every later call too; -1 with @error. */
        ssize_t (*read)(Source *source, const guint8 **ret_data, GError **error);
        void (*free)(Source *source);
};

ssize_t source_read(Source *source, const guint8 **ret_data, GError **error);
void source_free(Source *source);

/* Read what is left and throw it away. */
bool source_drain(Source *source, GError **error);

/* Bytes in memory; borrowed, handed out @chunk at a time. */
Source *source_new_memory(const void *data, size_t length, size_t chunk);

/* Everything that passes goes through @hash (borrowed) and is counted in *@count. */
Source *source_new_hash(Source *take_input, Hash *hash, guint64 *count);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Source, source_free)
