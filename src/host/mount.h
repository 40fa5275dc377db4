/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* mount - the mount calls that the project needs. Threads: any. Paths are ours unless said otherwise. */

#include <glib.h>
#include <stdbool.h>

typedef struct MountEntry {
        char *target;
        char *root;
        char *type;
        char *source;
        bool shared; /* optional field shared:N */
        bool slave;  /* optional field master:N */
} MountEntry;

/* Parse /proc/self/mountinfo; elements are freed with the array. */
GPtrArray *mount_list(GError **error);

/* The mount that @path lies on: the longest target that is a prefix of it; NULL when none. Borrowed. */
const MountEntry *mount_find(const GPtrArray *mounts, const char *path);

bool mount_is_mounted(const char *target);

/* Bind @source over @target (both exist); recursive when @recursive. */
bool mount_bind(const char *source, const char *target, bool recursive, GError **error);

bool mount_tmpfs(const char *target, guint64 size_bytes, mode_t mode, const char *label,
                 GError **error);

/* Unmount all mounts stacked on @target, detaching; not mounted or missing: success. */
bool mount_remove(const char *target, GError **error);

/* An overlay: lowers top first, as descriptors or paths without length limit (fsconfig "lowerdir+"); @upper and
 * @work NULL for a read-only one. Volatile when writable. Attached at @target. @label: SELinux context or NULL. */
typedef struct MountOverlay {
        const char *const *lowers;
        unsigned n_lowers;
        const char *upper;
        const char *work;
        const char *label;
        unsigned attributes; /* MOUNT_ATTR_* for the new mount */
} MountOverlay;

bool mount_overlay(const MountOverlay *overlay, const char *target, GError **error);

/* Make @path a shared mount point of its own if it lies on no shared mount (rshared volumes need it). */
bool mount_make_shared(const char *path, GError **error);
