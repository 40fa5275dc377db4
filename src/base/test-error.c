/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "base/error.h"

static void test_fail(void) {
        g_autoptr(GError) error = NULL;

        g_assert_false(fail(&error, ERROR_NOT_FOUND, "no container %s", "x"));
        g_assert_error(error, ERROR_DOMAIN, ERROR_NOT_FOUND);
        g_assert_cmpstr(error->message, ==, "no container x");
}

static void test_errno_is_unknown(void) {
        g_autoptr(GError) error = NULL;

        errno = ENOENT;
        g_assert_false(fail_errno(&error, "open %s", "/nowhere"));
        g_assert_cmpint(error_get_code(error), ==, ERROR_UNKNOWN);
        g_assert_cmpstr(error->message, ==, "open /nowhere: No such file or directory");
}

static void test_keep_first(void) {
        GError *first = NULL;
        GError *next = NULL;

        fail(&next, ERROR_UNKNOWN, "one");
        error_keep_first(&first, &next);
        fail(&next, ERROR_UNKNOWN, "two");
        error_keep_first(&first, &next);
        g_assert_cmpstr(first->message, ==, "one");
        g_assert_null(next);
        g_clear_error(&first);
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/error/fail", test_fail);
        g_test_add_func("/error/errno-is-unknown", test_errno_is_unknown);
        g_test_add_func("/error/keep-first", test_keep_first);
        return g_test_run();
}
