/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/tree.h"
#include "runtime/user.h"

typedef struct Root {
        char *path;
        int dfd;
} Root;

static void root_write(const Root *root, const char *name, const char *text) {
        g_autofree char *path = g_build_filename(root->path, "etc", name, NULL);

        g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static void root_open(Root *root) {
        g_autofree char *etc = NULL;

        root->path = g_dir_make_tmp("crio-user-XXXXXX", NULL);
        etc = g_build_filename(root->path, "etc", NULL);
        g_assert_cmpint(mkdir(etc, 0755), ==, 0);
        root->dfd = open(root->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        g_assert_cmpint(root->dfd, >=, 0);
        root_write(root, "passwd",
                "root:x:0:0:root:/root:/bin/sh\n"
                "www:x:33:34::/var/www:/bin/false\n"
                "99999999999:x:0:0::/:/bin/sh\n" /* a number that does not fit, as a name */
                "4294967296:x:0:0::/:/bin/sh\n"
                "0x0:x:7:7::/:/bin/sh\n"
                "1e3:x:8:8::/:/bin/sh\n"
                "broken:x:0x0:0::/:/bin/sh\n"
                "negative:x:-1:0::/:/bin/sh\n"
                "short:x\n"
                "last:x:77:78::/home/last:/bin/sh");
        root_write(root, "group",
                "root:x:0:\nwww:x:34:\nmore:x:50:www,last\nall:x:51:last,www\n"
                "other:x:52:wwww,ww\nbad:x:99999999999:www\n");
}

static void root_close(Root *root) {
        close(root->dfd);
        g_assert_true(tree_remove(AT_FDCWD, root->path, NULL));
        g_free(root->path);
}

/* Texts that must never be taken for root, whatever the image's passwd says. */
static void test_hostile(void) {
        static const char *const texts[] = {"-1", "4294967295", "4294967296", "99999999999",
                "1000000000000000000000000000000", " 0", "+0", "00", "0 ", "\n0", "a\nb", "a:b:c",
                "root\n", "-", "+1", "/", "root/../x", "nobody", "broken", "negative", "short",
                "0:99999999999", "0:-1", "0:00", "0:nogroup", "0:bad", "0:a:b", "a,b", "\xff"};
        Root root;

        root_open(&root);
        for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++) {
                g_auto(User) user = {0};
                g_autoptr(GError) error = NULL;

                g_assert_false(user_resolve(root.dfd, texts[i], &user, &error));
                g_assert_cmpint(error_get_code(error), ==, ERROR_INVALID_ARGUMENT);
        }
        root_close(&root);
}

static void test_found(void) {
        static const struct {
                const char *text;
                guint32 uid, gid;
                guint groups;
                const char *home;
        } cases[] = {
                {"", 0, 0, 0, "/root"},
                {"0", 0, 0, 0, "/root"},
                {"root", 0, 0, 0, "/root"},
                {"www", 33, 34, 2, "/var/www"},
                {"33", 33, 34, 2, "/var/www"},
                {"www:", 33, 34, 2, "/var/www"},
                {"www:root", 33, 0, 0, "/var/www"},
                {"www:9", 33, 9, 0, "/var/www"},
                {"33:more", 33, 50, 0, "/var/www"},
                {"last", 77, 78, 2, "/home/last"},
                {"0x0", 7, 7, 0, "/"},
                {"1e3", 8, 8, 0, "/"},
                {"1000", 1000, 0, 0, NULL},
                {"2147483648", 2147483648u, 0, 0, NULL},
                {"4294967294", 4294967294u, 0, 0, NULL},
                {"1000:1001", 1000, 1001, 0, NULL},
        };
        Root root;

        root_open(&root);
        for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_auto(User) user = {0};
                g_autoptr(GError) error = NULL;

                g_assert_true(user_resolve(root.dfd, cases[i].text, &user, &error));
                g_assert_cmpuint(user.uid, ==, cases[i].uid);
                g_assert_cmpuint(user.gid, ==, cases[i].gid);
                g_assert_cmpuint(user.groups->len, ==, cases[i].groups);
                g_assert_cmpstr(user.home, ==, cases[i].home);
        }
        root_close(&root);
}

/* Without databases numbers do, and names do not. */
static void test_no_files(void) {
        g_autofree char *path = g_dir_make_tmp("crio-user-XXXXXX", NULL);
        int dfd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        g_auto(User) user = {0};
        g_auto(User) none = {0};
        g_autoptr(GString) text = NULL;

        g_assert_true(user_resolve(dfd, "1000:2000", &user, NULL));
        g_assert_cmpuint(user.uid, ==, 1000);
        g_assert_false(user_resolve(dfd, "root", &none, NULL));
        g_assert_true(user_extend_passwd(dfd, &user, "x", "/", &text, NULL));
        g_assert_null(text);
        close(dfd);
        g_assert_true(tree_remove(AT_FDCWD, path, NULL));
}

