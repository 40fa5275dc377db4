/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* id - names of sandboxes, containers and pinned namespaces: 64 lower-case hex digits. */

#include <glib.h>
#include <stdbool.h>

#define ID_LENGTH 64

/* A new random id; free with g_free(). */
char *id_new(void);

bool id_is_valid(const char *text);

/* Asked by a sweep whether the thing called @id still has an owner. */
typedef bool (*IdKnownFunc)(const char *id, void *data);

/* The one that looks into a set of ids (GHashTable), for tests. */
bool id_is_in_set(const char *id, void *set);

/* The first twelve digits, for hostnames and log lines: pointer to a copy, free with g_free(). */
char *id_short(const char *id);
