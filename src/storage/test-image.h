/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* test-image - a store in a directory of its own, and images made of nothing, for the tests here.
 * */

#include "storage/store-private.h"
#include "storage/store-write.h"

typedef struct TestStore {
        char *path;    /* of the whole; removed at the end */
        char *root;
        char *runroot;
        int dfd;       /* of root */
        Store *store;  /* NULL until test_store_open() */
} TestStore;

void test_store_set_up(TestStore *fixture, gconstpointer data);
void test_store_tear_down(TestStore *fixture, gconstpointer data);

/* Open the store, again if it is open: as a daemon that starts. */
void test_store_open(TestStore *fixture);

/* What an image is made of. Each layer has a file named like it with its name as content. */
typedef struct TestImage {
        const char *layers[8];  /* bottom first; a text stands for a diff */
        const char *names[4];   /* stored references */
        const char *digests[4]; /* repositories; the digest of the manifest is added */
        const char *salt;       /* makes images of the same layers differ */
        char id[72];            /* set by test_image_prepare() */
        char config[512];
        char manifest[512];
        char repo_digests[4][256];
} TestImage;

void test_image_prepare(TestImage *image);
Digest test_diff_digest(const char *layer);

/* "overlay/<layer id>/@rest"; NULL @rest: the layer itself. Free with g_free(). */
char *test_layer_path(const TestImage *image, unsigned index, const char *rest);
unsigned test_count_images(TestStore *fixture);

/* begin and want; @ret_states has room for 8. */
StoreTransaction *test_image_begin(TestStore *fixture, TestImage *image,
                                   StoreLayerState *ret_states);
void test_image_fill(StoreTransaction *transaction, const TestImage *image, unsigned index);
bool test_image_commit(StoreTransaction *transaction, TestImage *image, GError **error);

/* All of it. */
void test_image_pull(TestStore *fixture, TestImage *image);

/* Names of a directory, sorted and joined by blanks, below the root. Free with g_free(). */
char *test_list(const TestStore *fixture, const char *path);
bool test_exists(const TestStore *fixture, const char *path);
void test_write(const TestStore *fixture, const char *path, const char *text);
char *test_read(const TestStore *fixture, const char *path);
