/* SPDX-License-Identifier: Apache-2.0 */
/* What a sandbox is, in seven rows. */

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/tree.h"
#include "host/cgroup.h"
#include "host/mount.h"
#include "host/sysctl.h"
#include "pod/infra.h"
#include "pod/sandbox-private.h"

#define SHM_SIZE (64 << 20)

/* files: the run directory with resolv.conf and hostname, and the log directory */

static bool files_up(void *object, GError **error) {
        Sandbox *sandbox = object;

        return dir_make(AT_FDCWD, sandbox->run_dir, 0711, error) &&
               dir_make(AT_FDCWD, sandbox->log_dir, 0700, error) &&
               sandbox_write_files(sandbox, error);
}

static bool files_down(void *object, GError **error) {
        Sandbox *sandbox = object;
        g_autofree char *folder = g_path_get_dirname(sandbox->run_dir);

        return tree_remove(AT_FDCWD, folder, error);
}

/* shm: one /dev/shm for the whole pod */

static char *shm_path(const Sandbox *sandbox) {
        return g_build_filename(sandbox->run_dir, "shm", NULL);
}

static bool shm_up(void *object, GError **error) {
        Sandbox *sandbox = object;
        g_autofree char *path = shm_path(sandbox);

        if (sandbox_ipc_mode(sandbox) == CRI_NAMESPACE_MODE_NODE)
                return true;
        return dir_make(AT_FDCWD, path, 0711, error) &&
               mount_tmpfs(path, SHM_SIZE, 01777, NULL, error);
}

static bool shm_down(void *object, GError **error) {
        Sandbox *sandbox = object;
        g_autofree char *path = shm_path(sandbox);

        return sandbox_ipc_mode(sandbox) == CRI_NAMESPACE_MODE_NODE || mount_remove(path, error);
}

/* namespaces: pinned, with hostname, loopback and sysctls set */

static unsigned pinned_kinds(const Sandbox *sandbox) {
        unsigned kinds = 1U << NAMESPACE_UTS;

        if (sandbox_net_mode(sandbox) == CRI_NAMESPACE_MODE_POD)
                kinds |= 1U << NAMESPACE_NET;
        if (sandbox_ipc_mode(sandbox) == CRI_NAMESPACE_MODE_POD)
                kinds |= 1U << NAMESPACE_IPC;
        return kinds;
}

/* A sysctl of a namespace that the pod shares with the host would change the host: left out. */
static void add_sysctl(
        const Sandbox *sandbox, GPtrArray *pairs, const char *key, const char *value) {
        if (!(pinned_kinds(sandbox) & (1U << sysctl_namespace(key)))) {
                log_warning("sandbox %s: sysctl %s belongs to a namespace of the host, ignoring it",
                        sandbox->id, key);
                return;
        }
        g_ptr_array_add(pairs, g_strdup(key));
        g_ptr_array_add(pairs, g_strdup(value));
}

/* Defaults first, so that the pod's own value is written last. */
static GPtrArray *collect_sysctls(const Sandbox *sandbox) {
        const CriLinuxPodSandboxConfig *wish = sandbox->wish->linux;
        GPtrArray *pairs = g_ptr_array_new_with_free_func(g_free);
        GStrv defaults = sandbox->context->config->default_sysctls;

        for (unsigned i = 0; defaults && defaults[i]; i++) {
                g_auto(GStrv) parts = g_strsplit(defaults[i], "=", 2);

                if (parts[0] && parts[1])
                        add_sysctl(sandbox, pairs, parts[0], parts[1]);
        }
        for (size_t i = 0; wish && i < wish->n_sysctls; i++)
                add_sysctl(sandbox, pairs, wish->sysctls[i]->key, wish->sysctls[i]->value);
        g_ptr_array_add(pairs, NULL);
        return pairs;
}

static bool namespaces_up(void *object, GError **error) {
        Sandbox *sandbox = object;
        g_autoptr(GPtrArray) sysctls = collect_sysctls(sandbox);
        g_autofree char *hostname = sandbox_hostname(sandbox);

        return namespace_pin(sandbox->context->config->namespaces_dir, pinned_kinds(sandbox),
                sandbox->id, hostname, (const char *const *)sysctls->pdata, error);
}

static bool namespaces_down(void *object, GError **error) {
        static const NamespaceKind kinds[] = {NAMESPACE_NET, NAMESPACE_IPC, NAMESPACE_UTS};
        Sandbox *sandbox = object;
        GError *first = NULL;

        for (unsigned i = 0; i < G_N_ELEMENTS(kinds); i++) {
                g_autofree char *path = sandbox_pin(sandbox, kinds[i]);
                g_autoptr(GError) failure = NULL;

                if (!namespace_unpin(path, &failure))
                        error_keep_first(&first, &failure);
        }
        if (!first)
                return true;
        g_propagate_error(error, first);
        return false;
}

