/* SPDX-License-Identifier: Apache-2.0 */
#include "image/fetch.h"

#include "base/clock.h"
#include "base/error.h"
#include "image/cancel.h"
#include "image/decompress.h"
#include "image/queue.h"
#include "image/report.h"
#include "image/tar.h"
#include "image/unpack.h"

#define REPORT_INTERVAL (USEC_PER_SEC / 4)

/* containers/storage counts compressions so */
static const unsigned store_compression[] = {
        [COMPRESSION_NONE] = 0,
        [COMPRESSION_GZIP] = 2,
        [COMPRESSION_ZSTD] = 4,
};

/* Tells the daemon how far the blob is, and hears whether the worker is to stop. */
typedef struct ProgressSource {
        Source source;
        Source *input;
        const Descriptor *blob;
        guint64 offset;
        gint64 reported_usec;
} ProgressSource;

static ssize_t progress_read(Source *source, const guint8 **ret_data, GError **error) {
        ProgressSource *progress = (ProgressSource *) source;
        gint64 now = clock_monotonic_usec();
        ssize_t count;

        if (!cancel_check(error))
                return -1;
        count = source_read(progress->input, ret_data, error);
        if (count <= 0)
                return count;
        progress->offset += (guint64) count;
        if (now - progress->reported_usec >= REPORT_INTERVAL ||
            progress->offset == progress->blob->size) {
                progress->reported_usec = now;
                report_progress(progress->blob->digest.text, progress->offset,
                                progress->blob->size);
        }
        return count;
}

static void progress_free(Source *source) {
        ProgressSource *progress = (ProgressSource *) source;

        source_free(progress->input);
        g_free(progress);
}

static Source *progress_new(Source *take_input, const Descriptor *blob) {
        ProgressSource *progress = g_new0(ProgressSource, 1);

        progress->source = (Source) { progress_read, progress_free };
        progress->input = take_input;
        progress->blob = blob;
        return &progress->source;
}

/* All that follows is done for every place that wants this layer. */

static bool begin_entry(const GPtrArray *unpacks, const TarEntry *entry, GError **error) {
        for (guint i = 0; i < unpacks->len; i++)
                if (!unpack_begin(unpacks->pdata[i], entry, error))
                        return false;
        return true;
}

static bool copy_data(const GPtrArray *unpacks, TarReader *reader, GError **error) {
        const void *data;
        size_t length;
        gint64 offset;
        int more;

        while ((more = tar_reader_data(reader, &data, &length, &offset, error)) > 0)
                for (guint i = 0; i < unpacks->len; i++)
                        if (!unpack_data(unpacks->pdata[i], data, length, offset, error))
                                return false;
        return more == 0;
}

static bool end_entry(const GPtrArray *unpacks, const TarEntry *entry, GError **error) {
        for (guint i = 0; i < unpacks->len; i++)
                if (!unpack_end(unpacks->pdata[i], entry, error))
                        return false;
        return true;
}

static bool write_entry(const GPtrArray *unpacks, const TarEntry *entry, TarReader *reader,
                        GError **error) {
        bool has_data = entry->type == S_IFREG && !entry->is_hard_link && entry->size > 0;

        return begin_entry(unpacks, entry, error) &&
               (!has_data || copy_data(unpacks, reader, error)) && end_entry(unpacks, entry, error);
}

static bool unpack_all(FetchLayer *layer, TarReader *reader, GError **error) {
        g_autoptr(GPtrArray) unpacks =
                g_ptr_array_new_with_free_func((GDestroyNotify) unpack_free);
        UnpackTotals totals = { 0 };
        const TarEntry *entry;
        int more;

        for (unsigned i = 0; i < layer->n_dfds; i++)
                g_ptr_array_add(unpacks, unpack_new(layer->dfds[i]));
        while ((more = tar_reader_next(reader, &entry, error)) > 0)
                if (!write_entry(unpacks, entry, reader, error))
                        return false;
        if (more < 0 || !tar_reader_drain(reader, error))
                return false;
        for (guint i = 0; i < unpacks->len; i++)
                if (!unpack_finish(unpacks->pdata[i], &totals, error))
                        return false;
        layer->info.entries = totals.entries;
        layer->info.root_given = totals.root_given;
        return true;
}

static bool verify(FetchLayer *layer, Hash *blob_hash, Hash *diff_hash, GError **error) {
        Digest blob = hash_take(blob_hash);
        Digest diff = hash_take(diff_hash);

        if (layer->info.compressed_size != layer->blob.size)
                return fail(error, ERROR_UNKNOWN,
                            "it has %" G_GUINT64_FORMAT " bytes, the manifest says %"
                            G_GUINT64_FORMAT, layer->info.compressed_size, layer->blob.size);
        if (!digest_equal(&blob, &layer->blob.digest))
                return fail(error, ERROR_UNKNOWN,
                            "its bytes have the digest %s: the registry or something on the way "
                            "changed them", blob.text);
        if (!digest_equal(&diff, &layer->diff))
                return fail(error, ERROR_UNKNOWN,
                            "its content has the digest %s, the image configuration says %s",
                            diff.text, layer->diff.text);
        layer->info.compressed_digest = blob;
        return true;
}

bool fetch_layer(FetchLayer *layer, Source *take_blob, GError **error) {
        g_autoptr(Hash) blob_hash = hash_new();
        g_autoptr(Hash) diff_hash = hash_new();
        g_autoptr(TarReader) reader = NULL;
        Compression compression = COMPRESSION_NONE;
        Source *source = progress_new(take_blob, &layer->blob);

        source = source_new_hash(source, blob_hash, &layer->info.compressed_size);
        source = decompress_new(source, &compression);
        source = source_new_hash(source, diff_hash, &layer->info.diff_size);
        if (layer->two_threads)
                source = queue_new(source);
        reader = tar_reader_new(source);
        if (!unpack_all(layer, reader, error) || !verify(layer, blob_hash, diff_hash, error)) {
                g_prefix_error(error, "layer %s: ", layer->blob.digest.text);
                return false;
        }
        layer->info.compression = store_compression[compression];
        return true;
}
