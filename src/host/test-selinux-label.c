/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/error.h"
#include "base/tree.h"
#include "host/selinux-label-private.h"

#define BASE "system_u:system_r:container_t:s0"

static void assert_composed(const SelinuxWish *wish, const char *base, const char *level,
                            const char *expected) {
        g_autoptr(GError) error = NULL;
        g_autofree char *label = NULL;

        selinux_label_compose(base, wish, level, &label, &error);
        g_assert_no_error(error);
        g_assert_cmpstr(label, ==, expected);
}

static void test_compose(void) {
        SelinuxWish none = { 0 };
        SelinuxWish empty = { .user = "", .role = "", .type = "" };
        SelinuxWish all = { .user = "u", .role = "r", .type = "t_t" };

        assert_composed(&none, BASE, NULL, BASE);
        assert_composed(&empty, BASE, "", BASE);
        assert_composed(&none, BASE, "s0:c1,c2", BASE ":c1,c2");
        assert_composed(&none, BASE "-s0:c0.c1023", "s0:c1,c2", BASE ":c1,c2");
        assert_composed(&all, BASE, "s0-s0:c0.c5", "u:r:t_t:s0-s0:c0.c5");
        assert_composed(&all, "a:b:c", "s0:c1,c2", "u:r:t_t"); /* a policy without levels */
}

/* A part with a colon would set the parts behind it. */
static void test_compose_refused(void) {
        static const SelinuxWish bad[] = {
                { .user = "u:r" }, { .role = "r:spc_t" },       { .type = "container_t:s0" },
                { .type = "a b" }, { .type = "container_t\n" }, { .type = "t,t" },
        };
        char *label = NULL;

        for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autoptr(GError) error = NULL;

                g_assert_false(selinux_label_compose(BASE, &bad[i], NULL, &label, &error));
                g_assert_error(error, ERROR_DOMAIN, ERROR_INVALID_ARGUMENT);
        }
        g_assert_false(selinux_label_compose(BASE, &(SelinuxWish){ 0 }, "s0 c1", &label, NULL));
        g_assert_false(selinux_label_compose("nonsense", &(SelinuxWish){ 0 }, NULL, &label, NULL));
}

static void test_find_base(void) {
        static const char text[] = "# process = \"comment\"\n"
                                   "process = \"a:b:c:s0\"\n"
                                   "  kvm_process=\"k\"  \n"
                                   "\n"
                                   "file = \"f\"";
        g_autofree char *process = selinux_label_find_base(text, "process");
        g_autofree char *kvm = selinux_label_find_base(text, "kvm_process");
        g_autofree char *file = selinux_label_find_base(text, "file");

        g_assert_cmpstr(process, ==, "a:b:c:s0");
        g_assert_cmpstr(kvm, ==, "k");
        g_assert_cmpstr(file, ==, "f");
        g_assert_null(selinux_label_find_base(text, "init_process"));
        g_assert_null(selinux_label_find_base("", "file"));
}

/* No two pods may share a pair while both live. */
static void test_pick(void) {
        g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        GHashTableIter each;
        void *level;

        for (unsigned i = 0; i < 5000; i++) {
                char *picked = NULL;

                g_assert_true(selinux_label_pick("s0", &picked, NULL));
                g_assert_true(g_str_has_prefix(picked, "s0:c"));
                g_assert_true(g_hash_table_add(seen, picked));
        }
        g_hash_table_iter_init(&each, seen);
        while (g_hash_table_iter_next(&each, &level, NULL)) {
                g_autofree char *label = g_strconcat("u:r:t:", level, NULL);

                selinux_label_release(label);
        }
}

static void test_reserve(void) {
        char *picked = NULL;
        unsigned free_pairs = 0;

        /* All pairs but one are reserved: that one is found, then nothing. */
        for (unsigned low = 0; low < 1024; low++)
                for (unsigned high = low + 1; high < 1024; high++) {
                        g_autofree char *label = g_strdup_printf(BASE ":c%u,c%u", low, high);

                        selinux_label_reserve(label);
                }
        g_assert_false(selinux_label_pick("s0", &picked, NULL));
        selinux_label_reserve(NULL);
        selinux_label_reserve("u:r:t:s0");
        selinux_label_release("nonsense");
        for (unsigned low = 0; low < 1024; low++)
                for (unsigned high = low + 1; high < 1024; high++, free_pairs++) {
                        g_autofree char *label = g_strdup_printf(BASE ":c%u,c%u", low, high);

                        selinux_label_release(label);
                }
        g_assert_cmpuint(free_pairs, ==, 1024 * 1023 / 2);
        g_assert_true(selinux_label_pick("s0", &picked, NULL));
        g_free(picked);
}

