/* SPDX-License-Identifier: Apache-2.0 */
#include "image/decompress.h"

#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "base/error.h"

/* Text that compresses well and runs over several output chunks. */
static GByteArray *make_plain(size_t size) {
        GByteArray *plain = g_byte_array_sized_new((guint) size);
        guint32 state = 12345;

        while (plain->len < size) {
                char line[64];

                state = state * 1103515245u + 12345u;
                g_snprintf(line, sizeof(line), "line %u of a layer, %u\n", plain->len, state >> 20);
                g_byte_array_append(plain, (const guint8 *) line, (guint) strlen(line));
        }
        g_byte_array_set_size(plain, (guint) size);
        return plain;
}

static GByteArray *gzip(const guint8 *data, size_t length, const char *name) {
        guint bound = (guint) compressBound(length) + 1024;
        GByteArray *packed = g_byte_array_new();
        z_stream stream = { 0 };
        gz_header header = { .name = (Bytef *) name, .comment = (Bytef *) name,
        .hcrc = name != NULL };

        g_byte_array_set_size(packed, bound);
        g_assert_cmpint(deflateInit2(&stream, 6, Z_DEFLATED, MAX_WBITS + 16, 8, 0), ==, Z_OK);
        if (name)
                deflateSetHeader(&stream, &header);
        stream.next_in = (Bytef *) data;
        stream.avail_in = (uInt) length;
        stream.next_out = packed->data;
        stream.avail_out = bound;
        g_assert_cmpint(deflate(&stream, Z_FINISH), ==, Z_STREAM_END);
        g_byte_array_set_size(packed, (guint) stream.total_out);
        deflateEnd(&stream);
        return packed;
}

static GByteArray *zstd(const guint8 *data, size_t length) {
        GByteArray *packed = g_byte_array_new();
        size_t bound = ZSTD_compressBound(length);

        g_byte_array_set_size(packed, (guint) bound);
        bound = ZSTD_compress(packed->data, bound, data, length, 3);
        g_assert_false(ZSTD_isError(bound));
        g_byte_array_set_size(packed, (guint) bound);
        return packed;
}

static void append(GByteArray *array, const GByteArray *more) {
        g_byte_array_append(array, more->data, more->len);
}

/* All that comes out, or NULL with @error. */
static GByteArray *unpack(const GByteArray *packed, size_t chunk, Compression *compression,
                          GError **error) {
        g_autoptr(Source) source =
                decompress_new(source_new_memory(packed->data, packed->len, chunk), compression);
        g_autoptr(GByteArray) all = g_byte_array_new();
        const guint8 *data;
        ssize_t count;

        while ((count = source_read(source, &data, error)) > 0)
                g_byte_array_append(all, data, (guint) count);
        if (count < 0)
                return NULL;
        g_assert_cmpint(source_read(source, &data, error), ==, 0);
        return g_steal_pointer(&all);
}

static void assert_unpacks(const GByteArray *packed, size_t chunk, const GByteArray *plain,
                           Compression expected) {
        Compression compression = COMPRESSION_NONE;
        g_autoptr(GError) error = NULL;
        g_autoptr(GByteArray) all = unpack(packed, chunk, &compression, &error);

        g_assert_no_error(error);
        g_assert_cmpmem(all->data, all->len, plain->data, plain->len);
        g_assert_cmpint(compression, ==, expected);
}

static void assert_refuses(const GByteArray *packed, size_t chunk) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GByteArray) all = unpack(packed, chunk, NULL, &error);

        g_assert_null(all);
        g_assert_error(error, ERROR_DOMAIN, ERROR_UNKNOWN);
}

static const size_t chunks[] = { 1, 2, 3, 7, 100, 4096, SOURCE_CHUNK };

static void test_kinds(void) {
        g_autoptr(GByteArray) plain = make_plain(700000);
        g_autoptr(GByteArray) gz = gzip(plain->data, plain->len, NULL);
        g_autoptr(GByteArray) named = gzip(plain->data, plain->len, "a long name of a file.tar");
        g_autoptr(GByteArray) zs = zstd(plain->data, plain->len);

        for (unsigned i = 0; i < G_N_ELEMENTS(chunks); i++) {
                assert_unpacks(plain, chunks[i], plain, COMPRESSION_NONE);
                assert_unpacks(gz, chunks[i], plain, COMPRESSION_GZIP);
                assert_unpacks(named, chunks[i], plain, COMPRESSION_GZIP);
                assert_unpacks(zs, chunks[i], plain, COMPRESSION_ZSTD);
        }
}

