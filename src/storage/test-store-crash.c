/* SPDX-License-Identifier: Apache-2.0 */

/* What a crash can leave, made by hand, and what a start makes of it. */

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/tree.h"
#include "storage/test-image.h"

#define REPO "a.b/c"
#define ID_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ID_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static const TestImage plain = { .layers = { "one", "two" }, .names = { REPO ":1" },
                                 .digests = { REPO } };

static void pull(TestStore *fixture, TestImage *image) {
        *image = plain;
        test_image_pull(fixture, image);
}

static void assert_whole(TestStore *fixture) {
        g_autoptr(ImageRecord) record = store_find_image(fixture->store, REPO ":1");

        g_assert_nonnull(record);
        for (unsigned i = 0; record->layers[i]; i++) {
                g_autofree char *diff = g_build_filename("overlay", record->layers[i], "diff",
                                                         NULL);

                g_assert_true(test_exists(fixture, diff));
        }
}

/* Killed while it unpacked. */
static void test_staging(TestStore *fixture, gconstpointer data) {
        TestImage image;
        g_autofree char *names = NULL;

        pull(fixture, &image);
        test_write(fixture, "overlay/.staging/0123/" ID_A "/diff/file", "x");
        test_write(fixture, "overlay/.staging/locks/" ID_A, "");
        test_store_open(fixture);
        names = test_list(fixture, "overlay/.staging");
        g_assert_cmpstr(names, ==, "locks");
        g_free(names);
        names = test_list(fixture, "overlay/.staging/locks");
        g_assert_cmpstr(names, ==, "");
        assert_whole(fixture);
}

