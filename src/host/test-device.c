/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/tree.h"
#include "host/device.h"
#include "host/mount.h"

typedef struct Fixture {
        char *dir; /* below /dev; NULL without root */
} Fixture;

static void set_up(Fixture *fixture, gconstpointer data) {
        fixture->dir = g_strdup("/dev/test-device-XXXXXX");
        if (geteuid() == 0 && g_mkdtemp(fixture->dir))
                return;
        g_clear_pointer(&fixture->dir, g_free);
        g_test_skip("only root may make devices");
}

static void tear_down(Fixture *fixture, gconstpointer data) {
        if (fixture->dir)
                g_assert_true(tree_remove(AT_FDCWD, fixture->dir, NULL));
        g_free(fixture->dir);
}

static char *make(const Fixture *fixture, const char *name, mode_t type) {
        char *path = g_build_filename(fixture->dir, name, NULL);

        if (S_ISDIR(type))
                g_assert_cmpint(mkdir(path, 0755), ==, 0);
        else
                g_assert_cmpint(mknod(path, type | 0640, makedev(1, 3)), ==, 0);
        return path;
}

static const Device *find(const GPtrArray *devices, const char *path) {
        for (guint i = 0; i < devices->len; i++)
                if (g_str_equal(((const Device *) devices->pdata[i])->path, path))
                        return devices->pdata[i];
        return NULL;
}

static void assert_refused(const char *host, const char *container, const char *access) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GPtrArray) devices = NULL;

        g_test_message("%s %s %s", host, container, access);
        devices = device_expand(host, container, access, &error);
        g_assert_null(devices);
        g_assert_nonnull(error);
}

static void test_single(void) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GPtrArray) devices = device_expand("/dev/null", "/dev/my-null", "rw", &error);
        const Device *device;
        struct stat status;

        g_assert_no_error(error);
        g_assert_cmpuint(devices->len, ==, 1);
        device = devices->pdata[0];
        g_assert_cmpint(stat("/dev/null", &status), ==, 0);
        g_assert_cmpstr(device->path, ==, "/dev/my-null");
        g_assert_cmpint(device->type, ==, 'c');
        g_assert_cmpuint(device->major, ==, 1);
        g_assert_cmpuint(device->minor, ==, 3);
        g_assert_cmpuint(device->mode, ==, status.st_mode & 07777);
        g_assert_cmpuint(device->uid, ==, status.st_uid);
        g_assert_cmpuint(device->gid, ==, status.st_gid);
        g_assert_cmpstr(device->access, ==, "rw");
}

static void test_folder(Fixture *fixture, gconstpointer data) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GPtrArray) devices = NULL;
        g_autofree char *folder = NULL;
        g_autofree char *one = NULL;
        g_autofree char *two = NULL;
        g_autofree char *file = NULL;
        g_autofree char *link = NULL;

        if (!fixture->dir)
                return;
        one = make(fixture, "one", S_IFCHR);
        folder = make(fixture, "folder", S_IFDIR);
        two = make(fixture, "folder/two", S_IFBLK);
        file = make(fixture, "file", S_IFREG);
        link = g_build_filename(fixture->dir, "link", NULL);
        g_assert_cmpint(symlink("/", link), ==, 0);
        devices = device_expand(fixture->dir, "/dev/inside/", "rwm", &error);
        g_assert_no_error(error);
        g_assert_cmpuint(devices->len, ==, 2);
        g_assert_cmpint(find(devices, "/dev/inside/one")->type, ==, 'c');
        g_assert_cmpint(find(devices, "/dev/inside/folder/two")->type, ==, 'b');
        g_assert_cmpuint(find(devices, "/dev/inside/one")->mode, ==, 0640);
}

/* A walk that would not end, or would hand out the whole machine. */
static void test_refused(void) {
        assert_refused("/", "/dev/x", "rwm");
        assert_refused("/dev", "/dev/x", "rwm");
        assert_refused("/dev/", "/dev/x", "rwm");
        assert_refused("/dev/.", "/dev/x", "rwm");
        assert_refused("/dev/../dev", "/dev/x", "rwm");
        assert_refused("/proc", "/dev/x", "rwm");
        assert_refused("/sys", "/dev/x", "rwm");
        assert_refused("/usr", "/dev/x", "rwm");
        assert_refused("/dev/fd/../..", "/dev/x", "rwm");
        assert_refused("/etc/passwd", "/dev/x", "rwm");
        assert_refused("/dev/no-such-device", "/dev/x", "rwm");
        assert_refused("dev/null", "/dev/x", "rwm");
        assert_refused("", "/dev/x", "rwm");
        assert_refused("/dev/null", "dev/x", "rwm");
        assert_refused("/dev/null", "/dev/../../x", "rwm");
        assert_refused("/dev/null", "/dev/x", "rwx");
        assert_refused("/dev/null", "/dev/x", "rr");
}

static void test_link_out(Fixture *fixture, gconstpointer data) {
        g_autofree char *link = NULL;

        if (!fixture->dir)
                return;
        link = g_build_filename(fixture->dir, "out", NULL);
        g_assert_cmpint(symlink("/", link), ==, 0);
        assert_refused(link, "/dev/x", "rwm");
        g_assert_cmpint(unlink(link), ==, 0);
        g_assert_cmpint(symlink("/dev", link), ==, 0);
        assert_refused(link, "/dev/x", "rwm");
}

