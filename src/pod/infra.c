/* SPDX-License-Identifier: Apache-2.0 */
#include "pod/infra.h"

#include "base/error.h"
#include "host/cgroup.h"
#include "pod/sandbox-private.h"
#include "pod/supervise.h"
#include "runtime/bundle.h"
#include "runtime/spec.h"
#include "storage/rootfs.h"

/* The pause image, pulled if it is not there. */
static ImageRecord *find_image(Sandbox *sandbox, GError **error) {
        PodContext *context = sandbox->context;
        const char *reference = context->config->pause_image;
        ImageRecord *image = store_find_image(context->store, reference);
        ImagePull pull = {.reference = reference, .pod_namespace = ""};
        g_autofree char *id = NULL;

        if (image)
                return image;
        if (!images_pull(context->images, &pull, context->stop_fd, &id, error)) {
                g_prefix_error(error, "pause_image: ");
                return NULL;
        }
        image = store_find_image(context->store, id);
        return image ? image
                     : fail_null(error, ERROR_UNKNOWN, "pause_image %s vanished", reference);
}

bool infra_root_up(void *object, GError **error) {
        Sandbox *sandbox = object;
        g_autoptr(ImageRecord) image = NULL;
        g_autofree char *path = NULL;

        if (!sandbox_needs_infra(sandbox))
                return true;
        image = find_image(sandbox, error);
        return image &&
               rootfs_create(sandbox->context->store, sandbox->id, image, NULL, &path, error);
}

bool infra_root_down(void *object, GError **error) {
        Sandbox *sandbox = object;

        return !sandbox_needs_infra(sandbox) ||
               rootfs_remove(sandbox->context->store, sandbox->id, error);
}

static bool write_bundle(Sandbox *sandbox, ImageRecord *image, const char *rootfs,
        const char *cgroup, GError **error) {
        g_autofree char *net = sandbox_pin(sandbox, NAMESPACE_NET);
        g_autofree char *ipc = sandbox_pin(sandbox, NAMESPACE_IPC);
        g_autofree char *uts = sandbox_pin(sandbox, NAMESPACE_UTS);
        g_autofree char *hostname = sandbox_hostname(sandbox);
        g_auto(SpecResult) result = {0};
        SpecRequest request = {.config = sandbox->context->config,
                .runtime = sandbox->runtime,
                .id = sandbox->id,
                .name = sandbox->name,
                .sandbox_id = sandbox->id,
                .sandbox_name = sandbox->name,
                .sandbox_wish = sandbox->wish,
                .sandbox_privileged = sandbox_is_privileged(sandbox),
                .image = image,
                .rootfs = rootfs,
                .bundle = sandbox->run_dir,
                .cgroup_path = cgroup,
                .ips = (const char *const *)sandbox->ips,
                .hostname = hostname};

        request.namespaces = (SpecNamespaces){
                .net = sandbox_net_mode(sandbox) == CRI_NAMESPACE_MODE_NODE ? "host" : net,
                .ipc = sandbox_ipc_mode(sandbox) == CRI_NAMESPACE_MODE_NODE ? "host" : ipc,
                .uts = uts,
                .pid = sandbox_pid_mode(sandbox) == CRI_NAMESPACE_MODE_NODE ? "host" : NULL,
        };
        return spec_build_infra(&request, &result, error) &&
               bundle_write(sandbox->run_dir, result.spec, error);
}

static bool start(Sandbox *sandbox, GError **error) {
        MonitorRequest request = {.config = sandbox->context->config,
                .runtime = sandbox->runtime,
                .id = sandbox->id,
                .name = sandbox->name,
                .bundle = sandbox->run_dir,
                .persist_dir = sandbox->run_dir};
        MonitorResult result;

        if (!monitor_create(&request, &result, error) ||
                !runtime_start(sandbox->runtime, sandbox->id, error))
                return false;
        sandbox->infra = result.init;
        sandbox->infra_monitor = result.monitor;
        sandbox_watch_infra(sandbox);
        return true;
}

bool infra_up(void *object, GError **error) {
        Sandbox *sandbox = object;
        g_autoptr(ImageRecord) image = NULL;
        g_autofree char *leaf = g_strconcat("crio-", sandbox->id, NULL);
        g_autofree char *cgroup = NULL;
        g_autofree char *rootfs = NULL;

        if (!sandbox_needs_infra(sandbox))
                return true;
        image = find_image(sandbox, error);
        return image && cgroup_path_build(sandbox_cgroup_parent(sandbox), leaf, &cgroup, error) &&
               rootfs_create(sandbox->context->store, sandbox->id, image, NULL, &rootfs, error) &&
               write_bundle(sandbox, image, rootfs, cgroup, error) && start(sandbox, error);
}

bool infra_down(void *object, GError **error) {
        Sandbox *sandbox = object;
        Supervised infra = {.runtime = sandbox->runtime,
                .id = sandbox->id,
                .bundle = sandbox->run_dir,
                .init = sandbox->infra,
                .monitor = sandbox->infra_monitor};

        if (!sandbox_needs_infra(sandbox))
                return true;
        if (!supervised_end(&infra, error))
                return false;
        supervised_drop_files(sandbox->context->config, sandbox->id);
        return true;
}
