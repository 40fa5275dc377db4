/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "storage/test-image.h"

#define REPO "a.b/c"

/* Layers with one salt belong to the same chain. */
static const TestImage plain = { .layers = { "one", "two" }, .names = { REPO ":1" },
                                 .digests = { REPO } };

static bool has_layer(TestStore *fixture, const TestImage *image, unsigned index) {
        g_autofree char *path = test_layer_path(image, index, "diff");
        g_autofree char *id = g_path_get_dirname(path);

        return store_has_layer(fixture->root, strrchr(id, '/') + 1);
}

static mode_t mode_of(const TestStore *fixture, const char *path) {
        struct stat status;

        g_assert_cmpint(fstatat(fixture->dfd, path, &status, 0), ==, 0);
        return status.st_mode & 07777;
}

/* Nothing is seen before the commit, everything after it. */
static void test_commit(TestStore *fixture, gconstpointer data) {
        TestImage image = plain;
        StoreLayerState states[8];
        g_autoptr(StoreTransaction) transaction = test_image_begin(fixture, &image, states);
        g_autoptr(ImageRecord) record = NULL;
        g_autoptr(GError) error = NULL;

        g_assert_cmpint(states[0], ==, STORE_LAYER_OURS);
        g_assert_cmpint(states[1], ==, STORE_LAYER_OURS);
        test_image_fill(transaction, &image, 1);
        test_image_fill(transaction, &image, 0);
        test_store_open(fixture);
        g_assert_null(store_find_image(fixture->store, REPO ":1"));
        g_assert_false(has_layer(fixture, &image, 0));

        test_image_commit(transaction, &image, &error);
        g_assert_no_error(error);
        g_assert_true(has_layer(fixture, &image, 0));
        g_assert_null(store_find_image(fixture->store, REPO ":1"));
        g_assert_true(store_reload(fixture->store, NULL));
        record = store_find_image(fixture->store, REPO ":1");
        g_assert_nonnull(record);
        g_assert_cmpstr(record->id, ==, image.id);
        g_assert_cmpuint(g_strv_length(record->layers), ==, 2);
        g_assert_cmpuint(record->size, ==, 200);
        g_assert_cmpstr(record->names[0], ==, REPO ":1");
        g_assert_cmpstr(record->digests[0], ==, image.repo_digests[0]);
}

/* The layout that podman reads. */
static void test_layout(TestStore *fixture, gconstpointer data) {
        TestImage image = plain;
        g_autofree char *bottom = NULL, *top = NULL, *link = NULL, *lower = NULL, *wanted = NULL;
        g_autofree char *target = NULL, *names = NULL, *token = NULL;
        struct stat status;

        test_image_pull(fixture, &image);
        bottom = test_layer_path(&image, 0, "link");
        top = test_layer_path(&image, 1, "lower");
        link = test_read(fixture, bottom);
        lower = test_read(fixture, top);
        wanted = g_strconcat("l/", link, NULL);
        g_assert_cmpuint(strlen(link), ==, 26);
        g_assert_cmpstr(lower, ==, wanted);
        target = g_build_filename("overlay", wanted, "one", NULL);
        g_assert_true(test_exists(fixture, target));
        names = test_list(fixture, "overlay/.staging");
        g_assert_cmpstr(names, ==, "locks");
        g_free(names);
        names = test_list(fixture, "overlay/.staging/locks");
        g_assert_cmpstr(names, ==, "");
        g_assert_cmpint(fstatat(fixture->dfd, "overlay-images/images.lock", &status, 0), ==, 0);
        g_assert_cmpint(status.st_size, ==, 64);
}

static void test_modes(TestStore *fixture, gconstpointer data) {
        TestImage image = plain;
        g_autofree char *layer = test_layer_path(&image, 1, NULL);
        g_autofree char *diff = test_layer_path(&image, 1, "diff");

        g_assert_cmpint(fchmod(fixture->dfd, 0755), ==, 0);
        test_image_pull(fixture, &image);
        test_store_open(fixture);
        g_assert_cmpint(mode_of(fixture, "."), ==, 0711);
        g_assert_cmpint(mode_of(fixture, "overlay"), ==, 0700);
        g_assert_cmpint(mode_of(fixture, layer), ==, 0700);
        g_assert_cmpint(mode_of(fixture, diff), ==, 0555);
        g_assert_cmpint(mode_of(fixture, "overlay-images/images.json"), ==, 0600);
        g_assert_cmpint(mode_of(fixture, "../run") & 0066, ==, 0);
}

