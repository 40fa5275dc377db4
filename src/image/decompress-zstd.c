/* SPDX-License-Identifier: Apache-2.0 */
#include "image/decompress-private.h"

#include <zstd.h>

/* 128 MiB: what the command line tool demands when asked for its long windows; more is refused. */
#define WINDOW_LOG_LIMIT 27

typedef struct ZstdDecoder {
        ZSTD_DStream *stream;
        size_t result;
} ZstdDecoder;

static Decoder *zstd_new(void) {
        ZstdDecoder *zstd = g_new0(ZstdDecoder, 1);

        zstd->stream = ZSTD_createDStream();
        if (!zstd->stream)
                g_error("zstd refuses to work");
        ZSTD_DCtx_setParameter(zstd->stream, ZSTD_d_windowLogMax, WINDOW_LOG_LIMIT);
        return (Decoder *) zstd;
}

static DecodeOutcome zstd_step(Decoder *decoder, DecodeBuffer *buffer) {
        ZstdDecoder *zstd = (ZstdDecoder *) decoder;
        ZSTD_inBuffer in = { buffer->in, buffer->in_length, 0 };
        ZSTD_outBuffer out = { buffer->out, buffer->out_room, 0 };

        zstd->result = ZSTD_decompressStream(zstd->stream, &out, &in);
        buffer->in += in.pos;
        buffer->in_length -= in.pos;
        buffer->out_length = out.pos;
        if (ZSTD_isError(zstd->result))
                return DECODE_CORRUPT;
        return zstd->result == 0 ? DECODE_END : DECODE_MORE;
}

static void zstd_reset(Decoder *decoder) {
        ZSTD_DCtx_reset(((ZstdDecoder *) decoder)->stream, ZSTD_reset_session_only);
}

static const char *zstd_problem(Decoder *decoder) {
        return ZSTD_getErrorName(((ZstdDecoder *) decoder)->result);
}

static void zstd_free(Decoder *decoder) {
        ZSTD_freeDStream(((ZstdDecoder *) decoder)->stream);
        g_free(decoder);
}

const DecoderOps decoder_zstd = { "zstd", zstd_new, zstd_step, zstd_reset, zstd_problem,
zstd_free };
