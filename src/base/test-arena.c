/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/arena.h"

static void test_keeps_all(void) {
        g_autoptr(Arena) arena = arena_new();
        char *texts[2000];

        for (int i = 0; i < 2000; i++)
                texts[i] = arena_printf(arena, "text %d", i);
        for (int i = 0; i < 2000; i++) {
                g_autofree char *want = g_strdup_printf("text %d", i);

                g_assert_cmpstr(texts[i], ==, want);
        }
}

static void test_large_and_aligned(void) {
        g_autoptr(Arena) arena = arena_new();
        char *large = arena_alloc(arena, 100000);
        void *small = arena_alloc(arena, 3);

        for (size_t i = 0; i < 100000; i++)
                g_assert_cmpint(large[i], ==, 0);
        g_assert_cmpuint((gsize)small % 16, ==, 0);
        g_assert_cmpstr(arena_strdup(arena, NULL), ==, "");
}

static void count(void *data) {
        ++*(int *)data;
}

static void test_keep(void) {
        Arena *arena = arena_new();
        int freed = 0;

        arena_keep(arena, &freed, count);
        arena_keep(arena, &freed, count);
        g_assert_cmpint(freed, ==, 0);
        arena_free(arena);
        g_assert_cmpint(freed, ==, 2);
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/arena/keeps-all", test_keeps_all);
        g_test_add_func("/arena/large-and-aligned", test_large_and_aligned);
        g_test_add_func("/arena/keep", test_keep);
        return g_test_run();
}
