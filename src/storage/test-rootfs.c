/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/id.h"
#include "base/tree.h"
#include "host/mount.h"
#include "storage/rootfs-private.h"
#include "storage/test-image.h"

#define REPO "a.b/c"

static const TestImage plain = { .layers = { "one", "two" }, .names = { REPO ":1" } };

static ImageRecord *pull(TestStore *fixture) {
        TestImage image = plain;

        test_image_pull(fixture, &image);
        test_store_open(fixture);
        return store_find_image(fixture->store, REPO ":1");
}

static char *create(TestStore *fixture, const char *id, ImageRecord *image) {
        g_autoptr(GError) error = NULL;
        char *path = NULL;

        rootfs_create(fixture->store, id, image, NULL, &path, &error);
        g_assert_no_error(error);
        return path;
}

static bool exists(const char *folder, const char *name) {
        g_autofree char *path = g_build_filename(folder, name, NULL);

        return access(path, F_OK) == 0;
}

static void write_in(const char *folder, const char *name) {
        g_autofree char *path = g_build_filename(folder, name, NULL);

        g_assert_true(g_file_set_contents(path, "x", 1, NULL));
}

static void test_life(TestStore *fixture, gconstpointer data) {
        g_autoptr(ImageRecord) image = pull(fixture);
        g_autofree char *id = id_new();
        g_autofree char *path = create(fixture, id, image);
        g_autofree char *upper = g_build_filename(fixture->root, "overlay", id, "diff", NULL);
        g_autofree char *folder = g_build_filename("overlay", id, NULL);
        g_autofree char *lower = test_layer_path(&plain, 1, "diff/new");

        g_assert_true(g_str_has_suffix(path, "/merged"));
        g_assert_true(mount_is_mounted(path));
        g_assert_true(exists(path, "one"));
        g_assert_true(exists(path, "two"));
        write_in(path, "new");
        g_assert_true(exists(upper, "new"));
        g_assert_false(test_exists(fixture, lower));

        g_assert_true(rootfs_unmount(fixture->store, id, NULL));
        g_assert_false(mount_is_mounted(path));
        g_assert_true(rootfs_unmount(fixture->store, id, NULL));
        g_assert_true(exists(upper, "new"));
        g_assert_true(rootfs_remove(fixture->store, id, NULL));
        g_assert_false(test_exists(fixture, folder));
        g_assert_true(rootfs_remove(fixture->store, id, NULL));
        g_assert_true(rootfs_unmount(fixture->store, id, NULL));
}

static void test_root_attributes(TestStore *fixture, gconstpointer data) {
        g_autoptr(ImageRecord) image = pull(fixture);
        g_autofree char *id = id_new();
        g_autofree char *path = NULL;
        g_autofree char *top = test_layer_path(&plain, 1, "diff");
        struct stat status;

        g_assert_cmpint(fchmodat(fixture->dfd, top, 01775, 0), ==, 0);
        g_assert_cmpint(fchownat(fixture->dfd, top, 5, 6, 0), ==, 0);
        path = create(fixture, id, image);
        g_assert_cmpint(stat(path, &status), ==, 0);
        g_assert_cmpint(status.st_mode & 07777, ==, 01775);
        g_assert_cmpint(status.st_uid, ==, 5);
        g_assert_cmpint(status.st_gid, ==, 6);
        g_assert_true(rootfs_remove(fixture->store, id, NULL));
}

static void test_without_image(TestStore *fixture, gconstpointer data) {
        g_autofree char *id = id_new();
        g_autofree char *path = NULL;
        g_autoptr(GPtrArray) names = NULL;

        test_store_open(fixture);
        path = create(fixture, id, NULL);
        names = dir_list(AT_FDCWD, path, NULL);
        g_assert_cmpuint(names->len, ==, 0);
        write_in(path, "new");
        g_assert_true(rootfs_remove(fixture->store, id, NULL));
}

/* Asked for again: the mounted one stays as it is, and the files of a stopped one are kept. */
static void test_again(TestStore *fixture, gconstpointer data) {
        g_autoptr(ImageRecord) image = pull(fixture);
        g_autofree char *id = id_new();
        g_autofree char *path = create(fixture, id, image);
        g_autofree char *second = NULL, *third = NULL;
        struct stat before, after;

        write_in(path, "new");
        g_assert_cmpint(stat(path, &before), ==, 0);
        second = create(fixture, id, NULL); /* it keeps what it is made of */
        g_assert_false(store_remove_image(fixture->store, image->id, NULL));
        g_assert_cmpint(stat(path, &after), ==, 0);
        g_assert_cmpuint(before.st_dev, ==, after.st_dev);
        g_assert_true(rootfs_unmount(fixture->store, id, NULL));
        third = create(fixture, id, image);
        g_assert_true(exists(third, "new"));
        g_assert_true(rootfs_remove(fixture->store, id, NULL));
}