/* network: joined through CNI */

static GPtrArray *annotation_pairs(const Sandbox *sandbox) {
        GPtrArray *pairs = g_ptr_array_new();

        for (size_t i = 0; i < sandbox->wish->n_annotations; i++) {
                g_ptr_array_add(pairs, sandbox->wish->annotations[i]->key);
                g_ptr_array_add(pairs, sandbox->wish->annotations[i]->value);
        }
        g_ptr_array_add(pairs, NULL);
        return pairs;
}

static NetworkSandbox describe(
        const Sandbox *sandbox, const char *netns, const GPtrArray *annotations) {
        return (NetworkSandbox){.id = sandbox->id,
                .netns = netns,
                .pod_name = sandbox->wish->metadata->name,
                .pod_namespace = sandbox->wish->metadata->namespace_,
                .pod_uid = sandbox->wish->metadata->uid,
                .cgroup_parent = sandbox_cgroup_parent(sandbox),
                .annotations = (const char *const *)annotations->pdata};
}

static bool network_up(void *object, GError **error) {
        Sandbox *sandbox = object;
        PodContext *context = sandbox->context;
        g_autoptr(GPtrArray) annotations = annotation_pairs(sandbox);
        g_autofree char *netns = sandbox_pin(sandbox, NAMESPACE_NET);
        NetworkSandbox who = describe(sandbox, netns, annotations);
        g_auto(NetworkResult) result = {0};

        if (sandbox_net_mode(sandbox) == CRI_NAMESPACE_MODE_NODE)
                return true;
        if (!network_wait_ready(
                    context->network, sandbox->network_deadline_usec, context->stop_fd, error) ||
                !network_join(context->network, &who, &result, error))
                return false;
        lock_guard(&sandbox->lock);
        g_strfreev(sandbox->ips);
        sandbox->ips = g_steal_pointer(&result.ips);
        return true;
}

static bool network_down(void *object, GError **error) {
        Sandbox *sandbox = object;
        g_autoptr(GPtrArray) annotations = annotation_pairs(sandbox);
        g_autofree char *netns = sandbox_pin(sandbox, NAMESPACE_NET);
        NetworkSandbox who =
                describe(sandbox, namespace_is_pinned(netns) ? netns : "", annotations);

        if (sandbox_net_mode(sandbox) == CRI_NAMESPACE_MODE_NODE)
                return true;
        return network_leave(sandbox->context->network, &who, error);
}

/* ports: host ports that lead into the pod */

static bool ports_up(void *object, GError **error) {
        Sandbox *sandbox = object;
        const CriPodSandboxConfig *wish = sandbox->wish;
        g_autoptr(GArray) maps = g_array_new(FALSE, FALSE, sizeof(PortMap));

        for (size_t i = 0; i < wish->n_port_mappings; i++) {
                const CriPortMapping *port = wish->port_mappings[i];
                PortMap map = {.protocol = (PortProtocol)port->protocol,
                        .host_port = (guint16)port->host_port,
                        .container_port = (guint16)port->container_port,
                        .host_ip = port->host_ip};

                if (port->host_port > 0)
                        g_array_append_val(maps, map);
        }
        if (maps->len == 0 || sandbox_net_mode(sandbox) == CRI_NAMESPACE_MODE_NODE)
                return true;
        return port_mapper_add(sandbox->context->ports, sandbox->id,
                (const char *const *)sandbox->ips, (const PortMap *)(void *)maps->data, maps->len,
                error);
}

static bool ports_down(void *object, GError **error) {
        Sandbox *sandbox = object;

        if (sandbox->wish->n_port_mappings == 0 ||
                sandbox_net_mode(sandbox) == CRI_NAMESPACE_MODE_NODE)
                return true;
        return port_mapper_remove(sandbox->context->ports, sandbox->id, error);
}

const Stage sandbox_stages[] = {
        {"files", files_up, files_down}, /* kept by StopPodSandbox */
        {"shm", shm_up, shm_down},
        {"namespaces", namespaces_up, namespaces_down},
        {"network", network_up, network_down},
        {"ports", ports_up, ports_down},
        {"root", infra_root_up, infra_root_down},
        {"infra", infra_up, infra_down},
};

const unsigned sandbox_stage_count = G_N_ELEMENTS(sandbox_stages);
