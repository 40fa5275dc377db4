/* SPDX-License-Identifier: Apache-2.0 */
/* The bundle stage of a container: everything its specification is made of, and the status that
 * follows from it. */

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/tree.h"
#include "pod/container-private.h"
#include "pod/registry.h"
#include "pod/sandbox-private.h"
#include "pod/supervise.h"
#include "runtime/bundle.h"
#include "runtime/spec.h"
#include "storage/rootfs.h"

/* Image reference of a mount -> where it is mounted. */
static GHashTable *list_volumes(const Container *container) {
        GHashTable *volumes = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
        g_autofree char *folder = container_volumes_path(container);

        for (size_t i = 0; i < container->wish->n_mounts; i++)
                if (container_is_image_mount(container->wish->mounts[i]))
                        g_hash_table_insert(volumes, container->wish->mounts[i]->image->image,
                                g_strdup_printf("%s/%zu", folder, i));
        return volumes;
}

/* A log path that is a dangling link would make the monitor write elsewhere. */
static bool prepare_log(const Container *container, GError **error) {
        g_autofree char *folder = g_path_get_dirname(container->log_path);
        struct stat status;

        if (lstat(container->log_path, &status) == 0 && S_ISLNK(status.st_mode) &&
                unlink(container->log_path) < 0)
                return fail_errno(error, "remove the link at %s", container->log_path);
        return dir_make(AT_FDCWD, folder, 0755, error);
}

static const CriNamespaceOption *wish_namespaces(const Container *container) {
        const CriLinuxContainerConfig *linux_config = container->wish->linux;

        return linux_config && linux_config->security_context
                       ? linux_config->security_context->namespace_options
                       : NULL;
}

static CriNamespaceMode pid_mode(const Container *container) {
        const CriNamespaceOption *options = wish_namespaces(container);

        return options ? options->pid : sandbox_pid_mode(container->sandbox);
}

/* The namespace of another container of the same pod. */
static char *target_pid_path(Container *container, GError **error) {
        const char *target_id = wish_namespaces(container)->target_id;
        g_autoptr(Container) target =
                registry_find_container(container->context->registry, target_id);
        g_auto(ContainerStatus) status = {0};

        if (!target || !g_str_equal(target->sandbox_id, container->sandbox_id))
                return fail_null(error, ERROR_INVALID_ARGUMENT,
                        "namespace_options.target_id: no container %s in this pod", target_id);
        container_get_status(target, &status);
        if (status.state != CRI_CONTAINER_STATE_CONTAINER_RUNNING)
                return fail_null(error, ERROR_FAILED_PRECONDITION,
                        "namespace_options.target_id: container %s does not run", target_id);
        return g_strdup_printf("/proc/%d/ns/pid", (int)status.pid);
}

/* "host", a path, or NULL for a new one. */
static bool find_pid_path(Container *container, char **ret_path, GError **error) {
        CriNamespaceMode mode = pid_mode(container);

        *ret_path = NULL;
        if (mode == CRI_NAMESPACE_MODE_NODE) {
                *ret_path = g_strdup("host");
                return true;
        }
        if (mode == CRI_NAMESPACE_MODE_TARGET) {
                *ret_path = target_pid_path(container, error);
                return *ret_path != NULL;
        }
        if (mode == CRI_NAMESPACE_MODE_POD) {
                if (container->sandbox->infra.pid <= 0)
                        return fail(error, ERROR_INVALID_ARGUMENT,
                                "namespace_options.pid is POD, but the sandbox has no shared PID "
                                "namespace");
                *ret_path = g_strdup_printf("/proc/%d/ns/pid", (int)container->sandbox->infra.pid);
                return true;
        }
        return mode == CRI_NAMESPACE_MODE_CONTAINER ||
               fail(error, ERROR_INVALID_ARGUMENT, "namespace_options.pid has the unknown value %d",
                       (int)mode);
}

/* The paths that a SpecRequest borrows. */
typedef struct Places {
        char *net, *ipc, *uts, *pid;
        char *resolv_conf, *hostname_file, *shm, *hostname, *rootfs;
        GHashTable *volumes;
} Places;

