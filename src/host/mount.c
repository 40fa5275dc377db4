/* SPDX-License-Identifier: Apache-2.0 */
#include "host/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"

#define MOUNTINFO_LIMIT (64u << 20)

static void entry_free(void *data) {
        MountEntry *entry = data;

        g_free(entry->target);
        g_free(entry->root);
        g_free(entry->type);
        g_free(entry->source);
        g_free(entry->super_options);
        g_free(entry);
}

/* Blank, tab, newline and backslash are written as octal numbers. */
static char *unescape(const char *text) {
        char *result = g_malloc(strlen(text) + 1);
        char *end = result;

        while (*text) {
                bool octal = text[0] == '\\' && text[1] >= '0' && text[1] <= '3' &&
                             text[2] >= '0' && text[2] <= '7' && text[3] >= '0' && text[3] <= '7';

                if (!octal) {
                        *end++ = *text++;
                        continue;
                }
                *end++ = (char) ((text[1] - '0') << 6 | (text[2] - '0') << 3 | (text[3] - '0'));
                text += 4;
        }
        *end = '\0';
        return result;
}

/* ID PARENT MAJOR:MINOR ROOT TARGET OPTIONS [OPTIONAL ...] - TYPE SOURCE SUPER-OPTIONS */
static MountEntry *entry_parse(const char *line) {
        g_auto(GStrv) words = g_strsplit(line, " ", -1);
        guint count = g_strv_length(words);
        guint dash = 6;
        MountEntry *entry;

        while (dash < count && !g_str_equal(words[dash], "-"))
                dash++;
        if (dash + 3 >= count)
                return NULL;
        entry = g_new0(MountEntry, 1);
        entry->root = unescape(words[3]);
        entry->target = unescape(words[4]);
        entry->type = unescape(words[dash + 1]);
        entry->source = unescape(words[dash + 2]);
        entry->super_options = unescape(words[dash + 3]);
        for (guint i = 6; i < dash; i++) {
                entry->shared |= g_str_has_prefix(words[i], "shared:");
                entry->slave |= g_str_has_prefix(words[i], "master:");
        }
        return entry;
}

GPtrArray *mount_list(GError **error) {
        g_autoptr(GPtrArray) mounts = g_ptr_array_new_with_free_func(entry_free);
        g_autofree char *text = NULL;

        if (!file_read(AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_LIMIT, &text, NULL, error))
                return NULL;
        for (char *line = text, *end; *line; line = end) {
                MountEntry *entry;

                end = strchrnul(line, '\n');
                if (*end)
                        *end++ = '\0';
                entry = entry_parse(line);
                if (entry)
                        g_ptr_array_add(mounts, entry);
        }
        return g_steal_pointer(&mounts);
}

static bool is_beneath(const char *path, const char *folder) {
        size_t length = strlen(folder);

        if (g_str_equal(folder, "/"))
                return path[0] == '/';
        return strncmp(path, folder, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

/* Of several mounts on one target the last one hides the others. */
const MountEntry *mount_find(const GPtrArray *mounts, const char *path) {
        const MountEntry *found = NULL;

        for (guint i = 0; i < mounts->len; i++) {
                const MountEntry *entry = g_ptr_array_index(mounts, i);

                if (is_beneath(path, entry->target) &&
                    (!found || strlen(entry->target) >= strlen(found->target)))
                        found = entry;
        }
        return found;
}

bool mount_is_mounted(const char *target) {
        g_autoptr(GPtrArray) mounts = NULL;
        struct statx status;

        if (statx(AT_FDCWD, target, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, 0, &status) < 0)
                return false;
        if (status.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT)
                return status.stx_attributes & STATX_ATTR_MOUNT_ROOT;

        mounts = mount_list(NULL); /* before 5.8 */
        for (guint i = 0; mounts && i < mounts->len; i++)
                if (g_str_equal(((const MountEntry *) mounts->pdata[i])->target, target))
                        return true;
        return false;
}

bool mount_bind(const char *source, const char *target, bool recursive, GError **error) {
        if (mount(source, target, NULL, MS_BIND | (recursive ? MS_REC : 0), NULL) < 0)
                return fail_errno(error, "bind %s over %s", source, target);
        return true;
}

bool mount_remove(const char *target, GError **error) {
        while (umount2(target, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
                ;
        /* EINVAL: nothing (more) is mounted there. */
        if (errno == EINVAL || errno == ENOENT || errno == ENOTDIR)
                return true;
        return fail_errno(error, "unmount %s", target);
}

bool mount_make_shared(const char *path, GError **error) {
        g_autoptr(GPtrArray) mounts = mount_list(error);
        const MountEntry *entry;

        if (!mounts)
                return false;
        entry = mount_find(mounts, path);
        if (entry && entry->shared)
                return true;
        if ((!entry || !g_str_equal(entry->target, path)) && !mount_bind(path, path, true, error))
                return false;
        if (mount(NULL, path, NULL, MS_SHARED, NULL) < 0)
                return fail_errno(error, "make the mount %s shared", path);
        return true;
}
