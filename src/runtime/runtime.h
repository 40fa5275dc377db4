/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Runtime - one runtime handler: an OCI runtime binary with its root directory and what it can do.
 *
 * Owner    The RuntimeTable of the daemon. Threads: any; every function runs the binary once and
 * waits, with a deadline of its own. Immutable after runtime_table_new().
 */

#include <glib.h>
#include <stdbool.h>

#include "config/config.h"
#include "cri/types.h"

typedef struct Runtime Runtime;
typedef struct RuntimeTable RuntimeTable;

typedef struct RuntimeFeatures {
        char *oci_version_min; /* "1.0.0" where `features` is unknown */
        char *oci_version_max; /* "1.0.2" where `features` is unknown */
        bool idmap_mounts;
        bool recursive_read_only;
        GStrv mount_options;
        GStrv unsafe_annotations; /* potentiallyUnsafeConfigAnnotations */
} RuntimeFeatures;

RuntimeTable *runtime_table_new(const Config *config, GError **error);
void runtime_table_free(RuntimeTable *table);
/* @handler "" = default. NULL with NOT_FOUND `failed to find runtime handler X from runtime list
 * ...`. Borrowed. */
const Runtime *runtime_table_find(const RuntimeTable *table, const char *handler, GError **error);
GPtrArray *runtime_table_list(const RuntimeTable *table); /* borrowed Runtimes; free the array */

const char *runtime_get_name(const Runtime *runtime);
const char *runtime_get_path(const Runtime *runtime);
const char *runtime_get_root(const Runtime *runtime);
const RuntimeHandlerConfig *runtime_get_config(const Runtime *runtime);
const RuntimeFeatures *runtime_get_features(const Runtime *runtime);

/* The "ociVersion" to write: the lower of ours and what it reads. */
const char *runtime_get_spec_version(const Runtime *runtime);

bool runtime_start(const Runtime *runtime, const char *id, GError **error);
/* Whether the container has been started, by the runtime's own word (`state`). For recovery only.
 */
bool runtime_is_running(const Runtime *runtime, const char *id, bool *ret_running, GError **error);
/* --force; a container the runtime does not know: success. */
bool runtime_delete(const Runtime *runtime, const char *id, GError **error);
/* `update --resources -` with only the fields that @resources sets. */
bool runtime_update(const Runtime *runtime, const char *id,
        const CriLinuxContainerResources *resources, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(RuntimeTable, runtime_table_free)