/* A root that the archive says nothing about is like the one below. */
static void test_root_inherited(TestStore *fixture, gconstpointer data) {
        TestImage image = plain;
        StoreLayerState states[8];
        StoreLayerInfo info = { .compressed_digest = digest_of("z", 1), .root_given = true };
        g_autoptr(StoreTransaction) transaction = test_image_begin(fixture, &image, states);
        g_autofree char *diff = test_layer_path(&image, 1, "diff");
        autofd int dfd = store_transaction_add_layer(transaction, 0, NULL);

        g_assert_cmpint(fchmod(dfd, 01777), ==, 0);
        g_assert_true(store_transaction_finish_layer(transaction, 0, &info, NULL));
        test_image_fill(transaction, &image, 1);
        g_assert_true(test_image_commit(transaction, &image, NULL));
        g_assert_cmpint(mode_of(fixture, diff), ==, 01777);
}

static void test_abandoned(TestStore *fixture, gconstpointer data) {
        TestImage image = plain;
        StoreLayerState states[8];
        StoreTransaction *transaction = test_image_begin(fixture, &image, states);
        g_autofree char *names = NULL;

        test_image_fill(transaction, &image, 0);
        store_transaction_free(transaction);
        names = test_list(fixture, "overlay");
        g_assert_cmpstr(names, ==, ".staging l");
        g_free(names);
        names = test_list(fixture, "overlay/.staging");
        g_assert_cmpstr(names, ==, "locks");
}

static void test_unfinished_refused(TestStore *fixture, gconstpointer data) {
        TestImage image = plain;
        StoreLayerState states[8];
        g_autoptr(StoreTransaction) transaction = test_image_begin(fixture, &image, states);
        g_autoptr(GError) error = NULL;

        test_image_fill(transaction, &image, 0);
        g_assert_false(test_image_commit(transaction, &image, &error));
        g_assert_nonnull(strstr(error->message, "not finished"));
        g_assert_false(test_exists(fixture, "overlay-images/images.json"));
}

static void test_wrong_config_refused(TestStore *fixture, gconstpointer data) {
        TestImage image = { .names = { REPO ":1" } };
        StoreLayerState states[8];
        g_autoptr(StoreTransaction) transaction = test_image_begin(fixture, &image, states);
        g_autoptr(GError) error = NULL;

        image.config[0] = ' ';
        g_assert_false(test_image_commit(transaction, &image, &error));
        g_assert_nonnull(strstr(error->message, "not the digest"));
}

static void test_bad_name_refused(TestStore *fixture, gconstpointer data) {
        static const char *const names[] = { "short", "a.b/c", "a.b/../c:1", REPO ":1@sha256:x" };

        for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
                TestImage image = { .names = { names[i] } };
                StoreLayerState states[8];
                g_autoptr(StoreTransaction) transaction = test_image_begin(fixture, &image, states);

                g_assert_false(test_image_commit(transaction, &image, NULL));
        }
}

static void test_too_many_layers(TestStore *fixture, gconstpointer data) {
        g_autoptr(StoreTransaction) transaction = store_transaction_begin(fixture->root, NULL);
        g_autofree Digest *digests = g_new0(Digest, STORE_LAYER_LIMIT + 1);
        g_autofree StoreLayerState *states = g_new0(StoreLayerState, STORE_LAYER_LIMIT + 1);
        g_autoptr(GError) error = NULL;

        for (unsigned i = 0; i <= STORE_LAYER_LIMIT; i++)
                digests[i] = digest_of(&i, sizeof(i));
        g_assert_false(store_transaction_want(transaction, digests, STORE_LAYER_LIMIT + 1, states,
                                              &error));
        g_assert_error(error, ERROR_DOMAIN, ERROR_INVALID_ARGUMENT);
}

static void test_name_moves(TestStore *fixture, gconstpointer data) {
        TestImage old = plain, fresh = plain;
        g_autoptr(ImageRecord) record = NULL;
        g_autoptr(ImageRecord) untagged = NULL;

        fresh.salt = "fresh";
        test_image_pull(fixture, &old);
        test_image_pull(fixture, &fresh);
        test_store_open(fixture);
        record = store_find_image(fixture->store, REPO ":1");
        g_assert_cmpstr(record->id, ==, fresh.id);
        untagged = store_find_image(fixture->store, old.id);
        g_assert_nonnull(untagged);
        g_assert_cmpuint(g_strv_length(untagged->names), ==, 0);
        g_assert_cmpstr(untagged->digests[0], ==, old.repo_digests[0]);
}

