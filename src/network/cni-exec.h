/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * cni-exec - one execution of one CNI plugin.
 *
 * Threads  Any; blocks until the plugin ended or the deadline passed, when its process group is
 *          killed.
 */

#include <glib.h>
#include <stdbool.h>

/* What all plugins of a list are told alike. All strings borrowed; NULL ones are not set. */
typedef struct CniCall {
        const char *command; /* ADD, DEL, CHECK, STATUS, GC, VERSION */
        const char *container_id;
        const char *netns;
        const char *ifname;
        const char *args;
        const char *const *plugin_dirs;
        gint64 deadline_usec; /* monotonic */
} CniCall;

/* The path of a plugin, the first that is a regular file; NULL with UNAVAILABLE, since it may be
 * installed later. */
char *cni_plugin_find(const char *const *plugin_dirs, const char *type, GError **error);

/* Run the plugin @type with @request on its stdin. @ret_output (may be NULL) is what it printed,
 * at most 1 MiB. A plugin's own error becomes @error with its words; "try again" and "not
 * available" are UNAVAILABLE. */
bool cni_exec(const CniCall *call, const char *type, const char *request, char **ret_output,
              GError **error);
