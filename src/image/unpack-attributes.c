/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "image/unpack-private.h"

#define SPECIAL_BITS (S_ISUID | S_ISGID | S_ISVTX)

/* Attributes by which a layer would steer the mount, and the label, which the mount gives. */
static bool xattr_is_dropped(const char *name) {
        return g_str_has_prefix(name, "trusted.overlay.") ||
               g_str_has_prefix(name, "user.overlay.") || g_str_equal(name, "security.selinux");
}

/* A file system without such attributes is the host's choice; everything else is an error. */
static bool set_xattr(int fd, const char *path, const TarXattr *xattr, GError **error) {
        int result;

        if (xattr_is_dropped(xattr->name))
                return true;
        result = path ? lsetxattr(path, xattr->name, xattr->value, xattr->size, 0)
                      : fsetxattr(fd, xattr->name, xattr->value, xattr->size, 0);
        if (result < 0 && errno != EOPNOTSUPP)
                return fail_errno(error, "set extended attribute %.255s", xattr->name);
        return true;
}

bool unpack_file_attributes(int fd, const TarEntry *entry, GError **error) {
        const struct timespec times[2] = { entry->mtime, entry->mtime };

        if ((entry->uid || entry->gid) && fchown(fd, entry->uid, entry->gid) < 0)
                return fail_errno(error, "set owner");
        if ((entry->mode & SPECIAL_BITS) && fchmod(fd, entry->mode) < 0)
                return fail_errno(error, "set mode");
        for (unsigned i = 0; i < entry->n_xattrs; i++)
                if (!set_xattr(fd, NULL, &entry->xattrs[i], error))
                        return false;
        return futimens(fd, times) == 0 || fail_errno(error, "set times");
}

bool unpack_special_attributes(int dfd, const char *name, const TarEntry *entry, GError **error) {
        const struct timespec times[2] = { entry->mtime, entry->mtime };
        g_autofree char *path = NULL;

        if ((entry->uid || entry->gid) &&
            fchownat(dfd, name, entry->uid, entry->gid, AT_SYMLINK_NOFOLLOW) < 0)
                return fail_errno(error, "set owner");
        path = g_strdup_printf("/proc/self/fd/%d/%s", dfd, name);
        for (unsigned i = 0; i < entry->n_xattrs; i++)
                if (!set_xattr(-1, path, &entry->xattrs[i], error))
                        return false;
        return utimensat(dfd, name, times, AT_SYMLINK_NOFOLLOW) == 0 ||
               fail_errno(error, "set times");
}

/* A directory's owner, mode (setgid), attributes (default ACL) and times would change what is
 * made inside it or be changed by that, so they are kept for the end: a record, the path, then
 * name and value of each attribute. */
typedef struct DirectoryRecord {
        struct timespec mtime;
        mode_t mode;
        uid_t uid;
        gid_t gid;
        guint32 path_size; /* with its NUL */
        guint32 n_xattrs;
} DirectoryRecord;

void unpack_directory_later(Unpack *unpack, const TarEntry *entry) {
        DirectoryRecord record = { entry->mtime, entry->mode, entry->uid, entry->gid,
                                   (guint32) unpack->path->len + 1, entry->n_xattrs };
        GByteArray *all = unpack->directories;

        g_byte_array_append(all, (const guint8 *) &record, sizeof(record));
        g_byte_array_append(all, (const guint8 *) unpack->path->str, record.path_size);
        for (unsigned i = 0; i < entry->n_xattrs; i++) {
                const TarXattr *xattr = &entry->xattrs[i];
                guint32 size = (guint32) xattr->size;

                g_byte_array_append(all, (const guint8 *) xattr->name,
                                    (guint) strlen(xattr->name) + 1);
                g_byte_array_append(all, (const guint8 *) &size, sizeof(size));
                g_byte_array_append(all, xattr->value, size);
        }
}

typedef struct Cursor {
        const guint8 *at;
} Cursor;

static const void *cursor_take(Cursor *cursor, size_t size) {
        const void *start = cursor->at;

        cursor->at += size;
        return start;
}

/* @fd -1: the directory is no more; its record is only read over. */
static bool apply_xattrs(int fd, Cursor *cursor, unsigned count, GError **error) {
        for (unsigned i = 0; i < count; i++) {
                TarXattr xattr;
                guint32 size;

                xattr.name = cursor_take(cursor, strlen((const char *) cursor->at) + 1);
                memcpy(&size, cursor_take(cursor, sizeof(size)), sizeof(size));
                xattr.size = size;
                xattr.value = cursor_take(cursor, size);
                if (fd >= 0 && !set_xattr(fd, NULL, &xattr, error))
                        return false;
        }
        return true;
}

/* chown first: it clears bits of the mode. Times last: all else changes them. */
static bool apply_record(int fd, const DirectoryRecord *record, Cursor *cursor, GError **error) {
        const struct timespec times[2] = { record->mtime, record->mtime };

        if (fd >= 0 && fchown(fd, record->uid, record->gid) < 0)
                return fail_errno(error, "set owner");
        if (fd >= 0 && fchmod(fd, record->mode) < 0)
                return fail_errno(error, "set mode");
        if (!apply_xattrs(fd, cursor, record->n_xattrs, error))
                return false;
        return fd < 0 || futimens(fd, times) == 0 || fail_errno(error, "set times");
}

/* What was replaced by something else in the meantime is passed over. */
static bool apply_next(Unpack *unpack, Cursor *cursor, GError **error) {
        autofd int fd = -1;
        DirectoryRecord record;
        const char *path;

        memcpy(&record, cursor_take(cursor, sizeof(record)), sizeof(record));
        path = cursor_take(cursor, record.path_size);
        fd = file_open_in_root(unpack->root_dfd, *path ? path : "/",
                               O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
        if (fd < 0 && errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
                return fail_errno(error, "\"%.300s\": open", path);
        if (apply_record(fd, &record, cursor, error))
                return true;
        g_prefix_error(error, "\"%.300s\": ", path);
        return false;
}

bool unpack_directories_now(Unpack *unpack, GError **error) {
        Cursor cursor = { unpack->directories->data };
        const guint8 *end = cursor.at + unpack->directories->len;

        while (cursor.at < end)
                if (!apply_next(unpack, &cursor, error))
                        return false;
        return true;
}
