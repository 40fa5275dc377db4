/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* mount - the mount calls that the project needs. Threads: any. Paths are ours unless said
 * otherwise. */

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

typedef struct MountEntry {
        char *target;
        char *root; /* the directory of the file system that is seen at the target */
        char *type;
        char *source;
        char *super_options; /* options of the file system, "rw,memory" for a v1 hierarchy */
        bool shared; /* optional field shared:N */
        bool slave;  /* optional field master:N */
} MountEntry;

/* Parse /proc/self/mountinfo; elements are freed with the array. */
GPtrArray *mount_list(GError **error);

/* The mount that @path lies on: the longest target that is a prefix of it; NULL when none.
 * Borrowed. */
const MountEntry *mount_find(const GPtrArray *mounts, const char *path);

bool mount_is_mounted(const char *target);

/* Bind @source over @target (both exist); recursive when @recursive. */
bool mount_bind(const char *source, const char *target, bool recursive, GError **error);

/* nosuid, nodev, noexec, as /dev/shm of a pod has it. @label: SELinux context or NULL. */
bool mount_tmpfs(const char *target, guint64 size_bytes, mode_t mode, const char *label,
                 GError **error);

/* Unmount all mounts stacked on @target, detaching; not mounted or missing: success. */
bool mount_remove(const char *target, GError **error);

/* An overlay: lowers top first, any length (a long path goes to the kernel as a descriptor); @upper
 * and @work NULL for a read-only one. Volatile when writable and the kernel can: after a crash of
 * the host the upper directory is not to be trusted, and <work>/work/incompat/volatile must be
 * removed before the next mount. Kernels before 6.7 take about 200 lowers, later ones 500. @label:
 * SELinux context or NULL. */
typedef struct MountOverlay {
        const char *const *lowers;
        unsigned n_lowers;
        const char *upper;
        const char *work;
        const char *label;
        unsigned attributes; /* MOUNT_ATTR_* for the new mount */
} MountOverlay;

bool mount_overlay(const MountOverlay *overlay, const char *target, GError **error);

/* Make @path a shared mount point of its own if it lies on no shared mount (rshared volumes need
 * it). */
bool mount_make_shared(const char *path, GError **error);