/* The same image by another name keeps the old names and digests. */
static void test_second_name(TestStore *fixture, gconstpointer data) {
        TestImage image = plain;
        StoreLayerState states[8];
        g_autoptr(ImageRecord) record = NULL;
        StoreTransaction *transaction;

        test_image_pull(fixture, &image);
        image.names[0] = "x.y/z:2";
        image.digests[0] = "x.y/z";
        transaction = test_image_begin(fixture, &image, states);
        g_assert_cmpint(states[0], ==, STORE_LAYER_PRESENT);
        g_assert_true(test_image_commit(transaction, &image, NULL));
        store_transaction_free(transaction);
        test_store_open(fixture);
        record = store_find_image(fixture->store, REPO ":1");
        g_assert_cmpuint(g_strv_length(record->names), ==, 2);
        g_assert_cmpuint(g_strv_length(record->digests), ==, 2);
        g_assert_true(g_str_has_prefix(record->digests[0], "x.y/z@"));
        g_assert_cmpuint(test_count_images(fixture), ==, 1);
}

/* A layer that another transaction fetches is waited for, and is there afterwards. */
static void test_elsewhere(TestStore *fixture, gconstpointer data) {
        TestImage first = plain, second = plain;
        StoreLayerState states[8];
        StoreTransaction *a = test_image_begin(fixture, &first, states);
        g_autoptr(StoreTransaction) b = NULL;
        g_autoptr(GError) error = NULL;
        bool present = false;

        second.salt = "second";
        second.layers[2] = "three";
        b = test_image_begin(fixture, &second, states);
        g_assert_cmpint(states[0], ==, STORE_LAYER_ELSEWHERE);
        g_assert_cmpint(states[1], ==, STORE_LAYER_ELSEWHERE);
        g_assert_cmpint(states[2], ==, STORE_LAYER_OURS);
        test_image_fill(b, &second, 2);
        g_assert_false(test_image_commit(b, &second, &error));
        g_assert_nonnull(strstr(error->message, "not finished"));

        test_image_fill(a, &first, 0);
        test_image_fill(a, &first, 1);
        g_assert_true(test_image_commit(a, &first, NULL));
        store_transaction_free(a);
        for (unsigned i = 0; i < 2; i++) {
                g_assert_true(store_transaction_wait_layer(b, i, &present, NULL));
                g_assert_true(present);
        }
}

static void *free_transaction(void *data) {
        store_transaction_free(data);
        return NULL;
}

/* Whoever fetched gives up while another waits: the other fetches. */
static void test_elsewhere_fails(TestStore *fixture, gconstpointer data) {
        TestImage image = plain;
        StoreLayerState states[8];
        StoreTransaction *a = test_image_begin(fixture, &image, states);
        g_autoptr(StoreTransaction) b = test_image_begin(fixture, &image, states);
        GThread *thread = g_thread_new("free", free_transaction, a);
        bool present = true;

        for (unsigned i = 0; i < 2; i++) {
                g_assert_true(store_transaction_wait_layer(b, i, &present, NULL));
                g_assert_false(present);
                test_image_fill(b, &image, i);
        }
        g_thread_join(thread);
        g_assert_true(test_image_commit(b, &image, NULL));
}

/* Two that both fetched the same layers: the later one takes those of the earlier. */
static void test_both_fetched(TestStore *fixture, gconstpointer data) {
        TestImage first = plain, second = plain;
        StoreLayerState states[8];
        StoreTransaction *gone = test_image_begin(fixture, &first, states);
        g_autoptr(StoreTransaction) a = test_image_begin(fixture, &first, states);
        g_autoptr(StoreTransaction) b = NULL;
        g_autofree char *lower_path = test_layer_path(&plain, 1, "lower");
        g_autofree char *link_path = test_layer_path(&plain, 0, "link");
        g_autofree char *link = NULL, *lower = NULL;
        g_autoptr(ImageRecord) record = NULL;
        g_autofree char *path = NULL;
        guint64 bytes, inodes;
        bool present;

        second.salt = "second";
        second.names[0] = REPO ":2";
        second.layers[2] = "three";
        b = test_image_begin(fixture, &second, states);
        store_transaction_free(gone);
        for (unsigned i = 0; i < 2; i++) {
                g_assert_true(store_transaction_wait_layer(a, i, &present, NULL));
                g_assert_true(store_transaction_wait_layer(b, i, &present, NULL));
                g_assert_false(present);
                test_image_fill(a, &first, i);
                test_image_fill(b, &second, i);
        }
        test_image_fill(b, &second, 2);
        g_assert_true(test_image_commit(a, &first, NULL));
        g_assert_true(test_image_commit(b, &second, NULL));
        test_store_open(fixture);
        record = store_find_image(fixture->store, REPO ":2");
        g_assert_cmpuint(g_strv_length(record->layers), ==, 3);
        store_get_usage(fixture->store, &path, &bytes, &inodes);
        g_assert_cmpuint(bytes, ==, 300); /* each layer is recorded once */
        g_free(lower_path);
        lower_path = test_layer_path(&second, 2, "lower");
        link = test_read(fixture, link_path);
        lower = test_read(fixture, lower_path);
        g_assert_true(g_str_has_suffix(lower, link));
}

