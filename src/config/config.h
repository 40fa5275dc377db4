/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Config - an immutable snapshot of all options.
 *
 * Owner    Counted; the daemon holds one reference. Threads: any. Fields are named as the keys.
 */

#include <glib.h>
#include <stdbool.h>

#define CONFIG_FIELD_STRING   char *
#define CONFIG_FIELD_BOOL     bool
#define CONFIG_FIELD_INT      gint64
#define CONFIG_FIELD_LIST     GStrv
#define CONFIG_FIELD_DURATION char *
#define CONFIG_FIELD_SIZE     gint64
#define CONFIG_FIELD_MAP      GHashTable *

/* [crio.runtime.runtimes.NAME]; paths are resolved, container_min_memory is in bytes. */
typedef struct RuntimeHandlerConfig {
        char *name;
#define OPTION(...)
#define WORKLOAD(...)
#define HANDLER(key, type, ...) CONFIG_FIELD_##type key;
#include "config/options.def"
#undef HANDLER
} RuntimeHandlerConfig;

/* [crio.runtime.workloads.NAME] */
typedef struct WorkloadConfig {
        char *name;
#undef WORKLOAD
#define HANDLER(...)
#define WORKLOAD(key, type, ...) CONFIG_FIELD_##type key;
#include "config/options.def"
#undef WORKLOAD
} WorkloadConfig;

typedef struct Config {
#undef OPTION
#define WORKLOAD(...)
#define OPTION(table, key, type, ...) CONFIG_FIELD_##type key;
#include "config/options.def"
#undef OPTION
#undef HANDLER
#undef WORKLOAD
        GPtrArray *runtimes;  /* RuntimeHandlerConfig */
        GPtrArray *workloads; /* WorkloadConfig */

        /* flags that are no keys */
        char *registries_conf;     /* "" = the usual places */
        char *registries_conf_dir; /* "" = the usual places */
        char *log_file;            /* "" = stderr */
} Config;

Config *config_ref(Config *config);
void config_unref(Config *config);

/* The handler of that name, "" for the default one; NULL when there is none. */
const RuntimeHandlerConfig *config_find_runtime(const Config *config, const char *handler);

/* Options that were set to something else than their default and have no effect yet, for one log
 * line; NULL when there are none. Free with g_free(). */
char *config_list_without_effect(const Config *config);

/* What can only be checked where the daemon is to run. */
bool config_check_host(const Config *config, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Config, config_unref)