static void test_protected(void) {
        static const char *const bad[] = { "/", "/etc", "/etc/", "/usr/../etc", "/proc", "/home",
                                           "/var/lib/." };

        for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++)
                g_assert_true(selinux_label_is_protected(bad[i]));
        g_assert_false(selinux_label_is_protected("/var/lib/kubelet/pods/x"));
        g_assert_false(selinux_label_is_protected("/usr/share"));
}

static void assert_label(const char *dir, const char *name, const char *expected) {
        g_autofree char *path = g_build_filename(dir, name, NULL);
        char value[64] = "";
        ssize_t length = lgetxattr(path, "security.selinux", value, sizeof(value) - 1);

        if (!expected) {
                g_assert_cmpint(length, <=, 0);
                return;
        }
        g_assert_cmpint(length, >, 0);
        g_assert_cmpstr(value, ==, expected);
}

static void touch(const char *dir, const char *name) {
        g_autofree char *path = g_build_filename(dir, name, NULL);
        g_autofree char *parent = g_path_get_dirname(path);

        g_assert_cmpint(g_mkdir_with_parents(parent, 0755), ==, 0);
        g_assert_true(g_file_set_contents(path, "x", 1, NULL));
}

/* Root may write the attribute without SELinux in the kernel too. */
static void test_set(void) {
        g_autofree char *dir = g_dir_make_tmp("selinux-XXXXXX", NULL);
        g_autofree char *volume = g_build_filename(dir, "volume", NULL);
        g_autofree char *out = g_build_filename(volume, "sub", "out", NULL);
        g_autofree char *away = g_build_filename(volume, "away", NULL);
        g_autofree char *other = g_build_filename(dir, "other", NULL);
        g_autoptr(GError) error = NULL;

        touch(dir, "volume/a");
        touch(dir, "volume/sub/deep/b");
        touch(dir, "other/untouched");
        g_assert_cmpint(symlink("../../other/untouched", out), ==, 0);
        g_assert_cmpint(symlink(other, away), ==, 0);
        if (geteuid() != 0 || setxattr(other, "security.selinux", "probe", 6, 0) < 0 ||
            selinux_label_is_enabled()) {
                g_test_skip("labels cannot be written freely here");
        } else {
                selinux_label_set(volume, "u:r:t:s0", false, &error);
                g_assert_no_error(error);
                assert_label(dir, "volume", "u:r:t:s0");
                assert_label(dir, "volume/a", NULL);
                selinux_label_set(volume, "u:r:t:s0:c1,c2", true, &error);
                g_assert_no_error(error);
                assert_label(dir, "volume", "u:r:t:s0:c1,c2");
                assert_label(dir, "volume/a", "u:r:t:s0:c1,c2");
                assert_label(dir, "volume/sub/deep/b", "u:r:t:s0:c1,c2");
                assert_label(dir, "other", "probe");
                assert_label(dir, "other/untouched", NULL);
        }
        g_assert_true(tree_remove(AT_FDCWD, dir, NULL));
}

static void test_off(void) {
        SelinuxWish wish = { .type = "any thing" };
        char *process = (char *) "x";
        char *mount = (char *) "x";
        char *label = (char *) "x";

        if (selinux_label_is_enabled()) {
                g_test_skip("SELinux is on");
                return;
        }
        g_assert_true(selinux_label_build(&wish, &process, &mount, NULL));
        g_assert_null(process);
        g_assert_null(mount);
        g_assert_true(selinux_label_relabel("/", "u:r:t:s0", true, NULL));
        g_assert_true(selinux_label_get("/", &label, NULL));
        g_assert_null(label);
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/selinux-label/compose", test_compose);
        g_test_add_func("/selinux-label/compose-refused", test_compose_refused);
        g_test_add_func("/selinux-label/find-base", test_find_base);
        g_test_add_func("/selinux-label/pick", test_pick);
        g_test_add_func("/selinux-label/reserve", test_reserve);
        g_test_add_func("/selinux-label/protected", test_protected);
        g_test_add_func("/selinux-label/set", test_set);
        g_test_add_func("/selinux-label/off", test_off);
        return g_test_run();
}
