/* SPDX-License-Identifier: Apache-2.0 */

/* selinux-relabel - labels on files, those of a volume that somebody hostile may be changing too.
 * */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <selinux/selinux.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "host/selinux-label-private.h"

#define DEPTH_LIMIT 400 /* levels; each costs a descriptor */

/* A host whose system directories have the label of one container's files is broken. */
bool selinux_label_is_protected(const char *path) {
        static const char *const directories[] = {
                "/",      "/bin",  "/boot", "/dev",  "/etc",     "/etc/passwd", "/etc/pki",
                "/etc/shadow", "/home", "/lib", "/lib64", "/media", "/mnt",  "/opt",
                "/proc",  "/root", "/run",  "/sbin", "/srv",     "/sys",        "/tmp",
                "/usr",   "/var",  "/var/lib", "/var/log", "/var/run", "/var/tmp", NULL
        };
        char *real = realpath(path, NULL);
        bool found = g_strv_contains(directories, real ? real : path);

        free(real);
        return found;
}

/* @name is what procfs calls the file, so that the descriptor and not a path decides which it is.
 * */
static bool set_one(const char *name, bool follow, const char *label) {
        char *now = NULL;
        int length = follow ? getfilecon_raw(name, &now) : lgetfilecon_raw(name, &now);
        bool same = length >= 0 && g_strcmp0(now, label) == 0;

        freecon(now);
        if (same)
                return true;
        if ((follow ? setfilecon_raw(name, label) : lsetfilecon_raw(name, label)) == 0)
                return true;
        return errno == ENOTSUP || errno == ENOENT || errno == EROFS;
}

static bool set_children(int take_fd, const char *label, unsigned depth);

static bool set_child(int dfd, const char *name, const char *label, unsigned depth) {
        g_autofree char *link = g_strdup_printf("/proc/self/fd/%d/%s", dfd, name);
        struct stat status;
        int child;

        if (!set_one(link, false, label))
                return false;
        if (fstatat(dfd, name, &status, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(status.st_mode))
                return true;
        if (depth >= DEPTH_LIMIT) {
                errno = ELOOP;
                return false;
        }
        child = openat(dfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (child < 0)
                return errno == ENOENT || errno == ENOTDIR || errno == ELOOP;
        return set_children(child, label, depth + 1);
}

static bool set_children(int take_fd, const char *label, unsigned depth) {
        DIR *folder = fdopendir(take_fd);
        const struct dirent *entry;
        bool done = true;

        if (!folder) {
                fd_close(take_fd);
                return false;
        }
        while (done && (entry = readdir(folder)))
                if (!g_str_equal(entry->d_name, ".") && !g_str_equal(entry->d_name, ".."))
                        done = set_child(dirfd(folder), entry->d_name, label, depth);
        if (!done) {
                int number = errno;

                closedir(folder);
                errno = number;
                return false;
        }
        closedir(folder);
        return true;
}

bool selinux_label_set(const char *path, const char *label, bool recursive, GError **error) {
        autofd int fd = open(path, O_PATH | O_CLOEXEC);
        char link[32];
        struct stat status;
        int folder;

        if (fd < 0 || fstat(fd, &status) < 0)
                return fail_errno(error, "set the SELinux label of %s", path);
        snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        if (!set_one(link, true, label))
                return fail_errno(error, "set the SELinux label of %s to %s", path, label);
        if (!recursive || !S_ISDIR(status.st_mode))
                return true;
        folder = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (folder < 0 || !set_children(folder, label, 1))
                return fail_errno(error, "set the SELinux labels below %s to %s", path, label);
        return true;
}

bool selinux_label_relabel(const char *path, const char *label, bool recursive, GError **error) {
        if (!selinux_label_is_enabled() || !label || !*label)
                return true;
        if (selinux_label_is_protected(path))
                return fail(error, ERROR_INVALID_ARGUMENT,
                            "SELinux relabeling of %s is not allowed: the host lives on it", path);
        return selinux_label_set(path, label, recursive, error);
}

bool selinux_label_get(const char *path, char **ret_label, GError **error) {
        char *label = NULL;

        *ret_label = NULL;
        if (!selinux_label_is_enabled())
                return true;
        if (getfilecon_raw(path, &label) < 0 && errno != ENODATA && errno != ENOTSUP)
                return fail_errno(error, "read the SELinux label of %s", path);
        *ret_label = g_strdup(label);
        freecon(label);
        return true;
}