/* Killed between the rename and the record of the layer. */
static void test_layer_without_record(TestStore *fixture, gconstpointer data) {
        TestImage image;

        pull(fixture, &image);
        test_write(fixture, "overlay/" ID_A "/diff/file", "x");
        test_write(fixture, "overlay/" ID_A "/link", "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
        g_assert_cmpint(symlinkat("../" ID_A "/diff", fixture->dfd,
                                  "overlay/l/ABCDEFGHIJKLMNOPQRSTUVWXYZ"), ==, 0);
        test_store_open(fixture);
        g_assert_false(test_exists(fixture, "overlay/" ID_A));
        g_assert_false(test_exists(fixture, "overlay/l/ABCDEFGHIJKLMNOPQRSTUVWXYZ"));
        assert_whole(fixture);
}

/* A layer that podman made for a container, and a container root of ours, have no record in
 * layers.json and stay all the same. */
static void test_others_stay(TestStore *fixture, gconstpointer data) {
        TestImage image;

        pull(fixture, &image);
        test_write(fixture, "overlay/" ID_A "/diff/file", "x");
        test_write(fixture, "overlay-layers/volatile-layers.json", "[{\"id\":\"" ID_A "\"}]");
        test_write(fixture, "overlay/" ID_B "/image", "");
        test_write(fixture, "overlay/.has-mount-program", "false");
        test_store_open(fixture);
        g_assert_true(test_exists(fixture, "overlay/" ID_A "/diff/file"));
        g_assert_true(test_exists(fixture, "overlay/" ID_B));
        g_assert_true(test_exists(fixture, "overlay/.has-mount-program"));
}

/* Killed between the records of the layers and that of the image: the layers go, once nobody claims
 * them. */
static void test_layers_without_image(TestStore *fixture, gconstpointer data) {
        TestImage image;
        g_autofree char *names = NULL;

        pull(fixture, &image);
        test_write(fixture, "overlay-images/images.json", "[]");
        test_store_open(fixture);
        names = test_list(fixture, "overlay");
        g_assert_cmpstr(names, ==, ".staging l");
        g_free(names);
        names = test_list(fixture, "overlay-images");
        g_assert_cmpstr(names, ==, "images.json images.lock");
}

/* The same for layers that podman wrote: perhaps a build of it is running. */
static void test_foreign_layers_stay(TestStore *fixture, gconstpointer data) {
        test_write(fixture, "overlay/" ID_A "/diff/file", "x");
        test_write(fixture, "overlay-layers/layers.json", "[{\"id\":\"" ID_A "\"}]");
        test_store_open(fixture);
        g_assert_true(test_exists(fixture, "overlay/" ID_A "/diff/file"));
}

/* A layer is gone: that image goes, any other stays. */
static void test_missing_layer(TestStore *fixture, gconstpointer data) {
        TestImage image, broken = plain;
        g_autofree char *three = NULL, *text = NULL;

        pull(fixture, &image);
        broken.names[0] = REPO ":broken";
        broken.layers[2] = "three";
        test_image_pull(fixture, &broken);
        three = test_layer_path(&broken, 2, NULL);
        g_assert_true(tree_remove(fixture->dfd, three, NULL));
        test_store_open(fixture);
        g_assert_null(store_find_image(fixture->store, REPO ":broken"));
        text = test_read(fixture, "overlay-images/images.json");
        g_assert_null(strstr(text, broken.id));
        assert_whole(fixture);

        test_image_pull(fixture, &broken);
        test_store_open(fixture);
        g_assert_cmpuint(test_count_images(fixture), ==, 2);
        assert_whole(fixture);
}

/* The layers of a foreign image may be in another store. */
static void test_foreign_image_stays(TestStore *fixture, gconstpointer data) {
        g_autofree char *text = NULL;

        test_write(fixture, "overlay-images/images.json",
                   "[{\"id\":\"" ID_A "\",\"layer\":\"" ID_B "\",\"names\":[\"a.b/c:1\"]}]");
        test_write(fixture, "overlay-images/" ID_A "/manifest", "{}");
        test_store_open(fixture);
        g_assert_cmpuint(test_count_images(fixture), ==, 0);
        text = test_read(fixture, "overlay-images/images.json");
        g_assert_nonnull(strstr(text, ID_A));
        g_assert_true(test_exists(fixture, "overlay-images/" ID_A "/manifest"));
}

/* A layer that podman had not finished does not count as there. */
static void test_incomplete_layer(TestStore *fixture, gconstpointer data) {
        test_write(fixture, "overlay/" ID_A "/diff/file", "x");
        test_write(fixture, "overlay-layers/layers.json",
                   "[{\"id\":\"" ID_A "\",\"flags\":{\"incomplete\":true}}]");
        g_assert_false(store_has_layer(fixture->root, ID_A));
        test_write(fixture, "overlay-layers/layers.json", "[{\"id\":\"" ID_A "\"}]");
        g_assert_true(store_has_layer(fixture->root, ID_A));
}

static void test_image_without_entry(TestStore *fixture, gconstpointer data) {
        TestImage image;

        pull(fixture, &image);
        test_write(fixture, "overlay-images/" ID_A "/manifest", "{}");
        test_store_open(fixture);
        g_assert_false(test_exists(fixture, "overlay-images/" ID_A));
        assert_whole(fixture);
}

/* A leftover where a new layer is to be. */
static void test_pull_over_leftover(TestStore *fixture, gconstpointer data) {
        TestImage image = plain;
        g_autofree char *junk = test_layer_path(&image, 0, "diff/junk");
        g_autofree char *good = test_layer_path(&image, 0, "diff/one");

        test_write(fixture, junk, "x");
        pull(fixture, &image);
        g_assert_false(test_exists(fixture, junk));
        g_assert_true(test_exists(fixture, good));
}

/* A record that is another image's, or is damaged, does not stand for an image. */
static void test_bad_record(TestStore *fixture, gconstpointer data) {
        TestImage image, other = plain;
        g_autofree char *path = NULL, *from = NULL, *text = NULL;
        g_auto(GStrv) foreign = NULL;

        pull(fixture, &image);
        other.salt = "other";
        other.names[0] = REPO ":2";
        test_image_pull(fixture, &other);
        path = g_build_filename("overlay-images", image.id, "record.json", NULL);
        from = g_build_filename("overlay-images", other.id, "record.json", NULL);
        text = test_read(fixture, from);
        test_write(fixture, path, text);
        test_store_open(fixture);
        g_assert_null(store_find_image(fixture->store, REPO ":1"));
        foreign = store_list_foreign(fixture->store);
        g_assert_cmpstr(foreign[0], ==, image.id);

        test_write(fixture, path, "{\"version\":1");
        test_store_open(fixture);
        g_assert_null(store_find_image(fixture->store, REPO ":1"));
        g_assert_cmpuint(test_count_images(fixture), ==, 1);
}

/* Layers that are each other's parents, and a chain that is too long to mount. */
static void test_hostile_chain(TestStore *fixture, gconstpointer data) {
        TestImage image;
        g_autofree char *text = NULL;

        pull(fixture, &image);
        test_write(fixture, "overlay/" ID_A "/diff/x", "");
        test_write(fixture, "overlay/" ID_B "/diff/x", "");
        test_write(fixture, "overlay-layers/layers.json",
                   "[{\"id\":\"" ID_A "\",\"parent\":\"" ID_B "\"},"
                   "{\"id\":\"" ID_B "\",\"parent\":\"" ID_A "\"}]");
        text = g_strdup_printf("[{\"id\":\"%s\",\"layer\":\"" ID_A "\",\"names\":[\"a.b/c:1\"]}]",
                               image.id);
        test_write(fixture, "overlay-images/images.json", text);
        test_store_open(fixture);
        g_assert_cmpuint(test_count_images(fixture), ==, 0);
}

/* Another program holds the index: the start does not wait for it. */
static void test_busy(TestStore *fixture, gconstpointer data) {
        struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
        TestImage image;
        autofd int fd = -1;

        pull(fixture, &image);
        fd = openat(fixture->dfd, "overlay-layers/layers.lock", O_RDWR | O_CLOEXEC);
        g_assert_cmpint(fcntl(fd, F_OFD_SETLK, &lock), ==, 0);
        test_store_open(fixture);
        assert_whole(fixture);
}

#define ADD(name, test)                                                                            \
        g_test_add("/store-crash/" name, TestStore, NULL, test_store_set_up, test,                 \
                   test_store_tear_down)

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        ADD("staging", test_staging);
        ADD("layer-without-record", test_layer_without_record);
        ADD("others-stay", test_others_stay);
        ADD("layers-without-image", test_layers_without_image);
        ADD("foreign-layers-stay", test_foreign_layers_stay);
        ADD("missing-layer", test_missing_layer);
        ADD("foreign-image-stays", test_foreign_image_stays);
        ADD("incomplete-layer", test_incomplete_layer);
        ADD("image-without-entry", test_image_without_entry);
        ADD("pull-over-leftover", test_pull_over_leftover);
        ADD("bad-record", test_bad_record);
        ADD("hostile-chain", test_hostile_chain);
        ADD("busy", test_busy);
        return g_test_run();
}
