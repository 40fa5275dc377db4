/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/tree.h"

typedef struct Fixture {
        char *path;
        int dfd;
} Fixture;

static void set_up(Fixture *fixture, gconstpointer data) {
        fixture->path = g_dir_make_tmp("file-XXXXXX", NULL);
        fixture->dfd = open(fixture->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void tear_down(Fixture *fixture, gconstpointer data) {
        fd_close(fixture->dfd);
        g_assert_true(tree_remove(AT_FDCWD, fixture->path, NULL));
        g_free(fixture->path);
}

static void test_publish(Fixture *fixture, gconstpointer data) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GPtrArray) names = NULL;
        g_autofree char *text = NULL;
        size_t length;

        g_assert_true(file_publish(fixture->dfd, "a", "one", 3, 0600, &error));
        g_assert_true(file_publish_synced(fixture->dfd, "a", "two!", 4, 0600, &error));
        g_assert_true(file_read(fixture->dfd, "a", 100, &text, &length, &error));
        g_assert_cmpstr(text, ==, "two!");
        g_assert_cmpuint(length, ==, 4);
        names = dir_list(fixture->dfd, ".", NULL);
        g_assert_cmpuint(names->len, ==, 1);
}

static void test_read_limit(Fixture *fixture, gconstpointer data) {
        g_autoptr(GError) error = NULL;
        g_autofree char *text = NULL;

        g_assert_true(file_publish(fixture->dfd, "a", "12345", 5, 0600, NULL));
        g_assert_false(file_read(fixture->dfd, "a", 4, &text, NULL, &error));
        g_assert_error(error, ERROR_DOMAIN, ERROR_RESOURCE_EXHAUSTED);
}

static void test_fifo_refused(Fixture *fixture, gconstpointer data) {
        g_autoptr(GError) error = NULL;
        g_autofree char *text = NULL;

        g_assert_cmpint(mkfifoat(fixture->dfd, "etc", 0600), ==, 0);
        g_assert_false(file_read_in_root(fixture->dfd, "/etc", 4096, &text, NULL, &error));
        g_assert_nonnull(strstr(error->message, "not a regular file"));
}

/* An absolute link and a dot-dot link both resolve inside the root. */
static void test_in_root(Fixture *fixture, gconstpointer data) {
        autofd int made = -1;
        struct stat status;

        g_assert_cmpint(symlinkat("/inside", fixture->dfd, "absolute"), ==, 0);
        g_assert_cmpint(symlinkat("../../../inside", fixture->dfd, "dotdot"), ==, 0);
        g_assert_cmpint(mkdirat(fixture->dfd, "inside", 0755), ==, 0);
        made = dir_make_in_root(fixture->dfd, "/absolute/one/two", 0755);
        g_assert_cmpint(made, >=, 0);
        fd_close(steal_fd(&made));
        made = dir_make_in_root(fixture->dfd, "dotdot/three", 0755);
        g_assert_cmpint(made, >=, 0);
        g_assert_cmpint(fstatat(fixture->dfd, "inside/one/two", &status, 0), ==, 0);
        g_assert_cmpint(fstatat(fixture->dfd, "inside/three", &status, 0), ==, 0);
}

static void test_missing_is_null(Fixture *fixture, gconstpointer data) {
        char *text = (char *)"x";

        g_assert_true(file_read_in_root(fixture->dfd, "/etc/passwd", 10, &text, NULL, NULL));
        g_assert_null(text);
}

#define ADD(name, test) g_test_add("/file/" name, Fixture, NULL, set_up, test, tear_down)

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        ADD("publish", test_publish);
        ADD("read-limit", test_read_limit);
        ADD("fifo-refused", test_fifo_refused);
        ADD("in-root", test_in_root);
        ADD("missing-is-null", test_missing_is_null);
        return g_test_run();
}
