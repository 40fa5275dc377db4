/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/tree.h"
#include "host/kernel.h"
#include "host/mount-private.h"

typedef struct Fixture {
        char *dir;
        char *target;
} Fixture;

static void set_up(Fixture *fixture, gconstpointer data) {
        fixture->dir = g_dir_make_tmp("mount with\ttab-XXXXXX", NULL);
        fixture->target = g_build_filename(fixture->dir, "target", NULL);
        g_assert_cmpint(mkdir(fixture->target, 0755), ==, 0);
}

static void tear_down(Fixture *fixture, gconstpointer data) {
        g_assert_true(mount_remove(fixture->target, NULL));
        g_assert_true(mount_remove(fixture->dir, NULL));
        g_assert_true(tree_remove(AT_FDCWD, fixture->dir, NULL));
        g_free(fixture->target);
        g_free(fixture->dir);
}

static bool root_or_skip(void) {
        if (geteuid() == 0)
                return true;
        g_test_skip("only root may mount");
        return false;
}

static void test_tmpfs(Fixture *fixture, gconstpointer data) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GPtrArray) mounts = NULL;
        g_autofree char *inside = g_build_filename(fixture->target, "a", NULL);
        const MountEntry *entry;
        struct statvfs numbers;
        struct stat status;

        if (!root_or_skip())
                return;
        g_assert_false(mount_is_mounted(fixture->target));
        mount_tmpfs(fixture->target, 65536, 01777, NULL, &error);
        g_assert_no_error(error);
        g_assert_true(mount_is_mounted(fixture->target));
        g_assert_cmpint(stat(fixture->target, &status), ==, 0);
        g_assert_cmpint(status.st_mode & 07777, ==, 01777);
        g_assert_cmpint(statvfs(fixture->target, &numbers), ==, 0);
        g_assert_cmpuint(numbers.f_blocks * numbers.f_frsize, ==, 65536);
        g_assert_cmpuint(numbers.f_flag & (ST_NOSUID | ST_NODEV | ST_NOEXEC), ==,
                         ST_NOSUID | ST_NODEV | ST_NOEXEC);
        mounts = mount_list(NULL);
        entry = mount_find(mounts, inside);
        g_assert_cmpstr(entry->target, ==, fixture->target); /* the tab was read back */
        g_assert_cmpstr(entry->type, ==, "tmpfs");
        g_assert_cmpstr(entry->root, ==, "/");
}

static void test_remove_stack(Fixture *fixture, gconstpointer data) {
        if (!root_or_skip())
                return;
        for (unsigned i = 0; i < 3; i++)
                g_assert_true(mount_tmpfs(fixture->target, 4096, 0755, NULL, NULL));
        g_assert_true(mount_remove(fixture->target, NULL));
        g_assert_false(mount_is_mounted(fixture->target));
        g_assert_true(mount_remove(fixture->target, NULL));
        g_assert_true(mount_remove("/nowhere/at/all", NULL));
}

/* A symbolic link where the target was must not lead to somebody else's mount. */
static void test_remove_follows_nothing(Fixture *fixture, gconstpointer data) {
        g_autofree char *link = g_build_filename(fixture->dir, "link", NULL);

        if (!root_or_skip())
                return;
        g_assert_true(mount_tmpfs(fixture->target, 4096, 0755, NULL, NULL));
        g_assert_cmpint(symlink(fixture->target, link), ==, 0);
        g_assert_true(mount_remove(link, NULL));
        g_assert_true(mount_is_mounted(fixture->target));
}

static void test_find(void) {
        MountEntry root = { .target = (char *) "/" };
        MountEntry a = { .target = (char *) "/a" };
        MountEntry again = { .target = (char *) "/a" };
        MountEntry deep = { .target = (char *) "/a/b" };
        g_autoptr(GPtrArray) mounts = g_ptr_array_new();

        g_assert_null(mount_find(mounts, "/a"));
        g_ptr_array_add(mounts, &root);
        g_ptr_array_add(mounts, &a);
        g_ptr_array_add(mounts, &deep);
        g_ptr_array_add(mounts, &again);
        g_assert_true(mount_find(mounts, "/ab") == &root);
        g_assert_true(mount_find(mounts, "/a/b/c") == &deep);
        g_assert_true(mount_find(mounts, "/a/bc") == &again);
        g_assert_true(mount_find(mounts, "/") == &root);
}

static void make_layer(const char *path, const char *file, const char *text) {
        g_autofree char *name = g_build_filename(path, file, NULL);

        g_assert_cmpint(g_mkdir_with_parents(path, 0755), ==, 0);
        g_assert_true(g_file_set_contents(name, text, -1, NULL));
}

static char *read_target(const Fixture *fixture, const char *file) {
        g_autofree char *name = g_build_filename(fixture->target, file, NULL);

        return file_read_line(AT_FDCWD, name);
}

/* An overlay needs a file system that takes extended attributes and whiteouts: a tmpfs does. */
static bool overlay_or_skip(const Fixture *fixture) {
        if (!root_or_skip())
                return false;
        if (!kernel_has_filesystem("overlay")) {
                g_test_skip("this kernel has no overlay");
                return false;
        }
        if (!mount_is_mounted(fixture->dir))
                g_assert_true(mount_tmpfs(fixture->dir, 16u << 20, 0755, NULL, NULL));
        g_assert_cmpint(mkdir(fixture->target, 0755), ==, 0);
        return true;
}

typedef bool (*OverlayFunc)(const MountOverlay *overlay, const char *target, GError **error);