/* A layer that was counted on and is removed by another program is noticed. */
static void test_layer_vanished(TestStore *fixture, gconstpointer data) {
        TestImage image = plain;
        StoreLayerState states[8];
        g_autoptr(StoreTransaction) transaction = NULL;
        g_autoptr(GError) error = NULL;

        test_image_pull(fixture, &image);
        transaction = test_image_begin(fixture, &image, states);
        test_write(fixture, "overlay-layers/layers.json", "[]");
        g_assert_false(test_image_commit(transaction, &image, &error));
        g_assert_error(error, ERROR_DOMAIN, ERROR_UNAVAILABLE);
}

/* Publishing fails, since an index file is a mount point that nothing can be renamed to: nothing
 * stays. */
static void test_failure_undone(TestStore *fixture, gconstpointer data) {
        g_autofree char *file = g_build_filename(fixture->root, data, NULL);
        TestImage small = plain, image = plain;
        StoreLayerState states[8];
        g_autoptr(StoreTransaction) transaction = NULL;
        g_autofree char *top = test_layer_path(&plain, 1, NULL);
        g_autofree char *bottom = test_layer_path(&plain, 0, NULL);
        g_autofree char *links = NULL, *layers = NULL, *folder = NULL;

        small.layers[1] = NULL;
        test_image_pull(fixture, &small);
        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
            mount(file, file, NULL, MS_BIND, NULL) < 0) {
                g_test_skip("needs root");
                return;
        }
        transaction = test_image_begin(fixture, &image, states);
        test_image_fill(transaction, &image, 1);
        g_assert_false(test_image_commit(transaction, &image, NULL));
        g_assert_cmpint(umount2(file, MNT_DETACH), ==, 0);
        g_assert_false(test_exists(fixture, top));
        g_assert_true(test_exists(fixture, bottom));
        links = test_list(fixture, "overlay/l");
        g_assert_cmpuint(strlen(links), ==, 26);
        layers = test_read(fixture, "overlay-layers/layers.json");
        g_assert_null(strstr(layers, strchr(top, '/') + 1));
        folder = g_build_filename("overlay-images", image.id, NULL);
        test_store_open(fixture);
        g_assert_false(test_exists(fixture, folder));
        g_assert_cmpuint(test_count_images(fixture), ==, 1);
}

/* An unreadable index is never taken for an empty one and written over. */
static void test_broken_index(TestStore *fixture, gconstpointer data) {
        static const char *const texts[] = { "", "{", "{}", "[{\"id\":1,\"id\":2}]" };
        TestImage image = plain;
        g_autofree char *diff = test_layer_path(&image, 1, "diff");

        test_image_pull(fixture, &image);
        for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
                g_autoptr(GError) error = NULL;
                g_autofree char *text = NULL;

                test_write(fixture, "overlay-images/images.json", texts[i]);
                g_assert_null(store_open(fixture->root, fixture->runroot, &error));
                g_assert_nonnull(strstr(error->message, "images.json"));
                text = test_read(fixture, "overlay-images/images.json");
                g_assert_cmpstr(text, ==, texts[i]);
                g_assert_true(test_exists(fixture, diff));
        }
}

/* Several at once, in threads: each has its own open lock files, as processes would. */
static void *pull_thread(void *data) {
        TestStore *fixture = data;

        for (unsigned i = 0; i < 8; i++) {
                g_autofree char *salt = g_strdup_printf("%p-%u", (void *) g_thread_self(), i);
                TestImage image = { .layers = { "one", "two" }, .salt = salt };
                StoreLayerState states[8];
                g_autoptr(StoreTransaction) transaction = test_image_begin(fixture, &image, states);
                bool present;

                for (unsigned k = 0; k < 2; k++) {
                        present = states[k] == STORE_LAYER_PRESENT;
                        if (states[k] == STORE_LAYER_ELSEWHERE)
                                g_assert_true(store_transaction_wait_layer(transaction, k, &present,
                                                                           NULL));
                        if (!present)
                                test_image_fill(transaction, &image, k);
                }
                g_assert_true(test_image_commit(transaction, &image, NULL));
        }
        return NULL;
}

