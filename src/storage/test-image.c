/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/test-image.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/log.h"
#include "base/tree.h"

void test_store_set_up(TestStore *fixture, gconstpointer data) {
        fixture->path = g_dir_make_tmp("store-XXXXXX", NULL);
        fixture->root = g_build_filename(fixture->path, "root", NULL);
        fixture->runroot = g_build_filename(fixture->path, "run", NULL);
        g_assert_true(dir_make(AT_FDCWD, fixture->root, 0755, NULL));
        fixture->dfd = dir_open(AT_FDCWD, fixture->root, NULL);
        fixture->store = NULL;
        log_set_level(LOG_LEVEL_ERROR);
}

void test_store_tear_down(TestStore *fixture, gconstpointer data) {
        g_autoptr(GError) error = NULL;

        store_free(fixture->store);
        fd_close(fixture->dfd);
        tree_remove(AT_FDCWD, fixture->path, &error);
        g_assert_no_error(error);
        g_free(fixture->path);
        g_free(fixture->root);
        g_free(fixture->runroot);
}

void test_store_open(TestStore *fixture) {
        g_autoptr(GError) error = NULL;

        store_free(fixture->store);
        fixture->store = store_open(fixture->root, fixture->runroot, &error);
        g_assert_no_error(error);
}

Digest test_diff_digest(const char *layer) {
        return digest_of(layer, strlen(layer));
}

char *test_layer_path(const TestImage *image, unsigned index, const char *rest) {
        g_autofree char *id = NULL;

        for (unsigned i = 0; i <= index; i++) {
                Digest digest = test_diff_digest(image->layers[i]);
                char *next = store_layer_id(id, &digest);

                g_free(id);
                id = next;
        }
        return g_build_filename("overlay", id, rest, NULL);
}

unsigned test_count_images(TestStore *fixture) {
        g_autoptr(GPtrArray) images = store_list_images(fixture->store);

        return images->len;
}

static unsigned count_layers(const TestImage *image) {
        unsigned count = 0;

        while (count < G_N_ELEMENTS(image->layers) && image->layers[count])
                count++;
        return count;
}

void test_image_prepare(TestImage *image) {
        const char *salt = image->salt ? image->salt : "";
        Digest digest;

        snprintf(image->config, sizeof(image->config), "{\"config\":{},\"salt\":\"%s\"}", salt);
        for (unsigned i = 0; i < count_layers(image); i++)
                g_strlcat(image->config, image->layers[i], sizeof(image->config));
        digest = digest_of(image->config, strlen(image->config));
        snprintf(image->id, sizeof(image->id), "%s", digest_hex(&digest));
        snprintf(image->manifest, sizeof(image->manifest), "{\"of\":\"%s\"}", image->id);
        digest = digest_of(image->manifest, strlen(image->manifest));
        for (unsigned i = 0; i < G_N_ELEMENTS(image->digests) && image->digests[i]; i++)
                snprintf(image->repo_digests[i], sizeof(image->repo_digests[i]), "%s@%s",
                         image->digests[i], digest.text);
}

StoreTransaction *test_image_begin(TestStore *fixture, TestImage *image,
                                   StoreLayerState *ret_states) {
        g_autoptr(GError) error = NULL;
        StoreTransaction *transaction = store_transaction_begin(fixture->root, &error);
        Digest digests[G_N_ELEMENTS(image->layers)];

        g_assert_no_error(error);
        test_image_prepare(image);
        for (unsigned i = 0; i < count_layers(image); i++)
                digests[i] = test_diff_digest(image->layers[i]);
        store_transaction_want(transaction, digests, count_layers(image), ret_states, &error);
        g_assert_no_error(error);
        return transaction;
}

void test_image_fill(StoreTransaction *transaction, const TestImage *image, unsigned index) {
        const char *layer = image->layers[index];
        g_autoptr(GError) error = NULL;
        StoreLayerInfo info = { .compressed_digest = digest_of("z", 1), .compressed_size = 10,
                                .diff_size = 100, .entries = 2, .compression = 2 };
        autofd int dfd = store_transaction_add_layer(transaction, index, &error);

        g_assert_no_error(error);
        g_assert_true(file_publish(dfd, layer, layer, strlen(layer), 0644, NULL));
        store_transaction_finish_layer(transaction, index, &info, &error);
        g_assert_no_error(error);
}

static void list_repo_digests(const TestImage *image, const char **ret_list) {
        unsigned count = 0;

        while (count < G_N_ELEMENTS(image->digests) && image->digests[count]) {
                ret_list[count] = image->repo_digests[count];
                count++;
        }
        ret_list[count] = NULL;
}

bool test_image_commit(StoreTransaction *transaction, TestImage *image, GError **error) {
        g_autoptr(ImageRecord) record = image_record_new();
        const char *manifests[] = { image->manifest };
        size_t lengths[] = { strlen(image->manifest) };
        const char *names[G_N_ELEMENTS(image->names) + 1] = { NULL };
        const char *digests[G_N_ELEMENTS(image->digests) + 1];
        StoreImage published = { .record = record, .names = names, .digests = digests,
                                 .manifests = manifests, .manifest_lengths = lengths,
                                 .n_manifests = 1, .config = image->config,
                                 .config_length = strlen(image->config) };

        memcpy(names, image->names, sizeof(image->names));
        list_repo_digests(image, digests);
        g_free(record->id);
        record->id = g_strdup(image->id);
        record->created_ns = G_GINT64_CONSTANT(1700000000000000000);
        return store_transaction_commit(transaction, &published, error);
}

void test_image_pull(TestStore *fixture, TestImage *image) {
        StoreLayerState states[G_N_ELEMENTS(image->layers)];
        g_autoptr(StoreTransaction) transaction = test_image_begin(fixture, image, states);
        g_autoptr(GError) error = NULL;

        for (unsigned i = 0; i < count_layers(image); i++)
                if (states[i] == STORE_LAYER_OURS)
                        test_image_fill(transaction, image, i);
        test_image_commit(transaction, image, &error);
        g_assert_no_error(error);
}

static int compare(gconstpointer a, gconstpointer b) {
        return strcmp(*(const char *const *) a, *(const char *const *) b);
}

char *test_list(const TestStore *fixture, const char *path) {
        g_autoptr(GPtrArray) names = dir_list(fixture->dfd, path, NULL);

        g_ptr_array_sort(names, compare);
        g_ptr_array_add(names, NULL);
        return g_strjoinv(" ", (GStrv) names->pdata);
}

bool test_exists(const TestStore *fixture, const char *path) {
        return faccessat(fixture->dfd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

void test_write(const TestStore *fixture, const char *path, const char *text) {
        g_autofree char *folder = g_path_get_dirname(path);

        g_assert_true(dir_make(fixture->dfd, folder, 0700, NULL));
        g_assert_true(file_publish(fixture->dfd, path, text, strlen(text), 0600, NULL));
}

char *test_read(const TestStore *fixture, const char *path) {
        char *text = NULL;

        g_assert_true(file_read(fixture->dfd, path, 1 << 20, &text, NULL, NULL));
        return text;
}
