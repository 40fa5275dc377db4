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

typedef struct IgzipDecoder {
        struct inflate_state state;
        int result;
} IgzipDecoder;

static void igzip_reset(Decoder *decoder) {
        IgzipDecoder *igzip = (IgzipDecoder *) decoder;

        isal_inflate_reset(&igzip->state);
        igzip->state.crc_flag = ISAL_GZIP;
}

static Decoder *igzip_new(void) {
        IgzipDecoder *igzip = g_new0(IgzipDecoder, 1);

        isal_inflate_init(&igzip->state);
        igzip_reset((Decoder *) igzip);
        return (Decoder *) igzip;
}

static DecodeOutcome igzip_step(Decoder *decoder, DecodeBuffer *buffer) {
        IgzipDecoder *igzip = (IgzipDecoder *) decoder;
        struct inflate_state *state = &igzip->state;

        state->next_in = (guint8 *) buffer->in;
        state->avail_in = (guint32) buffer->in_length;
        state->next_out = buffer->out;
        state->avail_out = (guint32) buffer->out_room;
        igzip->result = isal_inflate(state);
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