static void places_clear(Places *places) {
        g_free(places->net);
        g_free(places->ipc);
        g_free(places->uts);
        g_free(places->pid);
        g_free(places->resolv_conf);
        g_free(places->hostname_file);
        g_free(places->shm);
        g_free(places->hostname);
        g_free(places->rootfs);
        g_clear_pointer(&places->volumes, g_hash_table_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Places, places_clear)

static bool find_places(Container *container, ImageRecord *image, Places *places, GError **error) {
        const Sandbox *sandbox = container->sandbox;
        bool host_net = sandbox_net_mode(sandbox) == CRI_NAMESPACE_MODE_NODE;
        bool host_ipc = sandbox_ipc_mode(sandbox) == CRI_NAMESPACE_MODE_NODE;

        places->net = host_net ? g_strdup("host") : sandbox_pin(sandbox, NAMESPACE_NET);
        places->ipc = host_ipc ? g_strdup("host") : sandbox_pin(sandbox, NAMESPACE_IPC);
        places->uts = sandbox_pin(sandbox, NAMESPACE_UTS);
        places->resolv_conf = g_build_filename(sandbox->run_dir, "resolv.conf", NULL);
        places->hostname_file = g_build_filename(sandbox->run_dir, "hostname", NULL);
        places->shm =
                host_ipc ? g_strdup("/dev/shm") : g_build_filename(sandbox->run_dir, "shm", NULL);
        places->hostname = sandbox_hostname(sandbox);
        places->volumes = list_volumes(container);
        return find_pid_path(container, &places->pid, error) &&
               rootfs_create(container->context->store, container->id, image, NULL, &places->rootfs,
                       error);
}

/* The status */

static CriContainerUser *make_user(const SpecResult *result) {
        CriContainerUser *user = g_new0(CriContainerUser, 1);
        CriLinuxContainerUser *linux_user = g_new0(CriLinuxContainerUser, 1);

        cri_container_user_init(user);
        cri_linux_container_user_init(linux_user);
        linux_user->uid = result->uid;
        linux_user->gid = result->gid;
        linux_user->n_supplemental_groups = result->groups ? result->groups->len : 0;
        linux_user->supplemental_groups = g_new0(gint64, linux_user->n_supplemental_groups + 1);
        for (size_t i = 0; i < linux_user->n_supplemental_groups; i++)
                linux_user->supplemental_groups[i] = g_array_index(result->groups, guint32, i);
        user->linux = linux_user;
        return user;
}

/* What the status shows of the image: a name, and the digest that was pulled. */
static void set_image(CriContainerStatus *status, const Container *container,
        const ImageRecord *image, CriImageSpec *spec) {
        const CriImageSpec *asked = container->wish->image;

        spec->image = image->names && image->names[0] ? image->names[0] : asked->image;
        spec->user_specified_image = asked->user_specified_image;
        status->image = spec;
        status->image_ref = image->digests && image->digests[0] ? image->digests[0] : image->id;
        status->image_id = image->id;
}

/* Built of borrowed parts and then copied whole, so that there is one owner. */
static CriContainerStatus *make_status(
        const Container *container, const ImageRecord *image, const SpecResult *result) {
        const CriContainerConfig *wish = container->wish;
        CriContainerStatus status = CRI_CONTAINER_STATUS_INIT;
        CriContainerResources resources = CRI_CONTAINER_RESOURCES_INIT;
        CriImageSpec spec = CRI_IMAGE_SPEC_INIT;
        CriContainerUser *user = make_user(result);
        CriContainerStatus *copy;

        status.id = container->id;
        status.metadata = wish->metadata;
        status.n_labels = wish->n_labels;
        status.labels = wish->labels;
        status.n_annotations = wish->n_annotations;
        status.annotations = wish->annotations;
        status.log_path = container->log_path;
        status.stop_signal = wish->stop_signal;
        status.n_mounts = result->mounts ? result->mounts->len : 0;
        status.mounts = result->mounts ? (CriMount **)result->mounts->pdata : NULL;
        status.user = user;
        resources.linux = wish->linux ? wish->linux->resources : NULL;
        status.resources = resources.linux ? &resources : NULL;
        set_image(&status, container, image, &spec);
        copy = CRI_COPY(CriContainerStatus, &status);
        g_free(user->linux->supplemental_groups);
        g_free(user->linux);
        g_free(user);
        return copy;
}

static bool build_spec(
        Container *container, ImageRecord *image, const Places *places, GError **error) {
        const Sandbox *sandbox = container->sandbox;
        g_auto(SpecResult) result = {0};
        SpecRequest request = {
                .config = container->context->config,
                .runtime = container->runtime,
                .id = container->id,
                .name = container->name,
                .sandbox_id = container->sandbox_id,
                .sandbox_name = sandbox->name,
                .wish = container->wish,
                .sandbox_wish = sandbox->wish,
                .sandbox_privileged = sandbox_is_privileged(sandbox),
                .image = image,
                .image_volumes = places->volumes,
                .rootfs = places->rootfs,
                .bundle = container->bundle,
                .cgroup_path = container->cgroup_path,
                .namespaces = {places->net, places->ipc, places->uts, places->pid},
                .ips = (const char *const *)sandbox->ips,
                .resolv_conf = places->resolv_conf,
                .hostname_file = places->hostname_file,
                .hosts = g_str_equal(places->net, "host") ? "/etc/hosts" : NULL,
                .shm = places->shm,
                .hostname = places->hostname,
                .log_path = container->log_path,
        };
        ContainerBase *base;

        if (!spec_build(&request, &result, error) ||
                !bundle_write(container->bundle, result.spec, error))
                return false;
        base = container_base_new(make_status(container, image, &result));
        lock_guard(&container->lock);
        container->base = base;
        container->stop_signal = result.stop_signal;
        container->shares_pid = pid_mode(container) != CRI_NAMESPACE_MODE_CONTAINER;
        container->privileged = container->wish->linux &&
                                container->wish->linux->security_context &&
                                container->wish->linux->security_context->privileged;
        return true;
}

bool container_bundle_up(void *object, GError **error) {
        Container *container = object;
        g_autoptr(ImageRecord) image = container_find_image(container, error);
        g_auto(Places) places = {0};

        return image && dir_make(AT_FDCWD, container->bundle, 0711, error) &&
               prepare_log(container, error) && find_places(container, image, &places, error) &&
               build_spec(container, image, &places, error);
}

bool container_bundle_down(void *object, GError **error) {
        Container *container = object;
        g_autofree char *folder = g_path_get_dirname(container->bundle);

        supervised_drop_files(container->context->config, container->id);
        return tree_remove(AT_FDCWD, folder, error);
}