static void test_too_many(Fixture *fixture, gconstpointer data) {
        if (!fixture->dir)
                return;
        for (unsigned i = 0; i < 1001; i++) {
                g_autofree char *name = g_strdup_printf("%u", i);
                g_autofree char *path = make(fixture, name, i % 2 ? S_IFREG : S_IFCHR);
        }
        assert_refused(fixture->dir, "/dev/x", "rwm");
}

static void test_too_deep(Fixture *fixture, gconstpointer data) {
        g_autoptr(GPtrArray) devices = NULL;

        if (!fixture->dir)
                return;
        g_free(make(fixture, "1", S_IFDIR));
        g_free(make(fixture, "1/2", S_IFDIR));
        g_free(make(fixture, "1/2/3", S_IFDIR));
        g_free(make(fixture, "1/2/3/4", S_IFDIR));
        g_free(make(fixture, "1/2/3/4/device", S_IFCHR));
        devices = device_expand(fixture->dir, "/dev/x", "r", NULL);
        g_assert_nonnull(devices);
        g_assert_cmpuint(devices->len, ==, 1);
        g_free(make(fixture, "1/2/3/4/5", S_IFDIR));
        assert_refused(fixture->dir, "/dev/x", "rwm");
}

/* Another file system below is not entered. */
static void test_mount_inside(Fixture *fixture, gconstpointer data) {
        g_autoptr(GPtrArray) devices = NULL;
        g_autofree char *folder = NULL;
        g_autofree char *device = NULL;

        if (!fixture->dir)
                return;
        folder = make(fixture, "mounted", S_IFDIR);
        g_assert_true(mount_tmpfs(folder, 65536, 0755, NULL, NULL));
        device = make(fixture, "mounted/device", S_IFCHR);
        devices = device_expand(fixture->dir, "/dev/x", "rwm", NULL);
        g_assert_true(mount_remove(folder, NULL));
        g_assert_nonnull(devices);
        g_assert_cmpuint(devices->len, ==, 0);
}

static void test_list_host(Fixture *fixture, gconstpointer data) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GPtrArray) devices = NULL;
        g_autofree char *folder = NULL;
        g_autofree char *console = NULL;

        if (fixture->dir) {
                folder = make(fixture, "shm", S_IFDIR); /* matters on the first level only */
                console = make(fixture, "shm/console", S_IFCHR);
        }
        devices = device_list_host(&error);
        g_assert_no_error(error);
        g_assert_nonnull(find(devices, "/dev/null"));
        g_assert_nonnull(find(devices, "/dev/zero"));
        g_assert_null(find(devices, "/dev/ptmx"));
        g_assert_null(find(devices, "/dev/console"));
        g_assert_null(find(devices, "/dev/pts/ptmx"));
        if (console)
                g_assert_nonnull(find(devices, console));
}

static void assert_spec(const char *text, const char *host, const char *container,
                        const char *access) {
        g_autoptr(GError) error = NULL;
        g_autofree char *got_host = NULL;
        g_autofree char *got_container = NULL;
        g_autofree char *got_access = NULL;

        device_spec_parse(text, &got_host, &got_container, &got_access, &error);
        g_assert_no_error(error);
        g_assert_cmpstr(got_host, ==, host);
        g_assert_cmpstr(got_container, ==, container);
        g_assert_cmpstr(got_access, ==, access);
}

static void test_spec(void) {
        static const char *const bad[] = {
                "", ":", "/", "dev/a", "/dev/a:", "/dev/a:x", "/dev/a:rww", "/dev/a:rw:rw",
                "/dev/a:/dev/b:", "/dev/a:/dev/b:x", "/dev/a:/dev/b:rw:m", "/dev/../a",
                "/dev/a:/../b",
        };

        assert_spec("/dev/fuse", "/dev/fuse", "/dev/fuse", "rwm");
        assert_spec("/dev/a:/dev/b", "/dev/a", "/dev/b", "rwm");
        assert_spec("/dev/a:r", "/dev/a", "/dev/a", "r");
        assert_spec("/dev/a:/dev/b:rw", "/dev/a", "/dev/b", "rw");
        for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autoptr(GError) error = NULL;
                char *host;
                char *container;
                char *access;

                g_test_message("%s", bad[i]);
                g_assert_false(device_spec_parse(bad[i], &host, &container, &access, &error));
                g_assert_error(error, ERROR_DOMAIN, ERROR_INVALID_ARGUMENT);
        }
}

#define ADD(name, test) g_test_add("/device/" name, Fixture, NULL, set_up, test, tear_down)

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/device/single", test_single);
        ADD("folder", test_folder);
        g_test_add_func("/device/refused", test_refused);
        ADD("link-out", test_link_out);
        ADD("too-many", test_too_many);
        ADD("too-deep", test_too_deep);
        ADD("mount-inside", test_mount_inside);
        ADD("list-host", test_list_host);
        g_test_add_func("/device/spec", test_spec);
        return g_test_run();
}
