/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/id.h"
#include "storage/rootfs.h"
#include "storage/test-image.h"

#define REPO "a.b/c"
#define OTHER_ID "00000000000000000000000000000000000000000000000000000000000000aa"

static const TestImage plain = { .layers = { "one", "two" }, .names = { REPO ":1" },
                                 .digests = { REPO } };

/* The id that a text finds; NULL when it finds nothing. */
static char *find(TestStore *fixture, const char *text) {
        g_autoptr(ImageRecord) record = store_find_image(fixture->store, text);

        return record ? g_strdup(record->id) : NULL;
}

static void assert_finds(TestStore *fixture, const char *text, const char *id) {
        g_autofree char *found = find(fixture, text);

        g_assert_cmpstr(found, ==, id);
}

static void test_find(TestStore *fixture, gconstpointer data) {
        TestImage official = { .layers = { "one" }, .names = { "docker.io/library/busybox:latest" },
                               .digests = { "docker.io/library/busybox" }, .salt = "1" };
        TestImage other = { .layers = { "one" }, .names = { "quay.io/tools/box:2" },
                            .digests = { "quay.io/tools/box" }, .salt = "2" };
        TestImage local = { .layers = { "one" }, .names = { "localhost/mine:latest" },
                            .salt = "3" };
        g_autofree char *prefix = NULL, *with_algorithm = NULL, *with_tag = NULL;

        test_image_pull(fixture, &official);
        test_image_pull(fixture, &other);
        test_image_pull(fixture, &local);
        test_store_open(fixture);
        prefix = g_strndup(official.id, 12);
        with_algorithm = g_strconcat("sha256:", official.id, NULL);
        with_tag = g_strdup_printf("quay.io/tools/box:9@%s",
                                   strchr(other.repo_digests[0], '@') + 1);

        assert_finds(fixture, official.id, official.id);
        assert_finds(fixture, with_algorithm, official.id);
        assert_finds(fixture, prefix, official.id);
        assert_finds(fixture, "busybox", official.id);
        assert_finds(fixture, "busybox:latest", official.id);
        assert_finds(fixture, "docker.io/busybox", official.id);
        assert_finds(fixture, "index.docker.io/library/busybox:latest", official.id);
        assert_finds(fixture, "quay.io/tools/box:2", other.id);
        assert_finds(fixture, other.repo_digests[0], other.id);
        assert_finds(fixture, with_tag, other.id);
        assert_finds(fixture, "tools/box:2", other.id);
        assert_finds(fixture, "mine", local.id);
        assert_finds(fixture, "busybox:2", NULL);
        assert_finds(fixture, "quay.io/tools/box", NULL);
        assert_finds(fixture, "box:2", NULL);
        assert_finds(fixture, "", NULL);
        assert_finds(fixture, "sha256:", NULL);
        assert_finds(fixture, "../../etc", NULL);
}

/* Two images whose ids begin with the same three digits. */
static void make_twins(TestImage *ret_a, TestImage *ret_b) {
        g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);

        for (unsigned i = 0;; i++) {
                g_autofree char *salt = g_strdup_printf("%u", i);
                TestImage image = { .layers = { "one" }, .salt = salt };
                char *prefix;

                test_image_prepare(&image);
                prefix = g_strndup(image.id, 3);
                if (g_hash_table_contains(seen, prefix)) {
                        *ret_a = image;
                        ret_a->salt = g_intern_string(salt);
                        *ret_b = image;
                        ret_b->salt = g_intern_string(g_hash_table_lookup(seen, prefix));
                        g_free(prefix);
                        return;
                }
                g_hash_table_insert(seen, prefix, g_steal_pointer(&salt));
        }
}

/* A prefix of two images means neither, and one of two digits means nothing. */
static void test_prefix(TestStore *fixture, gconstpointer data) {
        TestImage a, b;
        g_autofree char *prefix = NULL;

        make_twins(&a, &b);
        test_image_pull(fixture, &a);
        test_store_open(fixture);
        prefix = g_strndup(a.id, 3);
        assert_finds(fixture, prefix, a.id);
        test_image_pull(fixture, &b);
        g_assert_true(store_reload(fixture->store, NULL));
        assert_finds(fixture, prefix, NULL);
        g_assert_true(store_remove_image(fixture->store, b.id, NULL));
        prefix[2] = '\0';
        assert_finds(fixture, prefix, NULL);
}

/* A short name that two registries have means neither, unless one is the default registry,
 * or next, localhost. */