static void test_short(void) {
        static const size_t sizes[] = { 0, 1, 2, 3, 4, 5, SOURCE_CHUNK - 1, SOURCE_CHUNK,
                                        SOURCE_CHUNK + 1 };

        for (unsigned i = 0; i < G_N_ELEMENTS(sizes); i++) {
                g_autoptr(GByteArray) plain = make_plain(sizes[i]);
                g_autoptr(GByteArray) gz = gzip(plain->data, plain->len, NULL);
                g_autoptr(GByteArray) zs = zstd(plain->data, plain->len);

                assert_unpacks(plain, 1, plain, COMPRESSION_NONE);
                assert_unpacks(gz, SOURCE_CHUNK, plain, COMPRESSION_GZIP);
                assert_unpacks(zs, SOURCE_CHUNK, plain, COMPRESSION_ZSTD);
        }
}

/* Parallel compressors and lazy formats write many members; the border may be anywhere in a
 * chunk. */
static void test_members(void) {
        g_autoptr(GByteArray) first = make_plain(3000);
        g_autoptr(GByteArray) second = make_plain(1000);
        g_autoptr(GByteArray) gz = gzip(first->data, first->len, NULL);
        g_autoptr(GByteArray) gz_second = gzip(second->data, second->len, "x");
        g_autoptr(GByteArray) empty = gzip(NULL, 0, NULL);
        g_autoptr(GByteArray) zs = zstd(first->data, first->len);
        g_autoptr(GByteArray) zs_second = zstd(second->data, second->len);
        static const guint8 skippable[] = { 0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 'a', 'b', 'c' };

        append(gz, empty);
        append(gz, gz_second);
        append(gz, empty);
        g_byte_array_append(zs, skippable, sizeof(skippable));
        append(zs, zs_second);
        g_byte_array_append(zs, skippable, sizeof(skippable));
        append(first, second);
        for (size_t chunk = 1; chunk <= gz->len; chunk++)
                assert_unpacks(gz, chunk, first, COMPRESSION_GZIP);
        for (size_t chunk = 1; chunk <= zs->len; chunk++)
                assert_unpacks(zs, chunk, first, COMPRESSION_ZSTD);
}

/* Wherever it is cut, it is an error and not a shorter layer. */
static void test_truncated(void) {
        g_autoptr(GByteArray) plain = make_plain(5000);
        g_autoptr(GByteArray) gz = gzip(plain->data, plain->len, NULL);
        g_autoptr(GByteArray) zs = zstd(plain->data, plain->len);

        for (guint length = gz->len - 1; length >= 4; length--) {
                g_byte_array_set_size(gz, length);
                assert_refuses(gz, 13);
        }
        for (guint length = zs->len - 1; length >= 4; length--) {
                g_byte_array_set_size(zs, length);
                assert_refuses(zs, 13);
        }
}

static void test_corrupt(void) {
        g_autoptr(GByteArray) plain = make_plain(5000);
        g_autoptr(GByteArray) gz = gzip(plain->data, plain->len, NULL);
        g_autoptr(GByteArray) zs = zstd(plain->data, plain->len);

        gz->data[gz->len - 6] ^= 1; /* in the CRC */
        assert_refuses(gz, 4096);
        gz->data[gz->len - 6] ^= 1;
        gz->data[gz->len - 1] ^= 1; /* in the length */
        assert_refuses(gz, 4096);
        zs->data[4] ^= 8; /* a reserved bit of the frame header */
        assert_refuses(zs, 4096);
}

static void test_trailing(void) {
        g_autoptr(GByteArray) plain = make_plain(5000);
        g_autoptr(GByteArray) gz = gzip(plain->data, plain->len, NULL);
        g_autoptr(GByteArray) zs = zstd(plain->data, plain->len);

        for (unsigned i = 0; i < G_N_ELEMENTS(chunks); i++) {
                g_autoptr(GByteArray) more = g_byte_array_new();

                append(more, gz);
                g_byte_array_append(more, (const guint8 *) "rubbish at the end", 18);
                assert_refuses(more, chunks[i]);
                g_byte_array_set_size(more, 0);
                append(more, zs);
                g_byte_array_append(more, (const guint8 *) "rubbish at the end", 18);
                assert_refuses(more, chunks[i]);
        }
}

static void test_unsupported(void) {
        static const char *const texts[] = { "BZh91AY&SY", "\xfd" "7zXZ" };

        for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++) {
                g_autoptr(GByteArray) packed = g_byte_array_new();
                g_autoptr(GError) error = NULL;

                g_byte_array_append(packed, (const guint8 *) texts[i], (guint) strlen(texts[i]));
                g_assert_null(unpack(packed, 3, NULL, &error));
                g_assert_nonnull(strstr(error->message, "not supported"));
        }
}

/* The program runs once for each gzip decoder. */
static void add(const char *name, GTestFunc func) {
        g_autofree char *path = g_strconcat("/decompress/", name, NULL);

        g_test_add_func(path, func);
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        decompress_use_zlib(g_getenv("TEST_ZLIB") != NULL);
        add("kinds", test_kinds);
        add("short", test_short);
        add("members", test_members);
        add("truncated", test_truncated);
        add("corrupt", test_corrupt);
        add("trailing", test_trailing);
        add("unsupported", test_unsupported);
        return g_test_run();
}
