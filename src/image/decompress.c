/* SPDX-License-Identifier: Apache-2.0 */
#include "image/decompress.h"

#include <string.h>

#include "base/error.h"
#include "image/decompress-private.h"

#define MAGIC_LENGTH 4

typedef struct DecompressSource {
        Source source;
        Source *input;
        const DecoderOps *ops; /* NULL: plain */
        Decoder *decoder;
        Compression *ret_compression;

        guint8 start[MAGIC_LENGTH]; /* the first bytes, when they came one by one */
        size_t start_length;
        bool started;

        const guint8 *in; /* what is left of the last chunk */
        size_t in_length;
        bool in_ended;
        bool between; /* no member is open: the input may end here */
        guint8 *out;
} DecompressSource;

static bool use_zlib;

void decompress_use_zlib(bool use) {
        use_zlib = use;
}

static const DecoderOps *gzip_ops(void) {
#ifdef HAVE_ISAL
        if (!use_zlib)
                return &decoder_igzip;
#endif
        return &decoder_zlib;
}

/* Skippable frames (zstd:chunked begins none with them, but may) count as zstd. */
static bool is_zstd(const guint8 *start) {
        static const guint8 frame[] = { 0x28, 0xb5, 0x2f, 0xfd };
        static const guint8 skippable[] = { 0x2a, 0x4d, 0x18 };

        return memcmp(start, frame, sizeof(frame)) == 0 ||
               ((start[0] & 0xf0) == 0x50 && memcmp(start + 1, skippable, sizeof(skippable)) == 0);
}

static bool fill(DecompressSource *self, GError **error) {
        ssize_t count = source_read(self->input, &self->in, error);

        self->in_length = count > 0 ? (size_t) count : 0;
        self->in_ended = count == 0;
        return count >= 0;
}

/* Read until the magic can be told; a chunk that is long enough stays where it is. */
static bool read_start(DecompressSource *self, GError **error) {
        if (!fill(self, error))
                return false;
        if (self->in_length >= MAGIC_LENGTH) {
                memcpy(self->start, self->in, MAGIC_LENGTH);
                return true;
        }
        while (!self->in_ended && self->start_length < MAGIC_LENGTH) {
                size_t count = MIN(self->in_length, MAGIC_LENGTH - self->start_length);

                memcpy(self->start + self->start_length, self->in, count);
                self->start_length += count;
                self->in += count;
                self->in_length -= count;
                if (self->in_length == 0 && !fill(self, error))
                        return false;
        }
        return true;
}

/* Two that old tools wrote and that no registry format names; as plain data they would only look
 * corrupt. */
static bool check_supported(const guint8 *start, GError **error) {
        if (memcmp(start, "BZh", 3) == 0 || memcmp(start, "\xfd" "7zX", 4) == 0)
                return fail(error, ERROR_UNKNOWN,
                            "the layer is compressed with %s, which is not supported: push the "
                            "image again with gzip or zstd layers",
                            *start == 'B' ? "bzip2" : "xz");
        return true;
}

static bool begin(DecompressSource *self, GError **error) {
        Compression found = COMPRESSION_NONE;

        if (!read_start(self, error) || !check_supported(self->start, error))
                return false;
        if (self->start[0] == 0x1f && self->start[1] == 0x8b)
                found = COMPRESSION_GZIP;
        else if (is_zstd(self->start))
                found = COMPRESSION_ZSTD;
        if (found == COMPRESSION_GZIP)
                self->ops = gzip_ops();
        else if (found == COMPRESSION_ZSTD)
                self->ops = &decoder_zstd;
        if (self->ops) {
                self->decoder = self->ops->new();
                self->out = g_malloc(SOURCE_CHUNK);
                self->between = true;
        }
        if (self->ret_compression)
                *self->ret_compression = found;
        self->started = true;
        return true;
}

/* The kept first bytes go before the rest of their chunk. */
static bool next_input(DecompressSource *self, const guint8 **ret_data, size_t *ret_length,
                       GError **error) {
        if (self->start_length > 0) {
                *ret_data = self->start;
                *ret_length = self->start_length;
                return true;
        }
        if (self->in_length == 0 && !self->in_ended && !fill(self, error))
                return false;
        *ret_data = self->in;
        *ret_length = self->in_length;
        return true;
}

static void use_input(DecompressSource *self, size_t count) {
        if (self->start_length > 0) {
                memmove(self->start, self->start + count, self->start_length - count);
                self->start_length -= count;
                return;
        }
        self->in += count;
        self->in_length -= count;
}

static ssize_t read_plain(DecompressSource *self, const guint8 **ret_data, GError **error) {
        size_t length;

        if (!next_input(self, ret_data, &length, error))
                return -1;
        use_input(self, length);
        return (ssize_t) length;
}

static ssize_t corrupt(DecompressSource *self, const char *why, GError **error) {
        fail(error, ERROR_UNKNOWN, "corrupt %s data: %s", self->ops->name, why);
        return -1;
}

/* One step: 1 go on, 0 the end, -1 with @error; @buffer->out_length bytes were added. */
static int step(DecompressSource *self, DecodeBuffer *buffer, GError **error) {
        DecodeOutcome outcome;
        size_t length;

        if (!next_input(self, &buffer->in, &buffer->in_length, error))
                return -1;
        length = buffer->in_length;
        if (length == 0 && self->between)
                return 0;
        if (self->between)
                self->ops->reset(self->decoder);
        self->between = false;
        buffer->out_length = 0;
        outcome = self->ops->step(self->decoder, buffer);
        use_input(self, length - buffer->in_length);
        self->between = outcome == DECODE_END;
        if (outcome == DECODE_CORRUPT)
                return (int) corrupt(self, self->ops->get_problem(self->decoder), error);
        if (outcome == DECODE_MORE && buffer->out_length == 0 && buffer->in_length == length)
                return (int) corrupt(self,
                                     length ? "it makes no progress" : "it ends before its time",
                                     error);
        return 1;
}

static ssize_t decompress_read(Source *source, const guint8 **ret_data, GError **error) {
        DecompressSource *self = (DecompressSource *) source;
        DecodeBuffer buffer = { 0 };
        size_t filled = 0;
        int more = 1;

        if (!self->started && !begin(self, error))
                return -1;
        if (!self->ops)
                return read_plain(self, ret_data, error);
        while (more > 0 && filled < SOURCE_CHUNK) {
                buffer.out = self->out + filled;
                buffer.out_room = SOURCE_CHUNK - filled;
                more = step(self, &buffer, error);
                filled += more > 0 ? buffer.out_length : 0;
        }
        *ret_data = self->out;
        return more < 0 ? -1 : (ssize_t) filled;
}

static void decompress_free(Source *source) {
        DecompressSource *self = (DecompressSource *) source;

        if (self->decoder)
                self->ops->free(self->decoder);
        source_free(self->input);
        g_free(self->out);
        g_free(self);
}

Source *decompress_new(Source *take_input, Compression *ret_compression) {
        DecompressSource *self = g_new0(DecompressSource, 1);

        self->source = (Source) { decompress_read, decompress_free };
        self->input = take_input;
        self->ret_compression = ret_compression;
        return &self->source;
}
