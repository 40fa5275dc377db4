/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Network - joins sandboxes to the node's CNI network.
 *
 * Owner    The daemon. Threads: network_new(), network_free() on the main thread (it watches the
 *          configuration directory); everything else anywhere, blocking. Calls for one sandbox are serial
 *          (the caller's op lock), calls for different ones run side by side; GC waits for none to run.
 * Disk     /var/lib/cni/results: the result of each ADD, as libcni writes it, so that a DEL after a crash or an
 *          upgrade has its configuration. A failed ADD leaves a DEL owed there.
 */

#include <glib.h>
#include <stdbool.h>

typedef struct Network Network;

typedef struct NetworkOptions {
        const char *config_dir;
        const char *const *plugin_dirs;
        const char *default_network; /* "" = first file by name */
        const char *cache_dir;       /* NULL = /var/lib/cni/results */
} NetworkOptions;

/* Who asks. All strings borrowed. */
typedef struct NetworkSandbox {
        const char *id;
        const char *netns;     /* path of the pinned namespace; "" when it is gone (DEL only) */
        const char *pod_name;
        const char *pod_namespace;
        const char *pod_uid;
        const char *cgroup_parent;
        const char *const *annotations; /* key, value, key, value, ..., NULL */
} NetworkSandbox;

typedef struct NetworkResult {
        GStrv ips;         /* addresses without prefix length; the first is the primary one */
        char *result_json; /* what the last plugin printed */
} NetworkResult;

void network_result_clear(NetworkResult *result);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(NetworkResult, network_result_clear)

Network *network_new(const NetworkOptions *options, GError **error);
void network_free(Network *network);

/* Whether pods can be joined now. When not, @ret_reason says why, in CRI's words. Never runs a plugin and
 * never waits; the directory is looked at again when it changed. */
bool network_is_ready(Network *network, char **ret_reason);

/* Wait until ready; DEADLINE_EXCEEDED (with the reason) or CANCELLED else. */
bool network_wait_ready(Network *network, gint64 deadline_usec, int cancel_fd, GError **error);

/* ADD through the whole list. On failure a DEL was already tried; the caller's down() calls network_leave()
 * again in any case. */
bool network_join(Network *network, const NetworkSandbox *sandbox, NetworkResult *ret_result,
                  GError **error);

/* DEL from the cached configuration and result; nothing cached and no network configured: success. */
bool network_leave(Network *network, const NetworkSandbox *sandbox, GError **error);

/* CHECK, where somebody asks for it. */
bool network_check(Network *network, const NetworkSandbox *sandbox, GError **error);

/* Start-up: DEL for each cached attachment of ours whose sandbox is not in @known (set of ids), then the GC
 * verb where the version has it. Failures are logged, and the attachment stays owed. */
void network_collect(Network *network, GHashTable *known);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Network, network_free)
