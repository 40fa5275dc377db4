/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/tree.h"

typedef struct Fixture {
        char *path;
        int dfd;
} Fixture;

static void set_up(Fixture *fixture, gconstpointer data) {
        fixture->path = g_dir_make_tmp("tree-XXXXXX", NULL);
        fixture->dfd = open(fixture->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void tear_down(Fixture *fixture, gconstpointer data) {
        fd_close(fixture->dfd);
        g_assert_cmpint(g_rmdir(fixture->path), ==, 0);
        g_free(fixture->path);
}

static void test_missing(Fixture *fixture, gconstpointer data) {
        g_assert_true(tree_remove(fixture->dfd, "nothing", NULL));
}

/* A chain that is far deeper than PATH_MAX and than the descriptor limit. */
static void test_deep(Fixture *fixture, gconstpointer data) {
        g_autoptr(GError) error = NULL;
        int current = openat(fixture->dfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        g_assert_cmpint(mkdirat(current, "top", 0755), ==, 0);
        for (int i = 0; i < 5000; i++) {
                int next =
                        openat(current, i == 0 ? "top" : "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

                g_assert_cmpint(mkdirat(next, "d", 0755), ==, 0);
                fd_close(current);
                current = next;
        }
        fd_close(current);
        g_assert_true(tree_remove(fixture->dfd, "top", &error));
        g_assert_no_error(error);
        g_assert_cmpint(faccessat(fixture->dfd, "top", F_OK, 0), ==, -1);
}

static void test_link_not_followed(Fixture *fixture, gconstpointer data) {
        int fd;

        g_assert_cmpint(mkdirat(fixture->dfd, "keep", 0755), ==, 0);
        fd = openat(fixture->dfd, "keep/file", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        fd_close(fd);
        g_assert_cmpint(mkdirat(fixture->dfd, "gone", 0755), ==, 0);
        g_assert_cmpint(symlinkat("../keep", fixture->dfd, "gone/link"), ==, 0);
        g_assert_true(tree_remove(fixture->dfd, "gone", NULL));
        g_assert_cmpint(faccessat(fixture->dfd, "keep/file", F_OK, 0), ==, 0);
        g_assert_true(tree_remove(fixture->dfd, "keep", NULL));
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add("/tree/missing", Fixture, NULL, set_up, test_missing, tear_down);
        g_test_add("/tree/deep", Fixture, NULL, set_up, test_deep, tear_down);
        g_test_add("/tree/link-not-followed", Fixture, NULL, set_up, test_link_not_followed,
                tear_down);
        return g_test_run();
}
