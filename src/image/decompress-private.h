/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "image/decompress.h"

typedef struct DecodeBuffer {
        const guint8 *in;
        size_t in_length;
        guint8 *out;
        size_t out_room;
        size_t out_length; /* written by one step */
} DecodeBuffer;

typedef enum DecodeOutcome {
        DECODE_MORE,    /* call again, with more input if it is used up */
        DECODE_END,     /* a member or frame ended; what is left of the input comes after it */
        DECODE_CORRUPT, /* the text of get_problem() says why */
} DecodeOutcome;

typedef struct Decoder Decoder;

/* One compression. All slots are set. */
typedef struct DecoderOps {
        const char *name;
        Decoder *(*new)(void);
        /* Take from @in, put to @out, moving both. */
        DecodeOutcome (*step)(Decoder *decoder, DecodeBuffer *buffer);
        /* Get ready for the next member. */
        void (*reset)(Decoder *decoder);
        const char *(*get_problem)(Decoder *decoder);
        void (*free)(Decoder *decoder);
} DecoderOps;

extern const DecoderOps decoder_zlib;
extern const DecoderOps decoder_igzip; /* only with ISA-L */
extern const DecoderOps decoder_zstd;
