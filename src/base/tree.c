/* SPDX-License-Identifier: Apache-2.0 */
#include "base/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"

/* Directories nested deeper than this are moved up to the top and removed from there. */
#define DEPTH_LIMIT 32

typedef struct Removal {
        int top_dfd;
        dev_t device;
        unsigned long moved; /* names given to directories moved to the top */
        const char *name;    /* for messages */
} Removal;

static bool remove_content(Removal *removal, int dfd, unsigned depth, GError **error);

/* Move a deep directory to the top under a fresh name; the loop over the top finds it later. */
static bool move_to_top(Removal *removal, int dfd, const char *name, GError **error) {
        char fresh[32];

        do
                snprintf(fresh, sizeof(fresh), ".deep-%lx", removal->moved++);
        while (faccessat(removal->top_dfd, fresh, F_OK, AT_SYMLINK_NOFOLLOW) == 0);
        if (renameat(dfd, name, removal->top_dfd, fresh) < 0)
                return fail_errno(error, "remove %s: move a deep directory up", removal->name);
        return true;
}

static bool remove_directory(
        Removal *removal, int dfd, const char *name, unsigned depth, GError **error) {
        autofd int fd = -1;
        struct stat status;

        if (unlinkat(dfd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
                return true;
        if (errno != ENOTEMPTY && errno != EEXIST)
                return fail_errno(error, "remove %s: directory %s", removal->name, name);
        if (depth >= DEPTH_LIMIT)
                return move_to_top(removal, dfd, name, error);

        fd = openat(dfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &status) < 0)
                return fail_errno(error, "remove %s: open %s", removal->name, name);
        if (status.st_dev != removal->device)
                return fail(error, ERROR_FAILED_PRECONDITION,
                        "remove %s: something is mounted on %s", removal->name, name);
        if (!remove_content(removal, fd, depth + 1, error))
                return false;
        if (unlinkat(dfd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
                return fail_errno(error, "remove %s: directory %s", removal->name, name);
        return true;
}

static bool remove_entry(
        Removal *removal, int dfd, const struct dirent *entry, unsigned depth, GError **error) {
        if (entry->d_type != DT_DIR) {
                if (unlinkat(dfd, entry->d_name, 0) == 0 || errno == ENOENT)
                        return true;
                if (errno != EISDIR)
                        return fail_errno(
                                error, "remove %s: file %s", removal->name, entry->d_name);
        }
        return remove_directory(removal, dfd, entry->d_name, depth, error);
}

/* One pass over a directory; sets @ret_found when there was anything to remove. */
static bool remove_pass(
        Removal *removal, int dfd, unsigned depth, bool *ret_found, GError **error) {
        int copy = openat(dfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *folder = copy < 0 ? NULL : fdopendir(copy);
        const struct dirent *entry;
        bool good = true;

        *ret_found = false;
        if (!folder) {
                fail_errno(error, "remove %s: read a directory", removal->name);
                if (copy >= 0)
                        fd_close(copy);
                return false;
        }
        while (good && (entry = readdir(folder))) {
                if (g_str_equal(entry->d_name, ".") || g_str_equal(entry->d_name, ".."))
                        continue;
                *ret_found = true;
                good = remove_entry(removal, dfd, entry, depth, error);
        }
        closedir(folder);
        return good;
}

static bool remove_content(Removal *removal, int dfd, unsigned depth, GError **error) {
        bool found = true;

        while (found)
                if (!remove_pass(removal, dfd, depth, &found, error))
                        return false;
        return true;
}

bool tree_remove(int dfd, const char *name, GError **error) {
        Removal removal = {.top_dfd = -1, .name = name};
        struct stat status;
        autofd int fd = -1;

        if (unlinkat(dfd, name, 0) == 0 || errno == ENOENT)
                return true;
        if (errno != EISDIR)
                return fail_errno(error, "remove %s", name);
        fd = openat(dfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &status) < 0)
                return fail_errno(error, "remove %s: open it", name);
        removal.top_dfd = fd;
        removal.device = status.st_dev;
        if (!remove_content(&removal, fd, 0, error))
                return false;
        if (unlinkat(dfd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
                return fail_errno(error, "remove %s", name);
        return true;
}