static void test_short_ambiguous(TestStore *fixture, gconstpointer data) {
        TestImage a = { .layers = { "one" }, .names = { "a.io/x/y:1" }, .salt = "a" };
        TestImage b = { .layers = { "one" }, .names = { "b.io/x/y:1" }, .salt = "b" };
        TestImage c = { .layers = { "one" }, .names = { "docker.io/x/y:1" }, .salt = "c" };
        TestImage local = { .layers = { "one" }, .names = { "localhost/x/y:1" }, .salt = "l" };

        test_image_pull(fixture, &a);
        test_store_open(fixture);
        assert_finds(fixture, "x/y:1", a.id);
        test_image_pull(fixture, &b);
        store_reload(fixture->store, NULL);
        assert_finds(fixture, "x/y:1", NULL);
        test_image_pull(fixture, &local);
        store_reload(fixture->store, NULL);
        assert_finds(fixture, "x/y:1", local.id);
        test_image_pull(fixture, &c);
        store_reload(fixture->store, NULL);
        assert_finds(fixture, "x/y:1", c.id);
}

/* A name of hex digits is a name, even if an image id begins like it. */
static void test_name_before_prefix(TestStore *fixture, gconstpointer data) {
        TestImage victim = { .layers = { "one" }, .salt = "victim" };
        TestImage named = { .layers = { "one" }, .salt = "named" };
        g_autofree char *prefix = NULL, *name = NULL;

        test_image_pull(fixture, &victim);
        prefix = g_strndup(victim.id, 8);
        name = g_strdup_printf("docker.io/library/%s:latest", prefix);
        named.names[0] = name;
        test_image_pull(fixture, &named);
        test_store_open(fixture);
        assert_finds(fixture, prefix, named.id);
}

static void test_remove_by_name(TestStore *fixture, gconstpointer data) {
        TestImage image = plain;
        g_autofree char *names = NULL;

        image.names[1] = "x.y/z:1";
        test_image_pull(fixture, &image);
        test_store_open(fixture);
        g_assert_true(store_remove_image(fixture->store, REPO ":1", NULL));
        assert_finds(fixture, REPO ":1", NULL);
        assert_finds(fixture, "x.y/z:1", image.id);
        /* The digest went with its repository. */
        assert_finds(fixture, image.repo_digests[0], NULL);
        g_assert_true(store_remove_image(fixture->store, "x.y/z:1", NULL));
        assert_finds(fixture, image.id, NULL);
        names = test_list(fixture, "overlay");
        g_assert_cmpstr(names, ==, ".staging l");
        g_free(names);
        names = test_list(fixture, "overlay/l");
        g_assert_cmpstr(names, ==, "");
        g_free(names);
        names = test_list(fixture, "overlay-images");
        g_assert_cmpstr(names, ==, "images.json images.lock");
        g_free(names);
        names = test_list(fixture, "overlay/.staging");
        g_assert_cmpstr(names, ==, "locks");
}

static void test_remove_by_id(TestStore *fixture, gconstpointer data) {
        TestImage image = plain;

        image.names[1] = "x.y/z:1";
        test_image_pull(fixture, &image);
        test_store_open(fixture);
        g_assert_true(store_remove_image(fixture->store, image.id, NULL));
        g_assert_cmpuint(test_count_images(fixture), ==, 0);
        g_assert_true(store_remove_image(fixture->store, image.id, NULL));
        g_assert_true(store_remove_image(fixture->store, "never/was:here", NULL));
}

static void test_remove_by_digest(TestStore *fixture, gconstpointer data) {
        TestImage image = plain;
        g_autoptr(ImageRecord) record = NULL;

        image.names[1] = REPO ":2";
        image.names[2] = REPO "d:1"; /* another repository with the same beginning */
        test_image_pull(fixture, &image);
        test_store_open(fixture);
        g_assert_true(store_remove_image(fixture->store, image.repo_digests[0], NULL));
        record = store_find_image(fixture->store, image.id);
        g_assert_cmpuint(g_strv_length(record->names), ==, 1);
        g_assert_cmpstr(record->names[0], ==, REPO "d:1");
        g_assert_cmpuint(g_strv_length(record->digests), ==, 0);
}

/* Pulled by digest: the digest is its name. */
static void test_pulled_by_digest(TestStore *fixture, gconstpointer data) {
        TestImage image = { .layers = { "one" }, .digests = { REPO } };
        g_autoptr(ImageRecord) record = NULL;

        test_image_prepare(&image);
        image.names[0] = image.repo_digests[0];
        test_image_pull(fixture, &image);
        test_store_open(fixture);
        record = store_find_image(fixture->store, image.repo_digests[0]);
        g_assert_cmpuint(g_strv_length(record->names), ==, 0);
        g_assert_cmpuint(g_strv_length(record->digests), ==, 1);
        g_assert_true(store_remove_image(fixture->store, image.repo_digests[0], NULL));
        g_assert_cmpuint(test_count_images(fixture), ==, 0);
}

