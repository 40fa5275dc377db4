/* SPDX-License-Identifier: Apache-2.0 */
#include "image/decompress-private.h"

#include <zlib.h>

#ifdef HAVE_ISAL
#include <isa-l/igzip_lib.h>
#endif

/* zlib: everywhere */

static Decoder *zlib_new(void) {
        z_stream *stream = g_new0(z_stream, 1);

        if (inflateInit2(stream, MAX_WBITS + 16) != Z_OK)
                g_error("zlib refuses to work");
        return (Decoder *) stream;
}

static DecodeOutcome zlib_step(Decoder *decoder, DecodeBuffer *buffer) {
        z_stream *stream = (z_stream *) decoder;
        int result;

        stream->next_in = (guint8 *) buffer->in;
        stream->avail_in = (uInt) buffer->in_length;
        stream->next_out = buffer->out;
        stream->avail_out = (uInt) buffer->out_room;
        result = inflate(stream, Z_NO_FLUSH);
        buffer->in = stream->next_in;
        buffer->in_length = stream->avail_in;
        buffer->out_length = buffer->out_room - stream->avail_out;
        if (result == Z_STREAM_END)
                return DECODE_END;
        return result == Z_OK || result == Z_BUF_ERROR ? DECODE_MORE : DECODE_CORRUPT;
}

static void zlib_reset(Decoder *decoder) {
        inflateReset((z_stream *) decoder);
}

static const char *zlib_problem(Decoder *decoder) {
        const z_stream *stream = (z_stream *) decoder;

        return stream->msg ? stream->msg : "no gzip data";
}

static void zlib_free(Decoder *decoder) {
        inflateEnd((z_stream *) decoder);
        g_free(decoder);
}

const DecoderOps decoder_zlib = { "gzip", zlib_new, zlib_step, zlib_reset, zlib_problem,
zlib_free };

#ifdef HAVE_ISAL
/* ISA-L: more than twice as fast */

/* The header is read here: the library's own reader fails when a header with a checksum comes in
 * pieces. That checksum (of the header) is passed over; digests cover all. */

#define FLAG_CRC 2
#define FLAG_EXTRA 4
#define FLAG_NAME 8
#define FLAG_COMMENT 16
#define FIXED_LENGTH 10

typedef enum HeaderPart {
        HEADER_FIXED,
        HEADER_EXTRA_LENGTH,
        HEADER_EXTRA,
        HEADER_NAME,
        HEADER_COMMENT,
        HEADER_CRC,
        HEADER_DONE,
} HeaderPart;

typedef struct IgzipDecoder {
        struct inflate_state state;
        HeaderPart part;
        unsigned count; /* bytes of this part so far */
        unsigned extra_length;
        guint8 flags;
        int result;
} IgzipDecoder;

static void igzip_reset(Decoder *decoder) {
        IgzipDecoder *igzip = (IgzipDecoder *) decoder;

        isal_inflate_reset(&igzip->state);
        igzip->state.crc_flag = ISAL_GZIP_NO_HDR_VER;
        igzip->part = HEADER_FIXED;
        igzip->count = 0;
        igzip->extra_length = 0;
}

static Decoder *igzip_new(void) {
        IgzipDecoder *igzip = g_new0(IgzipDecoder, 1);

        isal_inflate_init(&igzip->state);
        igzip_reset((Decoder *) igzip);
        return (Decoder *) igzip;
}

static bool fixed_is_valid(unsigned at, guint8 byte) {
        static const guint8 start[] = { 0x1f, 0x8b, 8 };

        if (at < G_N_ELEMENTS(start))
                return byte == start[at];
        return at != G_N_ELEMENTS(start) || (byte & 0xe0) == 0; /* reserved flags */
}

/* Whether @part, which has @igzip->count bytes up to @byte, is complete. */
static bool part_ends(IgzipDecoder *igzip, guint8 byte) {
        switch (igzip->part) {
        case HEADER_FIXED:
                if (igzip->count == 4)
                        igzip->flags = byte;
                return igzip->count == FIXED_LENGTH;
        case HEADER_EXTRA_LENGTH:
                igzip->extra_length |= (unsigned) byte << (8 * (igzip->count - 1));
                return igzip->count == 2;
        case HEADER_EXTRA:
                return igzip->count == igzip->extra_length;
        case HEADER_NAME:
        case HEADER_COMMENT:
                return byte == 0;
        case HEADER_CRC:
                return igzip->count == 2;
        case HEADER_DONE:
                return true;
        }
        return true;
}

static bool part_is_there(const IgzipDecoder *igzip) {
        switch (igzip->part) {
        case HEADER_EXTRA_LENGTH:
                return igzip->flags & FLAG_EXTRA;
        case HEADER_EXTRA:
                return igzip->extra_length > 0;
        case HEADER_NAME:
                return igzip->flags & FLAG_NAME;
        case HEADER_COMMENT:
                return igzip->flags & FLAG_COMMENT;
        case HEADER_CRC:
                return igzip->flags & FLAG_CRC;
        case HEADER_FIXED:
        case HEADER_DONE:
                return true;
        }
        return true;
}

static bool read_header(IgzipDecoder *igzip, DecodeBuffer *buffer) {
        while (igzip->part != HEADER_DONE && buffer->in_length > 0) {
                guint8 byte = *buffer->in++;

                buffer->in_length--;
                if (igzip->part == HEADER_FIXED && !fixed_is_valid(igzip->count, byte))
                        return false;
                igzip->count++;
                if (!part_ends(igzip, byte))
                        continue;
                igzip->count = 0;
                do
                        igzip->part++;
                while (!part_is_there(igzip));
        }
        return true;
}

static DecodeOutcome igzip_step(Decoder *decoder, DecodeBuffer *buffer) {
        IgzipDecoder *igzip = (IgzipDecoder *) decoder;
        struct inflate_state *state = &igzip->state;

        if (!read_header(igzip, buffer)) {
                igzip->result = ISAL_INVALID_WRAPPER;
                return DECODE_CORRUPT;
        }
        state->next_in = (guint8 *) buffer->in;
        state->avail_in = (guint32) buffer->in_length;
        state->next_out = buffer->out;
        state->avail_out = (guint32) buffer->out_room;
        igzip->result = igzip->part == HEADER_DONE ? isal_inflate(state) : ISAL_DECOMP_OK;
        buffer->in = state->next_in;
        buffer->in_length = state->avail_in;
        buffer->out_length = buffer->out_room - state->avail_out;
        if (igzip->result < 0 || igzip->result == ISAL_NEED_DICT)
                return DECODE_CORRUPT;
        return state->block_state == ISAL_BLOCK_FINISH ? DECODE_END : DECODE_MORE;
}

static const char *igzip_problem(Decoder *decoder) {
        switch (((IgzipDecoder *) decoder)->result) {
        case ISAL_INVALID_WRAPPER:
                return "incorrect header check";
        case ISAL_INCORRECT_CHECKSUM:
                return "incorrect data check";
        case ISAL_INVALID_LOOKBACK:
                return "invalid distance too far back";
        default: /* not an enum of ours */
                return "invalid code or block type";
        }
}

static void igzip_free(Decoder *decoder) {
        g_free(decoder);
}

const DecoderOps decoder_igzip = { "gzip",      igzip_new,     igzip_step,
                                   igzip_reset, igzip_problem, igzip_free };
#endif
