/* SPDX-License-Identifier: Apache-2.0 */
/* What a container is, in four rows. */

#include <fcntl.h>

#include "base/error.h"
#include "base/file.h"
#include "base/tree.h"
#include "host/cgroup.h"
#include "pod/container-private.h"
#include "pod/supervise.h"
#include "storage/rootfs.h"

ImageRecord *container_find_image(Container *container, GError **error) {
        const CriImageSpec *spec = container->wish->image;
        const char *reference = spec ? spec->image : "";
        ImageRecord *image;

        if (!*reference)
                return fail_null(error, ERROR_INVALID_ARGUMENT, "the container names no image");
        image = store_find_image(container->context->store, reference);
        return image ? image
                     : fail_null(error, ERROR_NOT_FOUND,
                               "image %s is not on this node; pull it first", reference);
}

/* rootfs: the image's layers under a writable one */

static bool rootfs_up(void *object, GError **error) {
        Container *container = object;
        g_autoptr(ImageRecord) image = container_find_image(container, error);
        g_autofree char *path = NULL;

        return image &&
               rootfs_create(container->context->store, container->id, image, NULL, &path, error);
}

static bool rootfs_down(void *object, GError **error) {
        Container *container = object;

        return rootfs_remove(container->context->store, container->id, error);
}

/* volumes: images mounted read-only below the run directory */

char *container_volumes_path(const Container *container) {
        g_autofree char *folder = g_path_get_dirname(container->bundle);

        return g_build_filename(folder, "volumes", NULL);
}

static bool mount_volume(
        Container *container, const char *reference, const char *target, GError **error) {
        g_autoptr(ImageRecord) image = store_find_image(container->context->store, reference);

        if (!image)
                return fail(error, ERROR_NOT_FOUND,
                        "image volume %s is not on this node; pull it first", reference);
        return dir_make(AT_FDCWD, target, 0711, error) &&
               rootfs_mount_image(container->context->store, image, target, NULL, error);
}

bool container_is_image_mount(const CriMount *mount) {
        return mount->image && *mount->image->image;
}

static bool volumes_up(void *object, GError **error) {
        Container *container = object;
        g_autofree char *folder = container_volumes_path(container);

        for (size_t i = 0; i < container->wish->n_mounts; i++) {
                const CriMount *mount = container->wish->mounts[i];
                g_autofree char *target = g_strdup_printf("%s/%zu", folder, i);

                if (container_is_image_mount(mount) &&
                        !mount_volume(container, mount->image->image, target, error))
                        return false;
        }
        return true;
}

static bool volumes_down(void *object, GError **error) {
        Container *container = object;
        g_autofree char *folder = container_volumes_path(container);
        g_autoptr(GPtrArray) names = dir_list(AT_FDCWD, folder, error);

        for (unsigned i = 0; names && i < names->len; i++) {
                g_autofree char *target = g_build_filename(folder, names->pdata[i], NULL);

                if (!rootfs_unmount_image(container->context->store, target, error))
                        return false;
        }
        return names && tree_remove(AT_FDCWD, folder, error);
}

/* process: the monitor, the runtime's container, the init process that waits to be started */

static bool process_up(void *object, GError **error) {
        Container *container = object;
        const CriContainerConfig *wish = container->wish;
        MonitorRequest request = {.config = container->context->config,
                .runtime = container->runtime,
                .id = container->id,
                .name = container->name,
                .bundle = container->bundle,
                .persist_dir = container->bundle,
                .log_path = container->log_path,
                .terminal = wish->tty,
                .stdin_open = wish->stdin,
                .stdin_once = wish->stdin_once};
        MonitorResult result;

        if (container->monitor_cgroup && !cgroup_create(container->monitor_cgroup, error))
                return false;
        request.cgroup_path = container->monitor_cgroup;
        if (!monitor_create(&request, &result, error))
                return false;
        lock_take(&container->lock);
        container->init = result.init;
        container->monitor = result.monitor;
        container->state = CRI_CONTAINER_STATE_CONTAINER_CREATED;
        lock_drop(&container->lock);
        container_watch(container);
        return true;
}

static bool process_down(void *object, GError **error) {
        Container *container = object;
        Supervised supervised = {.runtime = container->runtime,
                .id = container->id,
                .bundle = container->bundle,
                .init = container->init,
                .monitor = container->monitor};

        return supervised_end(&supervised, error) &&
               (!container->monitor_cgroup || cgroup_remove(container->monitor_cgroup, error));
}

const Stage container_stages[] = {
        {"rootfs", rootfs_up, rootfs_down},
        {"volumes", volumes_up, volumes_down},
        {"bundle", container_bundle_up, container_bundle_down},
        {"process", process_up, process_down},
};

const unsigned container_stage_count = G_N_ELEMENTS(container_stages);
