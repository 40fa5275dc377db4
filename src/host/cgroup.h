/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * cgroup - the cgroupfs driver, for v1 hierarchies and for v2.
 *
 * Paths are as the kernel's: absolute below the mount of each hierarchy
 * ("/kubepods/pod1/crio-abc"). Threads: any. Nothing here waits except cgroup_kill().
 */

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

/* v2 only ("unified"), or v1 (also hybrid). Found once at the first call. */
bool cgroup_is_unified(void);

/* Make the cgroup in every hierarchy (v2: one), parents included, controllers delegated where
 * possible. */
bool cgroup_create(const char *path, GError **error);

/* Move a process into it (all hierarchies). */
bool cgroup_attach(const char *path, pid_t pid, GError **error);

/* SIGKILL everything below (cgroup.kill on v2; v1: freeze-free loop over cgroup.procs until empty
 * or @deadline_usec). */
bool cgroup_kill(const char *path, gint64 deadline_usec, GError **error);

/* Remove it and empty children. Missing: success. Busy: error. */
bool cgroup_remove(const char *path, GError **error);

/* In any hierarchy. */
bool cgroup_exists(const char *path);

/* The directory of it in one hierarchy, so that files can be read many times; -1 when there is
 * none. */
int cgroup_open(const char *path, const char *controller);

/* One value of a controller file; NULL when there is none. @controller is "memory", "cpu", ... on
 * v1 and is not used on v2. Free with g_free(). */
char *cgroup_read(const char *path, const char *controller, const char *file);
bool cgroup_write(const char *path, const char *controller, const char *file, const char *value,
                  GError **error);

/* Kills for want of memory so far, 0 when it cannot be told. */
guint64 cgroup_get_oom_kills(const char *path);

/* Join CRI's cgroup_parent and a leaf into a path with the cgroupfs rules; a ".slice" parent is
 * refused with the text that names both settings (facts/features.md 1.14). @parent "" gives the
 * daemon's default parent. */
bool cgroup_path_build(const char *parent, const char *leaf, char **ret_path, GError **error);
