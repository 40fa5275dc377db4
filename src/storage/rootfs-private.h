/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "storage/rootfs.h"
#include "storage/store-private.h"

/* The lowers of an image as overlay wants them, top first: absolute paths. Free with
 * g_strfreev(). */
GStrv rootfs_list_lowers(const Store *store, const ImageRecord *image);

/* The part of rootfs_create() that comes after the directory and the claim of the image. */
bool rootfs_make(Store *store, const char *id, const ImageRecord *image, const char *mount_label,
                 GError **error);

/* Bytes on disk and inodes of the tree at @dfd, which may be as deep and change as fast as a
 * container likes. A file with several names counts in parts, so that it counts once if all are
 * here. */
bool usage_measure(int dfd, guint64 *ret_bytes, guint64 *ret_inodes, GError **error);
