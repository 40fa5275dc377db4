/* SPDX-License-Identifier: Apache-2.0 */
#include "host/device.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"

#define ENTRY_LIMIT      1000
#define HOST_ENTRY_LIMIT 20000 /* a large machine has many disks, each with many names */
#define DEPTH_LIMIT      5

void device_free(Device *device) {
        g_free(device->path);
        g_free(device->access);
        g_free(device);
}

static Device *device_new(const char *path, const struct stat *status, const char *access) {
        Device *device = g_new0(Device, 1);

        device->path = g_strdup(path);
        device->type = S_ISBLK(status->st_mode) ? 'b' : 'c';
        device->major = major(status->st_rdev);
        device->minor = minor(status->st_rdev);
        device->mode = status->st_mode & 07777;
        device->uid = status->st_uid;
        device->gid = status->st_gid;
        device->access = g_strdup(access);
        return device;
}

static bool is_device(const struct stat *status) {
        return S_ISCHR(status->st_mode) || S_ISBLK(status->st_mode);
}

static bool access_is_valid(const char *access) {
        for (const char *c = access; *c; c++)
                if (!strchr("rwm", *c) || strchr(c + 1, *c))
                        return false;
        return true;
}

static bool path_is_plain(const char *path) {
        g_auto(GStrv) parts = g_strsplit(path, "/", -1);

        return path[0] == '/' && path[1] != '\0' && strlen(path) < PATH_MAX &&
               !g_strv_contains((const char *const *) parts, "..");
}

/* walking */

typedef struct Walk {
        const char *host; /* what was asked for, for errors */
        const char *access;
        const char *const *skipped; /* names on the first level; NULL: none */
        dev_t file_system;
        unsigned entries_left;
        GPtrArray *devices;
} Walk;

static bool walk_folder(Walk *walk, int take_fd, const char *path, unsigned depth, GError **error);