/* After a crash of the host the kernel's mark of a volatile mount is there and forbids another
 * one. */
static void test_after_crash(TestStore *fixture, gconstpointer data) {
        g_autoptr(ImageRecord) image = pull(fixture);
        g_autofree char *id = id_new();
        g_autofree char *path = create(fixture, id, image);
        g_autofree char *mark = g_build_filename("overlay", id, "work/work/incompat/volatile/dirty",
                                                 NULL);
        g_autofree char *again = NULL;

        g_assert_true(rootfs_unmount(fixture->store, id, NULL));
        test_write(fixture, mark, "");
        again = create(fixture, id, image);
        g_assert_true(exists(again, "two"));
        g_assert_true(rootfs_remove(fixture->store, id, NULL));
}

/* Died between the directory and the mount, at each step. */
static void test_half_made(TestStore *fixture, gconstpointer data) {
        static const char *const steps[] = { "", "image", "diff/", "work/", "merged/" };
        g_autoptr(ImageRecord) image = pull(fixture);
        g_autofree char *id = id_new();

        for (size_t i = 0; i < G_N_ELEMENTS(steps); i++) {
                g_autofree char *path = NULL;

                for (size_t k = 0; k <= i; k++) {
                        g_autofree char *name = g_strconcat("overlay/", id, "/", steps[k], NULL);

                        if (g_str_has_suffix(name, "/"))
                                g_assert_true(dir_make(fixture->dfd, name, 0700, NULL));
                        else
                                test_write(fixture, name, image->id);
                }
                path = create(fixture, id, image);
                g_assert_true(exists(path, "one"));
                g_assert_true(rootfs_remove(fixture->store, id, NULL));
        }
}

static void test_bad_ids(TestStore *fixture, gconstpointer data) {
        static const char *const ids[] = { "", "l", "..", "../../etc", "short" };
        g_autoptr(ImageRecord) image = pull(fixture);
        char *path = NULL;

        for (size_t i = 0; i < G_N_ELEMENTS(ids); i++) {
                g_assert_false(rootfs_create(fixture->store, ids[i], image, NULL, &path, NULL));
                g_assert_false(rootfs_unmount(fixture->store, ids[i], NULL));
                g_assert_false(rootfs_remove(fixture->store, ids[i], NULL));
        }
        g_assert_null(path);
}

static void test_layer_is_no_root(TestStore *fixture, gconstpointer data) {
        g_autoptr(ImageRecord) image = pull(fixture);
        g_autofree char *path = test_layer_path(&plain, 1, "diff/two");

        g_assert_false(rootfs_remove(fixture->store, image->layers[1], NULL));
        g_assert_true(test_exists(fixture, path));
}

/* An image cannot go while a root uses it, and no root can be made of an image that went. */
static void test_use(TestStore *fixture, gconstpointer data) {
        g_autoptr(ImageRecord) image = pull(fixture);
        g_autofree char *id = id_new();
        g_autofree char *path = create(fixture, id, image);
        g_autofree char *other = id_new();
        g_autofree char *folder = g_build_filename("overlay", other, NULL);
        g_autoptr(GError) error = NULL;

        g_assert_false(store_remove_image(fixture->store, REPO ":1", NULL));
        /* Another daemon, the same answer. */
        test_store_open(fixture);
        g_assert_false(store_remove_image(fixture->store, REPO ":1", NULL));
        g_assert_true(exists(path, "one"));
        g_assert_true(rootfs_remove(fixture->store, id, NULL));
        g_assert_true(store_remove_image(fixture->store, REPO ":1", NULL));
        g_free(g_steal_pointer(&path));
        g_assert_false(rootfs_create(fixture->store, other, image, NULL, &path, &error));
        g_assert_error(error, ERROR_DOMAIN, ERROR_NOT_FOUND);
        g_assert_false(test_exists(fixture, folder));
}

static void *remove_image(void *data) {
        TestStore *fixture = data;

        return GINT_TO_POINTER(store_remove_image(fixture->store, REPO ":1", NULL));
}

static bool is_removing(Store *store, const char *id) {
        lock_guard(&store->lock);
        return g_hash_table_contains(store->removing, id);
}