static void check_overlay(const Fixture *fixture, OverlayFunc func) {
        g_autofree char *part = g_strnfill(200, 'l');
        g_autofree char *upper = g_build_filename(fixture->dir, part, part, "upper", NULL);
        g_autofree char *work = g_build_filename(fixture->dir, part, part, "work", NULL);
        g_autofree char *top = g_build_filename(fixture->dir, part, "a:b,c\\", part, NULL);
        g_autofree char *bottom = g_build_filename(fixture->dir, "bottom", NULL);
        const char *lowers[] = { top, bottom };
        MountOverlay overlay = { .lowers = lowers, .n_lowers = 2, .upper = upper, .work = work };
        g_autoptr(GError) error = NULL;
        g_autofree char *both = NULL;
        g_autofree char *low = NULL;
        g_autofree char *written = NULL;

        if (!overlay_or_skip(fixture))
                return;
        make_layer(top, "both", "top");
        make_layer(bottom, "both", "bottom");
        make_layer(bottom, "low", "low");
        g_assert_cmpint(g_mkdir_with_parents(upper, 0755), ==, 0);
        g_assert_cmpint(g_mkdir_with_parents(work, 0755), ==, 0);
        func(&overlay, fixture->target, &error);
        g_assert_no_error(error);
        both = read_target(fixture, "both");
        low = read_target(fixture, "low");
        g_assert_cmpstr(both, ==, "top");
        g_assert_cmpstr(low, ==, "low");
        make_layer(fixture->target, "new", "new");
        written = g_build_filename(upper, "new", NULL);
        g_assert_cmpint(access(written, F_OK), ==, 0);
}

static void test_overlay(Fixture *fixture, gconstpointer data) {
        check_overlay(fixture, mount_overlay);
}

static void test_overlay_classic(Fixture *fixture, gconstpointer data) {
        check_overlay(fixture, mount_overlay_classic);
}

static void check_many(const Fixture *fixture, OverlayFunc func) {
        g_autoptr(GPtrArray) lowers = g_ptr_array_new_with_free_func(g_free);
        MountOverlay overlay = { .attributes = MOUNT_ATTR_RDONLY };
        g_autoptr(GError) error = NULL;
        g_autofree char *first = NULL;
        g_autofree char *last = NULL;

        if (!overlay_or_skip(fixture))
                return;
        for (unsigned i = 0; i < 150; i++) {
                g_autofree char *file = g_strdup_printf("%u", i);
                char *path = g_strdup_printf("%s/layer-of-a-rather-long-name-%u", fixture->dir, i);

                g_ptr_array_add(lowers, path);
                make_layer(path, file, file);
        }
        overlay.lowers = (const char *const *) lowers->pdata;
        overlay.n_lowers = lowers->len;
        func(&overlay, fixture->target, &error);
        g_assert_no_error(error);
        first = read_target(fixture, "0");
        last = read_target(fixture, "149");
        g_assert_cmpstr(first, ==, "0");
        g_assert_cmpstr(last, ==, "149");
}

static void test_overlay_many(Fixture *fixture, gconstpointer data) {
        check_many(fixture, mount_overlay);
}

static void test_overlay_many_classic(Fixture *fixture, gconstpointer data) {
        check_many(fixture, mount_overlay_classic);
}

static void test_overlay_error(Fixture *fixture, gconstpointer data) {
        const char *lowers[] = { "/nowhere/at/all" };
        MountOverlay overlay = { .lowers = lowers, .n_lowers = 1 };
        g_autoptr(GError) error = NULL;

        if (!overlay_or_skip(fixture))
                return;
        g_assert_false(mount_overlay(&overlay, fixture->target, &error));
        g_assert_nonnull(strstr(error->message, fixture->target));
        g_assert_false(mount_is_mounted(fixture->target));
}

static void test_make_shared(Fixture *fixture, gconstpointer data) {
        g_autofree char *below = g_build_filename(fixture->target, "below", NULL);
        g_autoptr(GPtrArray) mounts = NULL;
        guint before;

        if (!root_or_skip())
                return;
        g_assert_true(mount_bind(fixture->target, fixture->target, false, NULL));
        g_assert_cmpint(mount(NULL, fixture->target, NULL, MS_PRIVATE, NULL), ==, 0);
        g_assert_true(mount_make_shared(fixture->target, NULL));
        mounts = mount_list(NULL);
        before = mounts->len;
        g_assert_true(mount_find(mounts, fixture->target)->shared);
        /* No mount of its own for what lies on a shared one. */
        g_assert_true(mount_make_shared(fixture->target, NULL));
        g_assert_cmpint(mkdir(below, 0755), ==, 0);
        g_assert_true(mount_make_shared(below, NULL));
        g_ptr_array_unref(mounts);
        mounts = mount_list(NULL);
        g_assert_cmpuint(mounts->len, ==, before);
}

#define ADD(name, test) g_test_add("/mount/" name, Fixture, NULL, set_up, test, tear_down)

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/mount/find", test_find);
        ADD("tmpfs", test_tmpfs);
        ADD("remove-stack", test_remove_stack);
        ADD("remove-follows-nothing", test_remove_follows_nothing);
        ADD("overlay", test_overlay);
        ADD("overlay-classic", test_overlay_classic);
        ADD("overlay-many", test_overlay_many);
        ADD("overlay-many-classic", test_overlay_many_classic);
        ADD("overlay-error", test_overlay_error);
        ADD("make-shared", test_make_shared);
        return g_test_run();
}
