/* SPDX-License-Identifier: Apache-2.0 */
#include "base/id.h"

#include <string.h>
#include <sys/random.h>

static void fill_random(guint8 *bytes, size_t length) {
        if (getrandom(bytes, length, 0) != (ssize_t)length)
                g_error("getrandom failed");
}

char *id_new(void) {
        static const char digits[] = "0123456789abcdef";
        guint8 bytes[ID_LENGTH / 2];
        char *id = g_malloc(ID_LENGTH + 1);

        fill_random(bytes, sizeof(bytes));
        for (unsigned i = 0; i < sizeof(bytes); i++) {
                id[2 * i] = digits[bytes[i] >> 4];
                id[2 * i + 1] = digits[bytes[i] & 15];
        }
        id[ID_LENGTH] = '\0';
        return id;
}

bool id_is_in_set(const char *id, void *set) {
        return g_hash_table_contains(set, id);
}

bool id_is_valid(const char *text) {
        return strlen(text) == ID_LENGTH && strspn(text, "0123456789abcdef") == ID_LENGTH;
}

char *id_short(const char *id) {
        return g_strndup(id, 12);
}
