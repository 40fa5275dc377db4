/* SPDX-License-Identifier: Apache-2.0 */
#include "cri/map.h"

#include <string.h>

const char *cri_map_get(CriStringPair *const *pairs, size_t count, const char *key) {
        /* Of two entries with one key the last counts, as in every protobuf implementation. */
        for (size_t i = count; i > 0; i--)
                if (strcmp(pairs[i - 1]->key, key) == 0)
                        return pairs[i - 1]->value;
        return NULL;
}

bool cri_map_contains(
        CriStringPair *const *pairs, size_t count, CriStringPair *const *wanted, size_t n_wanted) {
        for (size_t i = 0; i < n_wanted; i++) {
                const char *value = cri_map_get(pairs, count, wanted[i]->key);

                if (!value || strcmp(value, wanted[i]->value) != 0)
                        return false;
        }
        return true;
}

void *cri_copy(const ProtobufCMessage *message) {
        size_t size = protobuf_c_message_get_packed_size(message);
        g_autofree uint8_t *packed = g_malloc(size + 1);

        protobuf_c_message_pack(message, packed);
        return protobuf_c_message_unpack(message->descriptor, NULL, size, packed);
}

void cri_free(void *message) {
        protobuf_c_message_free_unpacked(message, NULL);
}
