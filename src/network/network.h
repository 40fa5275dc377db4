/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Network - joins sandboxes to the node's CNI network.
 *
 * Owner    The daemon. Threads: network_new(), network_free() on the main thread (it watches the
 *          configuration and plugin directories); everything else anywhere, blocking. Calls for
 *          one sandbox are serial (the caller's op lock), calls for different ones run side by
 *          side; GC waits for none to run. A list of version 1.1.0 is asked for its STATUS by a
 *          thread that lives until the first good answer.
 * Disk     /var/lib/cni/results: an entry for each attachment, as libcni writes it, so that a DEL
 *          after a crash or an upgrade has its configuration. It is there before the ADD runs and
 *          goes with a DEL that succeeded, so an ADD that failed or was cut off leaves a DEL owed.
 *
 * The directory belongs to all runtimes of the node (podman and others write there too), so
 * network_collect() releases only entries that carry our own mark: the member "crio" with
 * NetworkOptions.owner as its value. Neither a path of the namespace nor the arguments would do
 * for that, for the others use the same ones.
 */

#include <glib.h>
#include <stdbool.h>

#include "base/id.h"

typedef struct Network Network;

typedef struct NetworkOptions {
        const char *config_dir;         /* made when it is missing, like the plugin directories */
        const char *const *plugin_dirs; /* searched in order */
        const char *default_network;    /* "" = first file by name */
        const char *cache_dir;          /* NULL = /var/lib/cni/results */
        const char *owner; /* NULL = "crio"; tells daemons with one cache apart, say the run root */
} NetworkOptions;

/* Who asks. All strings borrowed; NULL counts as "". */
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
        char *result_json; /* what the last plugin printed, on one line */
} NetworkResult;

void network_result_clear(NetworkResult *result);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(NetworkResult, network_result_clear)

Network *network_new(const NetworkOptions *options, GError **error);
void network_free(Network *network);

/* Whether pods can be joined now. When not, @ret_reason (may be NULL) says why, in CRI's words.
 * Never runs a plugin and never waits; the directories are looked at again each time, so no lost
 * event matters. */
bool network_is_ready(Network *network, char **ret_reason);

/* Wait until ready; DEADLINE_EXCEEDED (with the reason) or CANCELLED (@cancel_fd became readable)
 * else. The main loop has to run meanwhile. @deadline_usec monotonic, 0 = none. */
bool network_wait_ready(Network *network, gint64 deadline_usec, int cancel_fd, GError **error);

/* ADD through the whole list, at most five minutes. UNAVAILABLE when not ready. On failure a DEL
 * was already tried; the caller's down() calls network_leave() again in any case. */
bool network_join(Network *network, const NetworkSandbox *sandbox, NetworkResult *ret_result,
                  GError **error);

/* DEL from the cached configuration and result, at most a minute; without them from the
 * configuration of now, and success if there is none. All plugins are tried; what failed stays
 * owed, and calling again retries. A namespace that is gone does not matter. */
bool network_leave(Network *network, const NetworkSandbox *sandbox, GError **error);

/* CHECK, where somebody asks for it. FAILED_PRECONDITION without an attachment. */
bool network_check(Network *network, const NetworkSandbox *sandbox, GError **error);

/* Start-up: DEL for each cached attachment of ours whose sandbox @is_known denies,
 * then the GC verb where the version has it, with all that is left in the cache, other runtimes'
 * too, as valid. Failures are logged, and the attachment stays owed. */
void network_collect(Network *network, IdKnownFunc is_known, void *data);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Network, network_free)
