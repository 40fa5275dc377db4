/* SPDX-License-Identifier: Apache-2.0 */

/* rootfs-image - images mounted read-only as volumes. For each mount
 * <runroot>/image-mounts/<sha256 of the target> notes image and target, so that a daemon that
 * starts again knows what is in use. */

#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/id.h"
#include "host/mount.h"
#include "storage/rootfs-private.h"

#define NOTES "image-mounts"
#define NOTE_LIMIT (ID_LENGTH + 1 + 4096)

static char *note_path(const char *target) {
        g_autofree char *hash = g_compute_checksum_for_string(G_CHECKSUM_SHA256, target, -1);

        return g_build_filename(NOTES, hash, NULL);
}

static bool write_note(const Store *store, const char *image_id, const char *target,
                       GError **error) {
        g_autofree char *path = note_path(target);
        g_autofree char *text = g_strconcat(image_id, "\n", target, NULL);

        return dir_make(store->runroot_dfd, NOTES, 0700, error) &&
               file_publish(store->runroot_dfd, path, text, strlen(text), 0600, error);
}

/* The target of a note if it is about @image_id ("": whichever); otherwise NULL. */
static char *read_note(const Store *store, const char *name, const char *image_id) {
        g_autofree char *path = g_build_filename(NOTES, name, NULL);
        g_autofree char *text = NULL;

        if (!file_read(store->runroot_dfd, path, NOTE_LIMIT, &text, NULL, NULL) ||
            !g_str_has_prefix(text, image_id) || strlen(text) <= ID_LENGTH ||
            text[ID_LENGTH] != '\n')
                return NULL;
        return g_strdup(text + ID_LENGTH + 1);
}

char *store_find_mount_of(Store *store, const char *image_id) {
        g_autoptr(GPtrArray) names = dir_list(store->runroot_dfd, NOTES, NULL);

        for (unsigned i = 0; names && i < names->len; i++) {
                g_autofree char *target = read_note(store, names->pdata[i], image_id);

                if (target && mount_is_mounted(target))
                        return g_strconcat("the volume at ", target, NULL);
        }
        return NULL;
}

/* The daemon that unmounted may have died before it could say so. */
void store_forget_unmounted(Store *store) {
        g_autoptr(GPtrArray) names = dir_list(store->runroot_dfd, NOTES, NULL);

        for (unsigned i = 0; names && i < names->len; i++) {
                g_autofree char *path = g_build_filename(NOTES, names->pdata[i], NULL);
                g_autofree char *target = read_note(store, names->pdata[i], "");

                if (!target || !mount_is_mounted(target))
                        unlinkat(store->runroot_dfd, path, 0);
        }
}

/* Two lowers are the least without an upper, so an empty one stands beneath. */
static GStrv lowers_with_empty(const Store *store, const ImageRecord *image, GError **error) {
        g_auto(GStrv) lowers = rootfs_list_lowers(store, image);
        g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
        unsigned count = g_strv_length(lowers);
        g_autofree char *empty = g_build_filename(store->runroot, "empty", NULL);

        if (count >= 2)
                return g_steal_pointer(&lowers);
        if (!dir_make(AT_FDCWD, empty, 0755, error))
                return NULL;
        g_strv_builder_addv(builder, (const char **) lowers);
        for (unsigned i = count; i < 2; i++)
                g_strv_builder_add(builder, empty);
        return g_strv_builder_end(builder);
}

static bool mount_image(Store *store, const ImageRecord *image, const char *target,
                        const char *mount_label, GError **error) {
        g_auto(GStrv) lowers = lowers_with_empty(store, image, error);
        MountOverlay overlay = { .lowers = (const char *const *) lowers, .label = mount_label,
                                 .attributes = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV };

        if (!lowers)
                return false;
        overlay.n_lowers = g_strv_length(lowers);
        return mount_overlay(&overlay, target, error);
}

/**
 * rootfs_mount_image() - show an image at a directory
 *
 * While it is being mounted, the image is in use under the name of the target; from then on the
 * note and the mount say so.
 */
bool rootfs_mount_image(Store *store, ImageRecord *image, const char *target,
                        const char *mount_label, GError **error) {
        bool good;

        if (!store_use_image(store, target, image, error))
                return false;
        good = write_note(store, image->id, target, error) &&
               (mount_is_mounted(target) || mount_image(store, image, target, mount_label, error));
        store_unuse_image(store, target);
        return good;
}

bool rootfs_unmount_image(Store *store, const char *target, GError **error) {
        g_autofree char *path = note_path(target);

        if (!mount_remove(target, error))
                return false;
        unlinkat(store->runroot_dfd, path, 0);
        return true;
}
