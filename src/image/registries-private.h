/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "image/registries.h"

typedef enum MirrorUse {
        MIRROR_ALL,
        MIRROR_DIGEST_ONLY,
        MIRROR_TAG_ONLY,
} MirrorUse;

typedef struct RegistryMirror {
        char *location;
        bool insecure;
        MirrorUse use;
} RegistryMirror;

typedef struct RegistryEntry {
        char *prefix;
        char *location; /* "" only with a wildcard prefix */
        bool insecure;
        bool blocked;
        GPtrArray *mirrors; /* RegistryMirror */
} RegistryEntry;

typedef enum ShortNameMode {
        SHORT_NAMES_PERMISSIVE,
        SHORT_NAMES_DISABLED,
        SHORT_NAMES_ENFORCING,
} ShortNameMode;

struct Registries {
        GPtrArray *entries; /* RegistryEntry */
        GStrv search;
        ShortNameMode mode;
        GHashTable *aliases; /* name to repository */
        char *file;          /* for errors */
};

Registries *registries_new(void);
void registry_entry_free(void *entry);
void registry_mirror_free(void *mirror);

/* Put @take_entry in the place of an earlier one with its prefix. */
void registries_add(Registries *registries, RegistryEntry *take_entry);