static bool walk_entry(Walk *walk, int dfd, const char *name, const char *path, unsigned depth,
                       GError **error) {
        g_autofree char *inside = g_strconcat(path, "/", name, NULL);
        struct stat status;
        int child;

        if (fstatat(dfd, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT || fail_errno(error, "device %s", inside);
        if (is_device(&status))
                g_ptr_array_add(walk->devices, device_new(inside, &status, walk->access));
        if (!S_ISDIR(status.st_mode) || status.st_dev != walk->file_system)
                return true;
        if (depth >= DEPTH_LIMIT)
                return fail(error, ERROR_INVALID_ARGUMENT,
                            "devices in %s: more than %d levels of directories", walk->host,
                            DEPTH_LIMIT);
        child = openat(dfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (child < 0)
                return errno == ENOENT || fail_errno(error, "devices in %s", inside);
        return walk_folder(walk, child, inside, depth + 1, error);
}

static bool walk_open(Walk *walk, DIR *folder, const char *path, unsigned depth, GError **error) {
        const struct dirent *entry;

        while ((entry = readdir(folder))) {
                const char *name = entry->d_name;

                if (g_str_equal(name, ".") || g_str_equal(name, ".."))
                        continue;
                if (depth == 1 && walk->skipped && g_strv_contains(walk->skipped, name))
                        continue;
                if (walk->entries_left-- == 0)
                        return fail(error, ERROR_INVALID_ARGUMENT,
                                    "devices in %s: too many entries in this directory",
                                    walk->host);
                if (!walk_entry(walk, dirfd(folder), name, path, depth, error))
                        return false;
        }
        return true;
}

static bool walk_folder(Walk *walk, int take_fd, const char *path, unsigned depth, GError **error) {
        DIR *folder = fdopendir(take_fd);
        bool done;

        if (!folder) {
                fd_close(take_fd);
                return fail_errno(error, "devices in %s", walk->host);
        }
        done = walk_open(walk, folder, path, depth, error);
        closedir(folder);
        return done;
}

static GPtrArray *walk_run(Walk *walk, int take_fd, const char *path, GError **error) {
        g_autoptr(GPtrArray) devices = g_ptr_array_new_with_free_func((GDestroyNotify) device_free);
        struct stat status;

        if (fstat(take_fd, &status) < 0) {
                fd_close(take_fd);
                fail_errno(error, "devices in %s", walk->host);
                return NULL;
        }
        walk->file_system = status.st_dev;
        walk->devices = devices;
        if (!walk_folder(walk, take_fd, path, 1, error))
                return NULL;
        return g_steal_pointer(&devices);
}

/* "/dev" as a device would be privileged by another name, and a walk of "/" would not end. */
static GPtrArray *expand_folder(const char *host, const char *container, const char *access,
                                GError **error) {
        Walk walk = { .host = host, .access = access, .entries_left = ENTRY_LIMIT };
        g_autofree char *trimmed = g_strdup(container);
        char *real = realpath(host, NULL);
        bool beneath = real && g_str_has_prefix(real, "/dev/");
        int fd;

        free(real);
        if (!beneath)
                return fail_null(error, ERROR_INVALID_ARGUMENT,
                                 "devices in %s: only directories below /dev are searched", host);
        fd = open(host, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0) {
                fail_errno(error, "devices in %s", host);
                return NULL;
        }
        while (strlen(trimmed) > 1 && g_str_has_suffix(trimmed, "/"))
                trimmed[strlen(trimmed) - 1] = '\0';
        return walk_run(&walk, fd, trimmed, error);
}

GPtrArray *device_expand(const char *host, const char *container, const char *access,
                         GError **error) {
        g_autoptr(GPtrArray) devices = NULL;
        struct stat status;

        if (!path_is_plain(host) || !path_is_plain(container))
                return fail_null(error, ERROR_INVALID_ARGUMENT,
                                 "device \"%s\" at \"%s\": both must be absolute paths without "
                                 "\"..\"", host, container);
        if (!access_is_valid(access))
                return fail_null(error, ERROR_INVALID_ARGUMENT,
                                 "device %s: the access \"%s\" is not made of r, w and m", host,
                                 access);
        if (stat(host, &status) < 0) {
                fail_errno(error, "device %s", host);
                return NULL;
        }
        if (S_ISDIR(status.st_mode))
                return expand_folder(host, container, access, error);
        if (!is_device(&status))
                return fail_null(error, ERROR_INVALID_ARGUMENT,
                                 "device %s: neither a device nor a directory", host);
        devices = g_ptr_array_new_with_free_func((GDestroyNotify) device_free);
        g_ptr_array_add(devices, device_new(container, &status, access));
        return g_steal_pointer(&devices);
}

GPtrArray *device_list_host(GError **error) {
        static const char *const skipped[] = { "pts", "shm", "mqueue", "fd", "console", "ptmx",
                                               "hugepages", ".lxc", ".lxd-mounts", ".udev", NULL };
        Walk walk = { .host = "/dev", .access = "rwm", .skipped = skipped,
                      .entries_left = HOST_ENTRY_LIMIT };
        int fd = open("/dev", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0) {
                fail_errno(error, "devices of the host: /dev");
                return NULL;
        }
        return walk_run(&walk, fd, "/dev", error);
}

bool device_spec_parse(const char *text, char **ret_host, char **ret_container, char **ret_access,
                       GError **error) {
        g_auto(GStrv) parts = g_strsplit(text, ":", -1);
        guint count = g_strv_length(parts);
        const char *container = count > 1 && parts[1][0] == '/' ? parts[1] : parts[0];
        bool has_access = count == 3 || (count == 2 && parts[1][0] != '/');
        const char *access = has_access ? parts[count - 1] : "rwm";

        if (count < 1 || count > 3 || !path_is_plain(parts[0]) || !path_is_plain(container) ||
            (count == 3 && parts[1][0] != '/') || !*access || !access_is_valid(access))
                return fail(error, ERROR_INVALID_ARGUMENT,
                            "device \"%s\" is not of the form host[:container][:rwm]", text);
        *ret_host = g_strdup(parts[0]);
        *ret_container = g_strdup(container);
        *ret_access = g_strdup(access);
        return true;
}
