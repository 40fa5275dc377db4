/* SPDX-License-Identifier: Apache-2.0 */
#include "image/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "image/unpack-private.h"

#define ENTRIES_LIMIT (10 * 1000 * 1000)
#define DIRECTORIES_LIMIT (128u * 1024 * 1024) /* bytes of waiting records */
#define CHECK_INTERVAL (32 * 1024 * 1024)
#define ROOM_TO_LEAVE (64 * 1024 * 1024) /* or 1 % of a small file system */

Unpack *unpack_new(int dfd) {
        Unpack *unpack = g_new0(Unpack, 1);

        unpack->root_dfd = dfd;
        unpack->parent_dfd = -1;
        unpack->file_fd = -1;
        unpack->path = g_string_new(NULL);
        unpack->parent_buffer = g_string_new(NULL);
        unpack->directories = g_byte_array_new();
        return unpack;
}

void unpack_free(Unpack *unpack) {
        if (!unpack)
                return;
        unpack_forget_parent(unpack);
        if (unpack->file_fd >= 0)
                fd_close(unpack->file_fd);
        g_string_free(unpack->path, TRUE);
        g_string_free(unpack->parent_buffer, TRUE);
        g_byte_array_free(unpack->directories, TRUE);
        g_free(unpack);
}

/* A bomb must not take the node's last block: the daemon, the kubelet and the log need some. */
static bool check_room(Unpack *unpack, GError **error) {
        struct statvfs status;
        guint64 room, keep;

        unpack->written_since_check = 0;
        if (fstatvfs(unpack->root_dfd, &status) < 0)
                return fail_errno(error, "look at the free space of the image store");
        room = (guint64) status.f_bavail * status.f_frsize;
        keep = MIN((guint64) ROOM_TO_LEAVE, (guint64) status.f_blocks * status.f_frsize / 100);
        if (room < keep)
                return fail(error, ERROR_RESOURCE_EXHAUSTED,
                            "the file system of the image store is full: %" G_GUINT64_FORMAT
                            " MiB are left; remove unused images or enlarge it", room >> 20);
        return true;
}

static bool count_entry(Unpack *unpack, GError **error) {
        if (++unpack->totals.entries > ENTRIES_LIMIT)
                return fail(error, ERROR_RESOURCE_EXHAUSTED,
                            "the layer has more than %d entries", ENTRIES_LIMIT);
        if (unpack->directories->len > DIRECTORIES_LIMIT)
                return fail(error, ERROR_RESOURCE_EXHAUSTED,
                            "the layer has too many directories");
        unpack->written_since_check += 4096;
        return unpack->written_since_check < CHECK_INTERVAL || check_room(unpack, error);
}

static void split_path(Unpack *unpack) {
        const char *path = unpack->path->str;
        const char *slash = strrchr(path, '/');

        g_string_truncate(unpack->parent_buffer, 0);
        if (slash)
                g_string_append_len(unpack->parent_buffer, path, slash - path);
        unpack->parent = unpack->parent_buffer->str;
        unpack->leaf = slash ? slash + 1 : path;
}

static bool make_directory(Unpack *unpack, int dfd, const TarEntry *entry, GError **error) {
        struct stat status;

        unpack_directory_later(unpack, entry);
        if (mkdirat(dfd, unpack->leaf, 0755) == 0)
                return true;
        if (errno != EEXIST || fstatat(dfd, unpack->leaf, &status, AT_SYMLINK_NOFOLLOW) < 0)
                return fail_errno(error, "make directory");
        if (S_ISDIR(status.st_mode))
                return true;
        if (!unpack_remove(dfd, unpack->leaf, error))
                return false;
        if (mkdirat(dfd, unpack->leaf, 0755) < 0)
                return fail_errno(error, "make directory");
        return unpack_make_opaque(dfd, unpack->leaf, error);
}

static int try_file(Unpack *unpack, int dfd, const TarEntry *entry) {
        unpack->file_fd = openat(dfd, unpack->leaf,
                                 O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                                 entry->mode & 0777);
        unpack->file_end = 0;
        return unpack->file_fd < 0 ? -1 : 0;
}

/* One attempt to make a thing that is no directory; errno tells. */
static int try_make(Unpack *unpack, int dfd, const TarEntry *entry) {
        switch (entry->type) {
        case S_IFREG:
                return try_file(unpack, dfd, entry);
        case S_IFLNK:
                return symlinkat(entry->link, dfd, unpack->leaf);
        case S_IFCHR:
        case S_IFBLK:
                return mknodat(dfd, unpack->leaf, entry->type | entry->mode, entry->device);
        case S_IFIFO:
                return mknodat(dfd, unpack->leaf, S_IFIFO | entry->mode, 0);
        default: /* not an enum of ours */
                errno = EINVAL;
                return -1;
        }
}

static bool make_other(Unpack *unpack, int dfd, const TarEntry *entry, GError **error) {
        int result = try_make(unpack, dfd, entry);

        if (result < 0 && errno == EEXIST) {
                if (!unpack_remove(dfd, unpack->leaf, error))
                        return false;
                result = try_make(unpack, dfd, entry);
        }
        if (result < 0 && errno == EINVAL)
                return fail(error, ERROR_UNKNOWN, "it is of an unknown type");
        if (result < 0)
                return fail_errno(error, "make it");
        return entry->type == S_IFREG ||
               unpack_special_attributes(dfd, unpack->leaf, entry, error);
}

