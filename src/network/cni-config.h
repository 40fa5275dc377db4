/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * CniConfig - one network as its configuration file describes it: always a list of plugins.
 *
 * Owner    Counted; never changed after it was made. Threads: any.
 *
 * A file is hostile until it is parsed: names that end up in paths (plugin types, also those of
 * ipam and delegate, and the network's own name) are refused when they could lead out of their
 * directory.
 */

#include <glib.h>
#include <stdbool.h>

#include "base/json.h"

#define CNI_VERSION_NEWEST "1.1.0"

typedef struct CniConfig {
        char *path; /* for messages */
        char *name;
        char *version; /* the one to talk; "0.1.0" where the file has none */
        bool disable_check;
        bool disable_gc;
        Json *list;
        char *text; /* the whole list, as the cache keeps it */
} CniConfig;

/* Parse a .conflist, or a .conf/.json with one plugin, which is wrapped. A missing name becomes
 * the base name of @path. Members that we do not know stay in the list. */
CniConfig *cni_config_parse(const char *text, size_t length, const char *path, GError **error);

/* The same from a file; unless it says loadOnlyInlinedPlugins, DIR/NAME/ *.conf are appended. */
CniConfig *cni_config_load(const char *path, GError **error);

CniConfig *cni_config_ref(CniConfig *config);
void cni_config_unref(CniConfig *config);

size_t cni_config_length(const CniConfig *config);
const Json *cni_config_plugin(const CniConfig *config, size_t index);
const char *cni_config_type(const CniConfig *config, size_t index);

/* Nothing but loopback, which the sandbox has without a plugin. */
bool cni_config_is_loopback(const CniConfig *config);

/* Paths of the configuration files in @dir, sorted by name; NULL with @error. A missing directory
 * is empty. */
GPtrArray *cni_config_files(const char *dir, GError **error);

/* A word that is safe in a file name: a letter or digit, then those and "_.-". */
bool cni_name_is_valid(const char *name);

bool cni_version_parse(const char *text, unsigned ret_parts[3]);
/* Both must parse; an unparsable @version is older than anything. */
bool cni_version_at_least(const char *version, const char *least);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(CniConfig, cni_config_unref)
