/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/digest.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"

#define PREFIX "sha256:"
#define PREFIX_LENGTH (sizeof(PREFIX) - 1)

static bool is_hex(const char *text) {
        return strspn(text, "0123456789abcdef") == DIGEST_HEX_LENGTH &&
               text[DIGEST_HEX_LENGTH] == '\0';
}

/**
 * digest_parse() - make a Digest of foreign text
 * @text:       NULL is refused like any other text that is no digest
 * @ret_digest: set on success only
 * @error:      INVALID_ARGUMENT; other algorithms are named, so that the reader knows that it is
 *              not a typo
 */
bool digest_parse(const char *text, Digest *ret_digest, GError **error) {
        if (text && g_str_has_prefix(text, PREFIX) && is_hex(text + PREFIX_LENGTH)) {
                memcpy(ret_digest->text, text, sizeof(ret_digest->text));
                return true;
        }
        if (text && (g_str_has_prefix(text, "sha512:") || g_str_has_prefix(text, "sha384:")))
                return fail(error, ERROR_INVALID_ARGUMENT,
                            "digest %.80s: only sha256 digests are supported", text);
        return fail(error, ERROR_INVALID_ARGUMENT,
                    "\"%.80s\" is no digest: it must be sha256: and 64 lower-case hex digits",
                    text ? text : "");
}

Digest digest_of(const void *data, size_t length) {
        g_autofree char *hex = g_compute_checksum_for_data(G_CHECKSUM_SHA256, data, length);
        Digest digest;

        snprintf(digest.text, sizeof(digest.text), PREFIX "%s", hex);
        return digest;
}

bool digest_equal(const Digest *a, const Digest *b) {
        return memcmp(a->text, b->text, sizeof(a->text)) == 0;
}

const char *digest_hex(const Digest *digest) {
        return digest->text + PREFIX_LENGTH;
}
