/* SPDX-License-Identifier: Apache-2.0 */
#include "image/source.h"

ssize_t source_read(Source *source, const guint8 **ret_data, GError **error) {
        return source->read(source, ret_data, error);
}

void source_free(Source *source) {
        if (source)
                source->free(source);
}

bool source_drain(Source *source, GError **error) {
        const guint8 *data;
        ssize_t count;

        while ((count = source_read(source, &data, error)) > 0)
                ;
        return count == 0;
}

typedef struct MemorySource {
        Source source;
        const guint8 *data;
        size_t left;
        size_t chunk;
} MemorySource;

static ssize_t memory_read(Source *source, const guint8 **ret_data, GError **error) {
        MemorySource *memory = (MemorySource *) source;
        size_t count = MIN(memory->left, memory->chunk);

        *ret_data = memory->data;
        memory->data += count;
        memory->left -= count;
        return (ssize_t) count;
}

static void memory_free(Source *source) {
        g_free(source);
}

Source *source_new_memory(const void *data, size_t length, size_t chunk) {
        MemorySource *memory = g_new0(MemorySource, 1);

        memory->source = (Source) { memory_read, memory_free };
        memory->data = data;
        memory->left = length;
        memory->chunk = chunk;
        return &memory->source;
}

typedef struct HashSource {
        Source source;
        Source *input;
        Hash *hash;
        guint64 *count;
} HashSource;

static ssize_t hash_read(Source *source, const guint8 **ret_data, GError **error) {
        HashSource *tap = (HashSource *) source;
        ssize_t count = source_read(tap->input, ret_data, error);

        if (count > 0) {
                hash_update(tap->hash, *ret_data, (size_t) count);
                *tap->count += (guint64) count;
        }
        return count;
}

static void hash_source_free(Source *source) {
        HashSource *tap = (HashSource *) source;

        source_free(tap->input);
        g_free(tap);
}

Source *source_new_hash(Source *take_input, Hash *hash, guint64 *count) {
        HashSource *tap = g_new0(HashSource, 1);

        tap->source = (Source) { hash_read, hash_source_free };
        tap->input = take_input;
        tap->hash = hash;
        tap->count = count;
        return &tap->source;
}