/* A removal that has begun, and is held up by another program, already keeps new roots away. */
static void test_use_during_removal(TestStore *fixture, gconstpointer data) {
        g_autoptr(ImageRecord) image = pull(fixture);
        struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
        autofd int fd = openat(fixture->dfd, "overlay-layers/layers.lock", O_RDWR | O_CLOEXEC);
        g_autofree char *id = id_new();
        char *path = NULL;
        GThread *thread;

        g_assert_cmpint(fcntl(fd, F_OFD_SETLK, &lock), ==, 0);
        thread = g_thread_new("remove", remove_image, fixture);
        while (!is_removing(fixture->store, image->id))
                g_thread_yield();
        g_assert_false(rootfs_create(fixture->store, id, image, NULL, &path, NULL));
        fd_close(steal_fd(&fd));
        g_assert_true(GPOINTER_TO_INT(g_thread_join(thread)));
}

static void test_sweep(TestStore *fixture, gconstpointer data) {
        g_autoptr(ImageRecord) image = pull(fixture);
        g_autofree char *known_id = id_new(), *unknown_id = id_new();
        g_autofree char *known_path = create(fixture, known_id, image);
        g_autofree char *unknown_path = create(fixture, unknown_id, image);
        g_autoptr(GHashTable) known = g_hash_table_new(g_str_hash, g_str_equal);

        g_hash_table_add(known, known_id);
        test_store_open(fixture);
        rootfs_sweep(fixture->store, id_is_in_set, known);
        g_assert_true(exists(known_path, "one"));
        g_assert_false(g_file_test(unknown_path, G_FILE_TEST_EXISTS));
        g_hash_table_remove_all(known);
        rootfs_sweep(fixture->store, id_is_in_set, known);
        g_assert_false(g_file_test(known_path, G_FILE_TEST_EXISTS));
}