/* Layers stay as long as one image has them. */
static void test_shared_layers(TestStore *fixture, gconstpointer data) {
        TestImage small = plain, large = plain;
        g_autofree char *one = test_layer_path(&plain, 0, "diff/one");
        g_autofree char *two = test_layer_path(&plain, 1, "diff/two");
        g_autofree char *three = NULL;

        small.layers[1] = NULL;
        small.names[0] = REPO ":small";
        large.layers[2] = "three";
        three = test_layer_path(&large, 2, "diff/three");
        test_image_pull(fixture, &small);
        test_image_pull(fixture, &large);
        test_store_open(fixture);
        g_assert_true(test_exists(fixture, three));
        g_assert_true(store_remove_image(fixture->store, large.id, NULL));
        g_assert_false(test_exists(fixture, three));
        g_assert_false(test_exists(fixture, two));
        g_assert_true(test_exists(fixture, one));
        g_assert_true(store_remove_image(fixture->store, small.id, NULL));
        g_assert_false(test_exists(fixture, one));
}

/* Layers that a container of podman or a transaction counts on stay. */
static void test_layers_of_others(TestStore *fixture, gconstpointer data) {
        TestImage image = plain, next = plain;
        g_autofree char *one = test_layer_path(&plain, 0, "diff/one");
        g_autofree char *two = test_layer_path(&plain, 1, "diff");
        g_autofree char *id = g_path_get_dirname(two);
        g_autofree char *text = NULL;
        StoreLayerState states[8];
        StoreTransaction *transaction;

        test_image_pull(fixture, &image);
        test_store_open(fixture);
        next.salt = "next";
        next.layers[1] = NULL;
        transaction = test_image_begin(fixture, &next, states);
        g_assert_cmpint(states[0], ==, STORE_LAYER_PRESENT);
        g_assert_true(store_remove_image(fixture->store, image.id, NULL));
        g_assert_false(test_exists(fixture, two));
        g_assert_true(test_exists(fixture, one));
        g_assert_true(test_image_commit(transaction, &next, NULL));
        store_transaction_free(transaction);
        g_assert_true(store_reload(fixture->store, NULL));
        assert_finds(fixture, REPO ":1", next.id);

        test_image_pull(fixture, &image);
        text = g_strdup_printf("[{\"id\":\"%s\",\"parent\":\"%s\"}]", OTHER_ID,
                               strchr(id, '/') + 1);
        test_write(fixture, "overlay-layers/volatile-layers.json", text);
        g_assert_true(store_reload(fixture->store, NULL));
        g_assert_true(store_remove_image(fixture->store, image.id, NULL));
        g_assert_true(test_exists(fixture, two));
}

/* When it cannot be told who uses a layer, none goes. */
static void test_unreadable_users(TestStore *fixture, gconstpointer data) {
        TestImage image = plain;
        g_autofree char *one = test_layer_path(&plain, 0, "diff/one");

        test_image_pull(fixture, &image);
        test_store_open(fixture);
        test_write(fixture, "overlay-containers/containers.json", "{");
        g_assert_false(store_remove_image(fixture->store, image.id, NULL));
        g_assert_true(test_exists(fixture, one));
        assert_finds(fixture, image.id, image.id);
}

/* Containers of podman keep their image too. */
static void test_used_by_podman(TestStore *fixture, gconstpointer data) {
        TestImage image = plain;
        g_autoptr(GError) error = NULL;
        g_autofree char *text = NULL;

        test_image_pull(fixture, &image);
        test_store_open(fixture);
        text = g_strdup_printf("[{\"id\":\"" OTHER_ID "\",\"image\":\"%s\"}]", image.id);
        test_write(fixture, "overlay-containers/containers.json", text);
        g_assert_false(store_remove_image(fixture->store, image.id, &error));
        g_assert_error(error, ERROR_DOMAIN, ERROR_FAILED_PRECONDITION);
        assert_finds(fixture, image.id, image.id);
        test_write(fixture, "overlay-containers/containers.json", "[]");
        test_write(fixture, "overlay-containers/volatile-containers.json", "");
        g_assert_true(store_remove_image(fixture->store, image.id, NULL));
}

