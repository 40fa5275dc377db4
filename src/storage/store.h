/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Store - layers and images on disk with their index; parses only what we or crio-image wrote.
 *
 * Owner    The daemon. Threads: any; reads take a leaf lock and never wait for I/O.
 * Disk     <root>/overlay/<layer>/{diff,link,lower}, overlay-layers/layers.json,
 *          overlay-images/...; a pull stages below <root>/overlay/.staging/<random> and publishes
 *          by rename after one syncfs, records last. Start-up removes staging and layers without
 *          record, and never wipes an image.
 */

#include "storage/image-record.h"

typedef struct Store Store;

/* Open or make the store, finish what a crash left, read the index. @root and @runroot as in the
 * configuration. */
Store *store_open(const char *root, const char *runroot, GError **error);
void store_free(Store *store);

/* Read the index again after crio-image published an image. */
bool store_reload(Store *store, GError **error);

/* By id, unique id prefix (>= 3 digits), full name, short name (busybox, busybox:1), name@digest,
 * or repo digest. A new reference, or NULL. */
ImageRecord *store_find_image(Store *store, const char *reference);

/* A snapshot; elements are references. */
GPtrArray *store_list_images(Store *store);

/* Ids of images in the index that have no record of ours, because podman or the Go daemon wrote
 * them: crio-image adopts them (storage/store-write.h). Free with g_strfreev(). */
GStrv store_list_foreign(Store *store);

/* Remove by name (only that name goes, the image with its last one) or by id (all). Images in use
 * by a container keep their layers until the container's rootfs is gone? No: removal of an image
 * whose layers are mounted by a container is refused with FAILED_PRECONDITION naming the
 * container. Missing: success. */
bool store_remove_image(Store *store, const char *reference, GError **error);

/* From records, not by walking. @ret_path is the directory that CRI reports:
 * <root>/overlay-images. */
void store_get_usage(Store *store, char **ret_path, guint64 *ret_bytes, guint64 *ret_inodes);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Store, store_free)