/* Far below what a path can name; made and removed level by level. */
static void make_deep(const char *folder, unsigned depth) {
        autofd int dfd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        for (unsigned i = 0; i < depth; i++) {
                int next;

                g_assert_cmpint(mkdirat(dfd, "deep", 0700), ==, 0);
                next = openat(dfd, "deep", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                fd_close(dfd);
                dfd = next;
        }
}

static void test_deep(TestStore *fixture, gconstpointer data) {
        g_autoptr(ImageRecord) image = pull(fixture);
        g_autofree char *id = id_new();
        g_autofree char *path = create(fixture, id, image);
        g_autofree char *upper = g_build_filename(fixture->root, "overlay", id, "diff", NULL);
        g_autoptr(GError) error = NULL;
        guint64 bytes, inodes;

        g_assert_true(rootfs_unmount(fixture->store, id, NULL));
        write_in(upper, "beside");
        make_deep(upper, 5000);
        rootfs_get_usage(fixture->store, id, &bytes, &inodes, &error);
        g_assert_no_error(error);
        g_assert_cmpuint(inodes, ==, 5002);
        rootfs_remove(fixture->store, id, &error);
        g_assert_no_error(error);
}

static void test_usage(TestStore *fixture, gconstpointer data) {
        g_autoptr(ImageRecord) image = pull(fixture);
        g_autofree char *id = id_new();
        g_autofree char *path = create(fixture, id, image);
        g_autofree char *file = g_build_filename(path, "file", NULL);
        g_autofree char *again = g_build_filename(path, "again", NULL);
        g_autofree char *data_text = g_malloc0(1 << 20);
        guint64 bytes, inodes, more_bytes, more_inodes;
        autofd int fd = -1;

        g_assert_true(rootfs_get_usage(fixture->store, id, &bytes, &inodes, NULL));
        g_assert_cmpuint(inodes, ==, 1);
        memset(data_text, 'x', 1 << 20);
        fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        g_assert_true(fd_write_all(fd, data_text, 1 << 20));
        g_assert_cmpint(fsync(fd), ==, 0);
        g_assert_cmpint(syncfs(fixture->dfd), ==, 0); /* blocks are counted once they are there */
        g_assert_cmpint(link(file, again), ==, 0);
        g_assert_true(rootfs_get_usage(fixture->store, id, &more_bytes, &more_inodes, NULL));
        g_assert_cmpuint(more_inodes, ==, 2);
        g_assert_cmpuint(more_bytes - bytes, >=, 1 << 20);
        g_assert_cmpuint(more_bytes - bytes, <, 2 << 20);
        g_assert_false(rootfs_get_usage(fixture->store, image->id, &bytes, &inodes, NULL));
        g_assert_true(rootfs_remove(fixture->store, id, NULL));
}

/* An image of many layers is mounted whole: the lowest and the highest are seen. The record is
 * made by hand, since 300 transactions would take long. */
static void test_many_lowers(TestStore *fixture, gconstpointer data) {
        g_autoptr(ImageRecord) base = pull(fixture);
        g_autoptr(ImageRecord) image = image_record_new();
        g_autoptr(GStrvBuilder) layers = g_strv_builder_new();
        g_autofree char *id = id_new();
        g_autofree char *path = NULL;

        for (unsigned i = 0; i < 300; i++) {
                g_autofree char *layer = id_new();
                g_autofree char *file = g_strdup_printf("overlay/%s/diff/file-%u", layer, i);

                test_write(fixture, file, "x");
                g_strv_builder_add(layers, layer);
        }
        g_free(image->id);
        image->id = g_strdup(base->id);
        g_strfreev(image->layers);
        image->layers = g_strv_builder_end(layers);
        path = create(fixture, id, image);
        g_assert_true(exists(path, "file-0"));
        g_assert_true(exists(path, "file-299"));
        write_in(path, "new");
        g_assert_true(rootfs_remove(fixture->store, id, NULL));
}

static void test_image_volume(TestStore *fixture, gconstpointer data) {
        static const char *const layers[] = { NULL, "two" };
        g_autofree char *target = g_build_filename(fixture->path, "volume", NULL);
        g_autofree char *note = NULL;
        g_autofree char *inside = g_build_filename(target, "new", NULL);

        g_assert_cmpint(mkdir(target, 0700), ==, 0);
        for (size_t i = 0; i < G_N_ELEMENTS(layers); i++) {
                TestImage made = plain;
                g_autoptr(ImageRecord) image = NULL;
                g_autoptr(GError) error = NULL;

                made.layers[1] = layers[i];
                test_image_pull(fixture, &made);
                test_store_open(fixture);
                image = store_find_image(fixture->store, REPO ":1");
                rootfs_mount_image(fixture->store, image, target, NULL, &error);
                g_assert_no_error(error);
                g_assert_true(rootfs_mount_image(fixture->store, image, target, NULL, NULL));
                g_assert_true(exists(target, "one"));
                g_assert_cmpint(exists(target, "two"), ==, layers[i] != NULL);
                g_assert_cmpint(mkdirat(AT_FDCWD, inside, 0700), ==, -1);

                /* Also for a daemon that starts later. */
                test_store_open(fixture);
                g_assert_false(store_remove_image(fixture->store, image->id, &error));
                g_assert_error(error, ERROR_DOMAIN, ERROR_FAILED_PRECONDITION);
                g_assert_nonnull(strstr(error->message, target));
                g_assert_true(rootfs_unmount_image(fixture->store, target, NULL));
                g_assert_true(rootfs_unmount_image(fixture->store, target, NULL));
                g_assert_true(store_remove_image(fixture->store, image->id, NULL));
        }
        note = g_build_filename(fixture->runroot, "image-mounts", "note", NULL);
        g_assert_true(g_file_set_contents(note, "torn", -1, NULL));
        test_store_open(fixture);
        g_assert_false(g_file_test(note, G_FILE_TEST_EXISTS));
}

#define ADD(name, test)                                                                            \
        g_test_add("/rootfs/" name, TestStore, NULL, test_store_set_up, test, test_store_tear_down)

int main(int argc, char **argv) {
        struct rlimit files = { .rlim_cur = 256, .rlim_max = 256 };

        g_test_init(&argc, &argv, NULL);
        /* Mounts of a namespace of our own go with it, whatever happens. */
        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
                printf("1..0 # SKIP needs root\n");
                return 0;
        }
        /* So that a walk that keeps every level open is found out. */
        setrlimit(RLIMIT_NOFILE, &files);
        ADD("life", test_life);
        ADD("root-attributes", test_root_attributes);
        ADD("without-image", test_without_image);
        ADD("again", test_again);
        ADD("after-crash", test_after_crash);
        ADD("half-made", test_half_made);
        ADD("bad-ids", test_bad_ids);
        ADD("layer-is-no-root", test_layer_is_no_root);
        ADD("use", test_use);
        ADD("use-during-removal", test_use_during_removal);
        ADD("sweep", test_sweep);
        ADD("deep", test_deep);
        ADD("usage", test_usage);
        ADD("many-lowers", test_many_lowers);
        ADD("image-volume", test_image_volume);
        return g_test_run();
}
