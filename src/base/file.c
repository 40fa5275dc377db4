/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"

static char *temporary_name(const char *name) {
        g_autofree char *folder = g_path_get_dirname(name);
        g_autofree char *base = g_path_get_basename(name);

        return g_strdup_printf("%s/.%s.%08x.tmp", folder, base, g_random_int());
}

static bool sync_folder(int dfd, const char *name) {
        g_autofree char *folder = g_path_get_dirname(name);
        autofd int fd = openat(dfd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        return fd >= 0 && fsync(fd) == 0;
}

/* A file under a temporary name, to be filled and renamed. */
typedef struct Publication {
        int dfd;
        const char *name;
        mode_t mode;
        bool sync;
} Publication;

static bool publish(const Publication *file, const void *data, size_t length, GError **error) {
        g_autofree char *temporary = temporary_name(file->name);
        autofd int fd = openat(file->dfd, temporary,
                O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, file->mode);
        bool good = fd >= 0 && fd_write_all(fd, data, length) && fchmod(fd, file->mode) == 0 &&
                    (!file->sync || fdatasync(fd) == 0) && close(steal_fd(&fd)) == 0 &&
                    renameat(file->dfd, temporary, file->dfd, file->name) == 0;

        if (good)
                return !file->sync || sync_folder(file->dfd, file->name) ||
                       fail_errno(error, "sync the folder of %s", file->name);
        fail_errno(error, "write %s", file->name);
        unlinkat(file->dfd, temporary, 0);
        return false;
}

bool file_publish(
        int dfd, const char *name, const void *data, size_t length, mode_t mode, GError **error) {
        const Publication file = {dfd, name, mode, false};

        return publish(&file, data, length, error);
}

bool file_publish_synced(
        int dfd, const char *name, const void *data, size_t length, mode_t mode, GError **error) {
        const Publication file = {dfd, name, mode, true};

        return publish(&file, data, length, error);
}

static bool read_all(int fd, const char *name, size_t limit, char **ret_text, size_t *ret_length,
        GError **error) {
        g_autoptr(GByteArray) bytes = g_byte_array_new();
        guint8 chunk[8192];
        ssize_t count;

        while ((count = read(fd, chunk, sizeof(chunk))) != 0) {
                if (count < 0 && errno == EINTR)
                        continue;
                if (count < 0)
                        return fail_errno(error, "read %s", name);
                if (bytes->len + (size_t)count > limit)
                        return fail(error, ERROR_RESOURCE_EXHAUSTED,
                                "read %s: larger than the limit of %zu bytes", name, limit);
                g_byte_array_append(bytes, chunk, (guint)count);
        }
        if (ret_length)
                *ret_length = bytes->len;
        g_byte_array_append(bytes, (const guint8 *)"", 1);
        *ret_text = (char *)g_byte_array_free(g_steal_pointer(&bytes), FALSE);
        return true;
}

static bool read_regular(int fd, const char *name, size_t limit, char **ret_text,
        size_t *ret_length, GError **error) {
        struct stat status;

        if (fstat(fd, &status) < 0)
                return fail_errno(error, "stat %s", name);
        if (!S_ISREG(status.st_mode))
                return fail(error, ERROR_UNKNOWN, "read %s: not a regular file", name);
        if ((guint64)status.st_size > limit)
                return fail(error, ERROR_RESOURCE_EXHAUSTED,
                        "read %s: larger than the limit of %zu bytes", name, limit);
        return read_all(fd, name, limit, ret_text, ret_length, error);
}

bool file_read(int dfd, const char *name, size_t limit, char **ret_text, size_t *ret_length,
        GError **error) {
        autofd int fd = openat(dfd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

        if (fd < 0)
                return fail_errno(error, "open %s", name);
        return read_regular(fd, name, limit, ret_text, ret_length, error);
}

char *file_read_line(int dfd, const char *name) {
        autofd int fd = openat(dfd, name, O_RDONLY | O_CLOEXEC);
        char *text = NULL;

        if (fd < 0 || !read_all(fd, name, 1 << 20, &text, NULL, NULL))
                return NULL;
        return g_strchomp(text);
}

bool file_write(int dfd, const char *name, const char *text) {
        autofd int fd = openat(dfd, name, O_WRONLY | O_CLOEXEC);
        size_t length = strlen(text);

        return fd >= 0 && write(fd, text, length) == (ssize_t)length;
}

bool dir_make(int dfd, const char *path, mode_t mode, GError **error) {
        g_autofree char *copy = g_strdup(path);

        if (mkdirat(dfd, path, mode) == 0 || errno == EEXIST)
                return true;
        for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
                *slash = '\0';
                if (mkdirat(dfd, copy, mode) < 0 && errno != EEXIST)
                        return fail_errno(error, "make directory %s", copy);
                *slash = '/';
        }
        if (mkdirat(dfd, path, mode) < 0 && errno != EEXIST)
                return fail_errno(error, "make directory %s", path);
        return true;
}

int dir_open(int dfd, const char *path, GError **error) {
        int fd = openat(dfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        return fd < 0 ? fail_fd(error, "open directory %s", path) : fd;
}

GPtrArray *dir_list(int dfd, const char *path, GError **error) {
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
        int fd = openat(dfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        const struct dirent *entry;
        DIR *folder;

        if (fd < 0 && errno == ENOENT)
                return g_steal_pointer(&names);
        folder = fd < 0 ? NULL : fdopendir(fd);
        if (!folder) {
                fail_errno(error, "open directory %s", path);
                if (fd >= 0)
                        fd_close(fd);
                return NULL;
        }
        while ((entry = readdir(folder)))
                if (!g_str_equal(entry->d_name, ".") && !g_str_equal(entry->d_name, ".."))
                        g_ptr_array_add(names, g_strdup(entry->d_name));
        closedir(folder);
        return g_steal_pointer(&names);
}

int file_open_in_root(int root_dfd, const char *path, int flags, mode_t mode) {
        struct open_how how = {.flags = (guint64)(flags | O_CLOEXEC),
                .mode = (flags & (O_CREAT | O_TMPFILE)) ? mode : 0,
                .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
        long fd;

        do
                fd = syscall(SYS_openat2, root_dfd, path, &how, sizeof(how));
        while (fd < 0 &&
                errno == EAGAIN); /* the kernel saw a rename race and asks for another try */
        return (int)fd;
}

int dir_make_in_root(int root_dfd, const char *path, mode_t mode) {
        g_auto(GStrv) parts = g_strsplit(path, "/", -1);
        g_autoptr(GString) walked = g_string_new("/");
        autofd int current = file_open_in_root(root_dfd, "/", O_RDONLY | O_DIRECTORY, 0);

        for (unsigned i = 0; parts[i] && current >= 0; i++) {
                int next;

                if (!*parts[i] || g_str_equal(parts[i], "."))
                        continue;
                /* The last component is made beside a resolved parent, so nothing is followed. */
                if (!g_str_equal(parts[i], "..") && mkdirat(current, parts[i], mode) < 0 &&
                        errno != EEXIST)
                        return -1;
                g_string_append_printf(walked, "%s/", parts[i]);
                next = file_open_in_root(root_dfd, walked->str, O_RDONLY | O_DIRECTORY, 0);
                fd_close(current);
                current = next;
        }
        return steal_fd(&current);
}

bool file_read_in_root(int root_dfd, const char *path, size_t limit, char **ret_text,
        size_t *ret_length, GError **error) {
        autofd int fd = file_open_in_root(root_dfd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);

        if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) {
                *ret_text = NULL;
                return true;
        }
        if (fd < 0)
                return fail_errno(error, "open %s of the container", path);
        return read_regular(fd, path, limit, ret_text, ret_length, error);
}