static void expect_bad_passwd(const Root *root, const char *name) {
        g_auto(User) user = {0};
        g_autoptr(GError) error = NULL;

        g_assert_false(user_resolve(root->dfd, "www", &user, &error));
        g_assert_nonnull(strstr(error->message, name));
}

/* Databases that never end, are none, or lie outside. */
static void test_hostile_files(void) {
        g_autofree char *path = NULL;
        Root root;
        int fd;

        root_open(&root);
        path = g_build_filename(root.path, "etc/passwd", NULL);
        g_assert_cmpint(truncate(path, (off_t)8 << 30), ==, 0);
        expect_bad_passwd(&root, "/etc/passwd");

        unlink(path);
        g_assert_cmpint(mkfifo(path, 0644), ==, 0);
        expect_bad_passwd(&root, "/etc/passwd");

        unlink(path);
        g_assert_cmpint(mkdir(path, 0755), ==, 0);
        expect_bad_passwd(&root, "/etc/passwd");

        rmdir(path);
        g_assert_cmpint(symlink("passwd", path), ==, 0);
        expect_bad_passwd(&root, "/etc/passwd");

        /* A link to the host's file is one to the container's, and that is missing. */
        unlink(path);
        g_assert_cmpint(symlink("../../../../../../../../etc/hostname", path), ==, 0);
        expect_bad_passwd(&root, "/etc/passwd");

        /* One byte too many is too many. */
        unlink(path);
        fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        g_assert_cmpint(ftruncate(fd, (off_t)USER_FILE_LIMIT + 1), ==, 0);
        close(fd);
        expect_bad_passwd(&root, "limit");
        root_close(&root);
}

static unsigned count_lines(const char *text) {
        unsigned count = 0;

        for (; *text; text++)
                count += *text == '\n';
        return count;
}

static void test_extend(void) {
        g_auto(User) user = {.uid = 1000, .gid = 5};
        g_auto(User) known = {.uid = 33, .gid = 34, .name = g_strdup("www")};
        g_autoptr(GString) text = NULL;
        g_autoptr(GString) same = NULL;
        g_autoptr(GString) group = NULL;
        g_autoptr(GString) no_group = NULL;
        Root root;

        root_open(&root);
        g_assert_true(user_extend_passwd(root.dfd, &user, "1000", "/work\\n", &text, NULL));
        g_assert_nonnull(text);
        /* The last line of the old file had no end; it keeps its own. */
        g_assert_cmpuint(count_lines(text->str), ==, 11);
        g_assert_true(
                g_str_has_suffix(text->str, "\n1000:x:1000:5:1000 user:/work\\n:/sbin/nologin\n"));
        g_assert_true(user_extend_passwd(root.dfd, &known, "www", "/", &same, NULL));
        g_assert_null(same);
        g_assert_true(user_extend_group(root.dfd, 5, &group, NULL));
        g_assert_true(g_str_has_suffix(group->str, "\n5:x:5:\n"));
        g_assert_true(user_extend_group(root.dfd, 52, &no_group, NULL));
        g_assert_null(no_group);
        root_close(&root);
}

/* Whatever goes into the line stays in its field. */
static void test_extend_hostile(void) {
        static const char *const values[] = {
                "/x\nroot2::0:0::/:/bin/sh", "/x\r", "/x\r\n", "/x:y", "\x7f", "\x01", "\t"};
        g_autofree char *huge = g_strnfill(100000, 'x');
        Root root;

        root_open(&root);
        for (unsigned i = 0; i <= G_N_ELEMENTS(values); i++) {
                const char *value = i < G_N_ELEMENTS(values) ? values[i] : huge;
                g_auto(User) user = {.uid = 1000};
                g_autoptr(GString) text = NULL;
                g_autoptr(GError) error = NULL;

                g_assert_false(user_extend_passwd(root.dfd, &user, "x", value, &text, &error));
                g_assert_cmpint(error_get_code(error), ==, ERROR_INVALID_ARGUMENT);
                g_assert_null(text);
                g_clear_error(&error);
                g_assert_false(user_extend_passwd(root.dfd, &user, value, "/", &text, &error));
                g_assert_null(text);
        }
        root_close(&root);
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/user/hostile", test_hostile);
        g_test_add_func("/user/found", test_found);
        g_test_add_func("/user/no-files", test_no_files);
        g_test_add_func("/user/hostile-files", test_hostile_files);
        g_test_add_func("/user/extend", test_extend);
        g_test_add_func("/user/extend-hostile", test_extend_hostile);
        return g_test_run();
}
