/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define BLOCK_SIZE 4096
#define ALIGNMENT  16

typedef struct Block {
        struct Block *next;
        size_t used;
        size_t size;
        _Alignas(ALIGNMENT) char data[];
} Block;

typedef struct Keep {
        struct Keep *next;
        void *data;
        GDestroyNotify free_func;
} Keep;

struct Arena {
        Block *blocks;
        Keep *keeps;
};

Arena *arena_new(void) {
        return g_new0(Arena, 1);
}

void arena_free(Arena *arena) {
        Block *next;

        if (!arena)
                return;
        for (Keep *keep = arena->keeps; keep; keep = keep->next)
                keep->free_func(keep->data);
        for (Block *block = arena->blocks; block; block = next) {
                next = block->next;
                g_free(block);
        }
        g_free(arena);
}

static Block *add_block(Arena *arena, size_t size) {
        Block *block = g_malloc(sizeof(Block) + size);

        block->used = 0;
        block->size = size;
        block->next = arena->blocks;
        arena->blocks = block;
        return block;
}

void *arena_alloc(Arena *arena, size_t size) {
        Block *block = arena->blocks;
        void *memory;

        size = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
        if (!block || block->size - block->used < size)
                block = add_block(arena, MAX(size, BLOCK_SIZE - sizeof(Block)));
        memory = block->data + block->used;
        block->used += size;
        return memset(memory, 0, size);
}

void *arena_copy(Arena *arena, const void *data, size_t size) {
        void *memory = arena_alloc(arena, size ? size : 1);

        if (size)
                memcpy(memory, data, size);
        return memory;
}

void arena_keep(Arena *arena, void *data, GDestroyNotify free_func) {
        Keep *keep = arena_alloc(arena, sizeof(*keep));

        *keep = (Keep){arena->keeps, data, free_func};
        arena->keeps = keep;
}

char *arena_strdup(Arena *arena, const char *text) {
        if (!text)
                text = "";
        return arena_copy(arena, text, strlen(text) + 1);
}

char *arena_printf(Arena *arena, const char *format, ...) {
        g_autofree char *text = NULL;
        va_list arguments;

        va_start(arguments, format);
        text = g_strdup_vprintf(format, arguments);
        va_end(arguments);
        return arena_strdup(arena, text);
}