/* The target is looked up beneath the root too, and never followed. It may be a symbolic link. */
static int open_link_target(Unpack *unpack, const TarEntry *entry, char **ret_leaf,
                            struct stat *ret_status, GError **error) {
        g_autoptr(GString) clean = g_string_new(NULL);
        g_autofree char *parent = NULL;
        autofd int dfd = -1;

        if (!unpack_path_clean(entry->link, clean, error))
                return -1;
        parent = g_path_get_dirname(clean->str);
        *ret_leaf = g_path_get_basename(clean->str);
        dfd = clean->len == 0 ? -1
                              : file_open_in_root(unpack->root_dfd, parent, O_PATH | O_DIRECTORY,
                                                  0);
        if (dfd < 0 || fstatat(dfd, *ret_leaf, ret_status, AT_SYMLINK_NOFOLLOW) < 0 ||
            unpack_is_whiteout(ret_status) || S_ISDIR(ret_status->st_mode)) {
                fail(error, ERROR_UNKNOWN,
                     "hard link to \"%.300s\", which is not a file of the layer",
                     entry->link);
                return -1;
        }
        return steal_fd(&dfd);
}

static bool make_hard_link(Unpack *unpack, int dfd, const TarEntry *entry, GError **error) {
        g_autofree char *leaf = NULL;
        struct stat target, there;
        autofd int target_dfd = open_link_target(unpack, entry, &leaf, &target, error);

        if (target_dfd < 0)
                return false;
        if (linkat(target_dfd, leaf, dfd, unpack->leaf, 0) == 0)
                return true;
        if (errno != EEXIST || fstatat(dfd, unpack->leaf, &there, AT_SYMLINK_NOFOLLOW) < 0)
                return fail_errno(error, "make hard link");
        if (there.st_ino == target.st_ino && there.st_dev == target.st_dev)
                return true;
        if (!unpack_remove(dfd, unpack->leaf, error))
                return false;
        return linkat(target_dfd, leaf, dfd, unpack->leaf, 0) == 0 ||
               fail_errno(error, "make hard link");
}

static bool begin_root(Unpack *unpack, const TarEntry *entry, GError **error) {
        if (entry->is_hard_link || entry->type != S_IFDIR)
                return fail(error, ERROR_UNKNOWN, "the root of the layer is no directory");
        unpack_directory_later(unpack, entry);
        unpack->totals.root_given = true;
        return true;
}

static bool begin_entry(Unpack *unpack, const TarEntry *entry, GError **error) {
        int dfd;

        split_path(unpack);
        if (unpack->path->len == 0)
                return begin_root(unpack, entry, error);
        if (g_str_has_prefix(unpack->path->str, WHITEOUT_META_PREFIX) && *unpack->parent)
                return true;
        if (unpack_name_is_whiteout(unpack->leaf))
                return unpack_whiteout(unpack, entry, error);
        if (!count_entry(unpack, error) ||
            unpack_open_parent(unpack, unpack->parent, &dfd, error) != PARENT_OPEN)
                return false;
        if (entry->is_hard_link)
                return make_hard_link(unpack, dfd, entry, error);
        if (entry->type == S_IFDIR)
                return make_directory(unpack, dfd, entry, error);
        return make_other(unpack, dfd, entry, error);
}

bool unpack_begin(Unpack *unpack, const TarEntry *entry, GError **error) {
        if (unpack_path_clean(entry->path, unpack->path, error) && begin_entry(unpack, entry,
                                                                               error))
                return true;
        g_prefix_error(error, "\"%.300s\": ", entry->path);
        return false;
}

bool unpack_data(Unpack *unpack, const void *data, size_t length, gint64 offset, GError **error) {
        const char *at = data;

        if (unpack->file_fd < 0)
                return true;
        unpack->totals.bytes += length;
        unpack->written_since_check += length;
        unpack->file_end = offset + (gint64) length;
        while (length > 0) {
                ssize_t count = pwrite(unpack->file_fd, at, length, offset);

                if (count < 0 && errno == EINTR)
                        continue;
                if (count < 0)
                        return fail_errno(error, "write \"%.300s\"", unpack->path->str);
                at += count;
                offset += count;
                length -= (size_t) count;
        }
        return unpack->written_since_check < CHECK_INTERVAL || check_room(unpack, error);
}

bool unpack_end(Unpack *unpack, const TarEntry *entry, GError **error) {
        autofd int fd = steal_fd(&unpack->file_fd);

        if (fd < 0)
                return true;
        if (unpack->file_end < entry->size && ftruncate(fd, entry->size) < 0)
                return fail_errno(error, "\"%.300s\": set the size", entry->path);
        if (!unpack_file_attributes(fd, entry, error)) {
                g_prefix_error(error, "\"%.300s\": ", entry->path);
                return false;
        }
        if (close(steal_fd(&fd)) < 0)
                return fail_errno(error, "\"%.300s\": close", entry->path);
        return true;
}

bool unpack_finish(Unpack *unpack, UnpackTotals *ret_totals, GError **error) {
        unpack_forget_parent(unpack);
        if (!unpack_directories_now(unpack, error))
                return false;
        *ret_totals = unpack->totals;
        return true;
}