/* A container's root is told by its mark, also by a daemon that has just started. */
static void test_in_use(TestStore *fixture, gconstpointer data) {
        TestImage image = plain;
        g_autoptr(GError) error = NULL;

        image.names[1] = "x.y/z:1";
        test_image_pull(fixture, &image);
        test_write(fixture, "overlay/" OTHER_ID "/image", image.id);
        test_store_open(fixture);
        g_assert_true(store_remove_image(fixture->store, REPO ":1", NULL));
        g_assert_false(store_remove_image(fixture->store, "x.y/z:1", &error));
        g_assert_error(error, ERROR_DOMAIN, ERROR_FAILED_PRECONDITION);
        g_assert_nonnull(strstr(error->message, OTHER_ID));
        g_assert_false(store_remove_image(fixture->store, image.id, NULL));
        assert_finds(fixture, "x.y/z:1", image.id);
        g_assert_true(rootfs_remove(fixture->store, OTHER_ID, NULL));
        g_assert_true(store_remove_image(fixture->store, "x.y/z:1", NULL));
        g_assert_cmpuint(test_count_images(fixture), ==, 0);
}

static void test_usage(TestStore *fixture, gconstpointer data) {
        TestImage small = plain, large = plain;
        g_autofree char *path = NULL, *wanted = NULL;
        guint64 bytes, inodes;

        large.layers[2] = "three";
        test_image_pull(fixture, &small);
        test_image_pull(fixture, &large);
        test_store_open(fixture);
        store_get_usage(fixture->store, &path, &bytes, &inodes);
        wanted = g_build_filename(fixture->root, "overlay-images", NULL);
        g_assert_cmpstr(path, ==, wanted);
        g_assert_cmpuint(bytes, ==, 300);
        g_assert_cmpuint(inodes, ==, 6);
}

/* What an earlier snapshot holds stays valid. */
static void test_snapshot(TestStore *fixture, gconstpointer data) {
        TestImage image = plain;
        g_autoptr(GPtrArray) list = NULL;

        test_image_pull(fixture, &image);
        test_store_open(fixture);
        list = store_list_images(fixture->store);
        g_assert_true(store_remove_image(fixture->store, image.id, NULL));
        g_assert_cmpstr(((ImageRecord *) list->pdata[0])->names[0], ==, REPO ":1");
}

/* Readers hold on to what they found while others pull and remove. */
static void *read_thread(void *data) {
        TestStore *fixture = data;

        for (unsigned i = 0; i < 300; i++) {
                g_autoptr(ImageRecord) record = store_find_image(fixture->store, REPO ":1");
                g_autoptr(GPtrArray) list = store_list_images(fixture->store);

                g_assert_true(!record || id_is_valid(record->id));
                for (unsigned k = 0; k < list->len; k++)
                        g_assert_true(id_is_valid(((ImageRecord *) list->pdata[k])->id));
        }
        return NULL;
}

static void *remove_thread(void *data) {
        TestStore *fixture = data;

        for (unsigned i = 0; i < 10; i++) {
                g_autoptr(GError) error = NULL;

                store_remove_image(fixture->store, REPO ":1", &error);
                g_assert_no_error(error);
        }
        return NULL;
}

static void *pull_thread(void *data) {
        TestStore *fixture = data;

        for (unsigned i = 0; i < 10; i++) {
                TestImage image = plain;

                test_image_pull(fixture, &image);
                g_assert_true(store_reload(fixture->store, NULL));
        }
        return NULL;
}

static void test_concurrent(TestStore *fixture, gconstpointer data) {
        static const GThreadFunc functions[] = { read_thread, read_thread, remove_thread,
                                                 pull_thread };
        GThread *threads[G_N_ELEMENTS(functions)];

        test_store_open(fixture);
        for (unsigned i = 0; i < G_N_ELEMENTS(threads); i++)
                threads[i] = g_thread_new("store", functions[i], fixture);
        for (unsigned i = 0; i < G_N_ELEMENTS(threads); i++)
                g_thread_join(threads[i]);
        g_assert_true(store_remove_image(fixture->store, REPO ":1", NULL));
        test_store_open(fixture);
        g_assert_cmpuint(test_count_images(fixture), ==, 0);
}

#define ADD(name, test)                                                                            \
        g_test_add("/store/" name, TestStore, NULL, test_store_set_up, test, test_store_tear_down)

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        ADD("find", test_find);
        ADD("prefix", test_prefix);
        ADD("short-ambiguous", test_short_ambiguous);
        ADD("name-before-prefix", test_name_before_prefix);
        ADD("remove-by-name", test_remove_by_name);
        ADD("remove-by-id", test_remove_by_id);
        ADD("remove-by-digest", test_remove_by_digest);
        ADD("pulled-by-digest", test_pulled_by_digest);
        ADD("shared-layers", test_shared_layers);
        ADD("layers-of-others", test_layers_of_others);
        ADD("unreadable-users", test_unreadable_users);
        ADD("used-by-podman", test_used_by_podman);
        ADD("in-use", test_in_use);
        ADD("usage", test_usage);
        ADD("snapshot", test_snapshot);
        ADD("concurrent", test_concurrent);
        return g_test_run();
}
