/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * decompress - the content of a layer blob: gzip, zstd or plain, told by its first bytes.
 *
 * What follows the compressed data and is no further member or frame of the same kind is an
 * error, and so is an end before its time. Threads: one at a time.
 */

#include "image/source.h"

typedef enum Compression {
        COMPRESSION_NONE,
        COMPRESSION_GZIP,
        COMPRESSION_ZSTD,
} Compression;

/* The kind is found at the first read. @ret_compression (may be NULL) is set then. */
Source *decompress_new(Source *take_input, Compression *ret_compression);

/* Tests only: the gzip decoder that is used when ISA-L is not there. */
void decompress_use_zlib(bool use);
