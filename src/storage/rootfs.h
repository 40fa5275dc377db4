/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * rootfs - the writable root of one container: <root>/overlay/<id>/{diff,work,merged}, an overlay
 * mount of the image's layers made with the new mount API, volatile, up to the kernel's 500 lowers.
 *
 * Owner    The container's record; only rootfs_remove() lets go. Threads: any, one at a time for
 * each id. Every function may be called again, and after a crash, and then finishes the rest.
 */

#include "base/id.h"
#include "storage/store.h"

/* Make and mount it. @image NULL: an empty root (a sandbox without image). @mount_label: SELinux
 * context or NULL. @ret_path: the mount point "merged", free with g_free(). Is it mounted
 * already, then it stays as it is. */
bool rootfs_create(Store *store, const char *id, ImageRecord *image, const char *mount_label,
                   char **ret_path, GError **error);

/* The mount point of a root, mounted or not; free with g_free(). */
char *rootfs_get_path(const Store *store, const char *id);

/* Unmount, keep the written files (a stopped container). Not mounted: success. */
bool rootfs_unmount(Store *store, const char *id, GError **error);

/* Unmount and remove everything. Missing: success. */
bool rootfs_remove(Store *store, const char *id, GError **error);

/* Mount an image read-only for use as a volume at @target (an existing directory of ours below
 * runroot). */
bool rootfs_mount_image(Store *store, ImageRecord *image, const char *target,
                        const char *mount_label, GError **error);

/* Unmount such a volume. Not mounted: success. */
bool rootfs_unmount_image(Store *store, const char *target, GError **error);

/* Remove every container root whose id @is_known does not know (start-up); failures are logged and
 * skipped. */
void rootfs_sweep(Store *store, IdKnownFunc is_known, void *data);

/* Disk usage of the writable layer, by walking it: for stats. */
bool rootfs_get_usage(Store *store, const char *id, guint64 *ret_bytes, guint64 *ret_inodes,
                      GError **error);
