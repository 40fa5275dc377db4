/* SPDX-License-Identifier: Apache-2.0 */
#include "image/fetch.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/tree.h"
#include "image/report.h"

#define BLOCK 512
#define TRAILING (3 * SOURCE_CHUNK)

typedef struct Fixture {
        char *base;
        int dfds[2];
        GByteArray *tar;
        GByteArray *blob;
        FetchLayer layer;
} Fixture;

static int make_folder(const char *base, const char *name) {
        g_autofree char *path = g_build_filename(base, name, NULL);

        g_assert_cmpint(mkdir(path, 0700), ==, 0);
        return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* One file of the oldest format, the end of the archive, and a block that no reader looks at. */
static GByteArray *make_tar(void) {
        GByteArray *tar = g_byte_array_new();
        guint8 *header;
        unsigned sum = 0;

        g_byte_array_set_size(tar, 5 * BLOCK + TRAILING);
        header = tar->data;
        memset(header, 0, tar->len);
        memcpy(header, "file", 4);
        memcpy(header + 100, "0000644\0000000000\0000000000\00000000000005\00000000000000", 47);
        memset(header + 148, ' ', 8);
        header[156] = '0';
        for (unsigned i = 0; i < BLOCK; i++)
                sum += header[i];
        g_snprintf((char *) header + 148, 8, "%06o", sum);
        memcpy(header + BLOCK, "hello", 5);
        memcpy(header + 4 * BLOCK, "trailing data", 13);
        return tar;
}

static GByteArray *gzip(const GByteArray *plain) {
        GByteArray *packed = g_byte_array_new();
        z_stream stream = { 0 };

        g_byte_array_set_size(packed, plain->len + 1024);
        g_assert_cmpint(deflateInit2(&stream, 6, Z_DEFLATED, MAX_WBITS + 16, 8, 0), ==, Z_OK);
        stream.next_in = plain->data;
        stream.avail_in = plain->len;
        stream.next_out = packed->data;
        stream.avail_out = packed->len;
        g_assert_cmpint(deflate(&stream, Z_FINISH), ==, Z_STREAM_END);
        g_byte_array_set_size(packed, (guint) stream.total_out);
        deflateEnd(&stream);
        return packed;
}

static Digest digest(const GByteArray *bytes) {
        g_autoptr(Hash) hash = hash_new();

        hash_update(hash, bytes->data, bytes->len);
        return hash_take(hash);
}

static void set_up(Fixture *fixture, gconstpointer data) {
        fixture->base = g_dir_make_tmp("fetch-XXXXXX", NULL);
        fixture->dfds[0] = make_folder(fixture->base, "one");
        fixture->dfds[1] = make_folder(fixture->base, "two");
        fixture->tar = make_tar();
        fixture->blob = gzip(fixture->tar);
        fixture->layer = (FetchLayer) { .dfds = fixture->dfds, .n_dfds = 2 };
        fixture->layer.blob.digest = digest(fixture->blob);
        fixture->layer.blob.size = fixture->blob->len;
        fixture->layer.diff = digest(fixture->tar);
        fixture->layer.two_threads = data != NULL;
}

static void tear_down(Fixture *fixture, gconstpointer data) {
        fd_close(fixture->dfds[0]);
        fd_close(fixture->dfds[1]);
        g_assert_true(tree_remove(AT_FDCWD, fixture->base, NULL));
        g_byte_array_unref(fixture->tar);
        g_byte_array_unref(fixture->blob);
        g_free(fixture->base);
}

static bool fetch(Fixture *fixture, size_t length, GError **error) {
        return fetch_layer(&fixture->layer, source_new_memory(fixture->blob->data, length, 100),
                           error);
}

static void assert_fails(Fixture *fixture, size_t length, const char *why) {
        g_autoptr(GError) error = NULL;

        g_assert_false(fetch(fixture, length, &error));
        if (!strstr(error->message, why))
                g_error("\"%s\" is not in \"%s\"", why, error->message);
        g_assert_nonnull(strstr(error->message, "layer sha256:"));
}

/* The digest of the content covers what comes after the archive. */
static void test_good(Fixture *fixture, gconstpointer data) {
        g_autoptr(GError) error = NULL;

        fetch(fixture, fixture->blob->len, &error);
        g_assert_no_error(error);
        for (unsigned i = 0; i < 2; i++) {
                g_autofree char *text = NULL;

                g_assert_true(file_read(fixture->dfds[i], "file", 100, &text, NULL, NULL));
                g_assert_cmpstr(text, ==, "hello");
        }
        g_assert_cmpuint(fixture->layer.info.compression, ==, 2);
        g_assert_cmpuint(fixture->layer.info.entries, ==, 1);
        g_assert_cmpuint(fixture->layer.info.compressed_size, ==, fixture->blob->len);
        g_assert_cmpuint(fixture->layer.info.diff_size, ==, fixture->tar->len);
        g_assert_cmpstr(fixture->layer.info.compressed_digest.text, ==,
                        fixture->layer.blob.digest.text);
        g_assert_false(fixture->layer.info.root_given);
}

static void test_wrong_blob(Fixture *fixture, gconstpointer data) {
        fixture->layer.blob.digest = fixture->layer.diff;
        assert_fails(fixture, fixture->blob->len, "its bytes have the digest");
}

static void test_wrong_diff(Fixture *fixture, gconstpointer data) {
        fixture->layer.diff = fixture->layer.blob.digest;
        assert_fails(fixture, fixture->blob->len, "the image configuration says");
}

static void test_wrong_size(Fixture *fixture, gconstpointer data) {
        fixture->layer.blob.size++;
        assert_fails(fixture, fixture->blob->len, "the manifest says");
}

static void test_truncated(Fixture *fixture, gconstpointer data) {
        assert_fails(fixture, fixture->blob->len - 1, "ends before its time");
}

#define ADD(name, func)                                                                            \
        g_test_add("/fetch/" name, Fixture, NULL, set_up, func, tear_down);                        \
        g_test_add("/fetch/two-threads/" name, Fixture, "two", set_up, func, tear_down)

int main(int argc, char **argv) {
        autofd int null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

        g_test_init(&argc, &argv, NULL);
        umask(0);
        report_set_fd(null_fd);
        ADD("good", test_good);
        ADD("wrong-blob", test_wrong_blob);
        ADD("wrong-diff", test_wrong_diff);
        ADD("wrong-size", test_wrong_size);
        ADD("truncated", test_truncated);
        return g_test_run();
}
