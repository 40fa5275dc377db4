/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Arena - memory that lives as long as one call and is freed whole.
 *
 * Owner    The call. Threads: one at a time. Nothing in it is freed singly.
 */

#include <glib.h>
#include <stddef.h>

typedef struct Arena Arena;

Arena *arena_new(void);
void arena_free(Arena *arena);

/* Zeroed memory, aligned for any type. */
void *arena_alloc(Arena *arena, size_t size);
void *arena_copy(Arena *arena, const void *data, size_t size);
char *arena_strdup(Arena *arena, const char *text); /* NULL gives "" */
char *arena_printf(Arena *arena, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* Call @free_func(@data) when the arena goes: keeps what the answer borrows alive. */
void arena_keep(Arena *arena, void *data, GDestroyNotify free_func);

#define arena_new_array(arena, type, count) ((type *)arena_alloc((arena), sizeof(type) * (count)))

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Arena, arena_free)
