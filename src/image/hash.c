/* SPDX-License-Identifier: Apache-2.0 */
#include "image/hash.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <string.h>

#define RAW_LENGTH 32

struct Hash {
        gnutls_hash_hd_t handle;
};

/* SHA-256 is always there unless the crypto library refuses to work, and then nothing may go on. */
Hash *hash_new(void) {
        Hash *hash = g_new0(Hash, 1);

        if (gnutls_hash_init(&hash->handle, GNUTLS_DIG_SHA256) < 0)
                g_error("the crypto library has no SHA-256");
        return hash;
}

void hash_update(Hash *hash, const void *data, size_t length) {
        if (length > 0 && gnutls_hash(hash->handle, data, length) < 0)
                g_error("the crypto library failed to hash");
}

Digest hash_take(Hash *hash) {
        Digest digest = { "sha256:" };
        char *at = digest.text + strlen(digest.text);
        guint8 raw[RAW_LENGTH];

        gnutls_hash_output(hash->handle, raw);
        for (unsigned i = 0; i < RAW_LENGTH; i++) {
                *at++ = "0123456789abcdef"[raw[i] >> 4];
                *at++ = "0123456789abcdef"[raw[i] & 15];
        }
        return digest;
}

void hash_free(Hash *hash) {
        if (!hash)
                return;
        gnutls_hash_deinit(hash->handle, NULL);
        g_free(hash);
}