static void test_concurrent(TestStore *fixture, gconstpointer data) {
        GThread *threads[4];

        for (unsigned i = 0; i < G_N_ELEMENTS(threads); i++)
                threads[i] = g_thread_new("pull", pull_thread, fixture);
        for (unsigned i = 0; i < G_N_ELEMENTS(threads); i++)
                g_thread_join(threads[i]);
        test_store_open(fixture);
        g_assert_cmpuint(test_count_images(fixture), ==, 8 * G_N_ELEMENTS(threads));
}

/* A start-up does not take the staging of a living transaction. */
static void test_start_spares_the_living(TestStore *fixture, gconstpointer data) {
        TestImage image = plain;
        StoreLayerState states[8];
        g_autoptr(StoreTransaction) transaction = test_image_begin(fixture, &image, states);

        test_image_fill(transaction, &image, 0);
        test_store_open(fixture);
        test_image_fill(transaction, &image, 1);
        g_assert_true(test_image_commit(transaction, &image, NULL));
}

static void test_adopt(TestStore *fixture, gconstpointer data) {
        TestImage image = plain;
        g_autoptr(ImageRecord) record = image_record_new();
        g_autoptr(ImageRecord) found = NULL;
        g_autofree char *path = NULL, *config_key = NULL, *config_name = NULL;
        g_autoptr(GBytes) config = NULL;
        g_auto(GStrv) foreign = NULL;

        test_image_pull(fixture, &image);
        path = g_build_filename("overlay-images", image.id, "record.json", NULL);
        g_assert_cmpint(unlinkat(fixture->dfd, path, 0), ==, 0);
        test_store_open(fixture);
        g_assert_null(store_find_image(fixture->store, REPO ":1"));
        foreign = store_list_foreign(fixture->store);
        g_assert_cmpuint(g_strv_length(foreign), ==, 1);
        g_assert_cmpstr(foreign[0], ==, image.id);

        config_key = g_strconcat("sha256:", image.id, NULL);
        config = store_read_image_file(fixture->root, image.id, config_key, 4096, NULL);
        g_assert_cmpuint(g_bytes_get_size(config), ==, strlen(image.config));
        g_assert_null(store_read_image_file(fixture->root, image.id, config_key, 4, NULL));
        config_name = store_file_name(config_key);
        test_write(fixture, config_name, "outside");
        g_assert_null(store_read_image_file(fixture->root, "..", config_key, 4096, NULL));

        g_free(record->id);
        record->id = g_strdup(image.id);
        g_assert_true(store_adopt_image(fixture->root, record, NULL));
        g_assert_true(store_reload(fixture->store, NULL));
        found = store_find_image(fixture->store, REPO ":1");
        g_assert_cmpstr(found->id, ==, image.id);
        g_assert_cmpstr(found->digests[0], ==, image.repo_digests[0]);
}

#define ADD(name, test)                                                                            \
        g_test_add("/store-write/" name, TestStore, NULL, test_store_set_up, test,                 \
                   test_store_tear_down)

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        ADD("commit", test_commit);
        ADD("layout", test_layout);
        ADD("modes", test_modes);
        ADD("root-inherited", test_root_inherited);
        ADD("abandoned", test_abandoned);
        ADD("unfinished-refused", test_unfinished_refused);
        ADD("wrong-config-refused", test_wrong_config_refused);
        ADD("bad-name-refused", test_bad_name_refused);
        ADD("too-many-layers", test_too_many_layers);
        ADD("name-moves", test_name_moves);
        ADD("second-name", test_second_name);
        ADD("elsewhere", test_elsewhere);
        ADD("elsewhere-fails", test_elsewhere_fails);
        ADD("both-fetched", test_both_fetched);
        ADD("layer-vanished", test_layer_vanished);
        g_test_add("/store-write/failure-undone/layers", TestStore, "overlay-layers/layers.json",
                   test_store_set_up, test_failure_undone, test_store_tear_down);
        g_test_add("/store-write/failure-undone/images", TestStore, "overlay-images/images.json",
                   test_store_set_up, test_failure_undone, test_store_tear_down);
        ADD("broken-index", test_broken_index);
        ADD("concurrent", test_concurrent);
        ADD("start-spares-the-living", test_start_spares_the_living);
        ADD("adopt", test_adopt);
        return g_test_run();
}
