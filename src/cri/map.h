/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* map - look-ups in CRI maps (arrays of pairs) and copies of messages. Threads: any. */

#include <glib.h>
#include <stdbool.h>

#include "cri/names.h"

/* The value of @key, or NULL. */
const char *cri_map_get(CriStringPair *const *pairs, size_t count, const char *key);

/* Whether all of @wanted are among @pairs (a label selector). */
bool cri_map_contains(
        CriStringPair *const *pairs, size_t count, CriStringPair *const *wanted, size_t n_wanted);

/* A deep copy of any message in heap memory; free with cri_free(). */
void *cri_copy(const ProtobufCMessage *message);
void cri_free(void *message);

#define CRI_COPY(type, message) ((type *)cri_copy((const ProtobufCMessage *)(message)))
