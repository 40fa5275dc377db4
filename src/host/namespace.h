/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * namespace - namespaces pinned to files, made on throw-away threads; no helper program.
 *
 * Disk     <dir>/{netns,ipcns,utsns,pidns,userns}/<name>: empty files with a namespace bound over
 * them. Threads  Any; every setns/unshare happens on a thread of its own that ends afterwards.
 */

#include <glib.h>
#include <stdbool.h>

typedef enum NamespaceKind {
        NAMESPACE_NET,
        NAMESPACE_IPC,
        NAMESPACE_UTS,
        NAMESPACE_PID,
        NAMESPACE_MNT,
        NAMESPACE_USER,
        NAMESPACE_CGROUP,
        NAMESPACE_COUNT,
} NamespaceKind;

/* "net", "ipc", ... as in /proc/PID/ns and in the directory name before "ns". */
const char *namespace_get_name(NamespaceKind kind);

/* Path of the pin, <dir>/<kind>ns/<name>; free with g_free(). */
char *namespace_pin_path(const char *dir, NamespaceKind kind, const char *name);

/* Unshare all @kinds (a bit mask of 1 << NamespaceKind) at once and pin each below @dir under
 * @name; in the new namespaces set @hostname (NULL: leave), bring loopback up, and write @sysctls
 * (key, value, ...). Each sysctl is one write to one file whose name was checked by sysctl_check().
 * On failure nothing stays. Only net, ipc and uts can be made this way: a PID namespace needs a
 * first process, a user namespace a process with one thread. @hostname and each sysctl need their
 * namespace among @kinds, so that the host is never changed. */
bool namespace_pin(const char *dir, unsigned kinds, const char *name, const char *hostname,
                   const char *const *sysctls, GError **error);

/* Unmount and unlink one pin; missing: success. */
bool namespace_unpin(const char *path, GError **error);

/* Whether @path is a namespace (nsfs) now. */
bool namespace_is_pinned(const char *path);

/* Run @func on a throw-away thread inside the namespace @path; returns what it returned. User
 * namespaces cannot be entered by a thread and are refused; of a PID namespace only new children
 * see something. */
typedef bool (*NamespaceFunc)(void *data, GError **error);
bool namespace_run(const char *path, NamespaceKind kind, NamespaceFunc func, void *data,
                   GError **error);
