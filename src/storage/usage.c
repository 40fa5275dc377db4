/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "storage/rootfs-private.h"

/* So many levels keep their directory open. Below, a directory is opened again through ".." of
 * the one that was finished, and its place is remembered as a position. */
#define OPEN_LEVELS 48

typedef struct Level {
        DIR *folder; /* NULL: parked */
        dev_t device;
        ino_t inode;
        long position;
} Level;

typedef struct Walk {
        GArray *levels;
        dev_t device;
        double bytes;
        double inodes;
} Walk;

static Level *top_level(const Walk *walk) {
        unsigned count = walk->levels->len;

        return count ? &g_array_index(walk->levels, Level, count - 1) : NULL;
}

static void level_close(Level *level) {
        if (level->folder)
                closedir(level->folder);
        level->folder = NULL;
}

static void park(Walk *walk) {
        Level *level = top_level(walk);

        if (!level || walk->levels->len <= OPEN_LEVELS)
                return;
        level->position = telldir(level->folder);
        level_close(level);
}

static void add(Walk *walk, const struct stat *status) {
        nlink_t names = S_ISDIR(status->st_mode) || status->st_nlink == 0 ? 1 : status->st_nlink;

        walk->bytes += 512.0 * (double) status->st_blocks / (double) names;
        walk->inodes += 1.0 / (double) names;
}

/* Enter a directory that @fd (consumed) is open on. */
static bool enter(Walk *walk, int fd) {
        Level level = { 0 };
        struct stat status;

        if (fstat(fd, &status) < 0 || status.st_dev != walk->device ||
            !(level.folder = fdopendir(fd))) {
                fd_close(fd);
                return false;
        }
        level.device = status.st_dev;
        level.inode = status.st_ino;
        g_array_append_val(walk->levels, level);
        return true;
}

/* Open a parked level again as the parent of @child. A directory that was moved meanwhile has
 * another parent; then all parked levels are given up, and the walk goes on with the last open
 * one. */
static void unpark(Walk *walk, DIR *child) {
        Level *level = top_level(walk);
        int fd = openat(dirfd(child), "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct stat status;

        if (fd >= 0 && fstat(fd, &status) == 0 && status.st_dev == level->device &&
            status.st_ino == level->inode && (level->folder = fdopendir(fd))) {
                seekdir(level->folder, level->position);
                return;
        }
        if (fd >= 0)
                fd_close(fd);
        g_array_set_size(walk->levels, OPEN_LEVELS);
}

static void leave(Walk *walk) {
        DIR *child = top_level(walk)->folder;

        g_array_set_size(walk->levels, walk->levels->len - 1);
        if (top_level(walk) && !top_level(walk)->folder)
                unpark(walk, child);
        closedir(child);
}

/* What cannot be seen any more was removed meanwhile, which is no error. */
static void visit(Walk *walk, const char *name) {
        int dfd = dirfd(top_level(walk)->folder);
        struct stat status;
        int fd;

        if (fstatat(dfd, name, &status, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) < 0)
                return;
        add(walk, &status);
        if (!S_ISDIR(status.st_mode))
                return;
        fd = openat(dfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return;
        park(walk);
        if (!enter(walk, fd) && !top_level(walk)->folder)
                g_array_set_size(walk->levels, OPEN_LEVELS);
}

static void walk_all(Walk *walk) {
        while (walk->levels->len > 0) {
                const struct dirent *entry = readdir(top_level(walk)->folder);

                if (!entry)
                        leave(walk);
                else if (!g_str_equal(entry->d_name, ".") && !g_str_equal(entry->d_name, ".."))
                        visit(walk, entry->d_name);
        }
}

bool usage_measure(int dfd, guint64 *ret_bytes, guint64 *ret_inodes, GError **error) {
        g_autoptr(GArray) levels = g_array_new(FALSE, FALSE, sizeof(Level));
        Walk walk = { .levels = levels };
        int fd = openat(dfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct stat status;

        if (fd < 0 || fstat(fd, &status) < 0) {
                fail_errno(error, "measure a directory");
                if (fd >= 0)
                        fd_close(fd);
                return false;
        }
        walk.device = status.st_dev;
        add(&walk, &status);
        if (!enter(&walk, fd))
                return fail_errno(error, "measure a directory");
        walk_all(&walk);
        *ret_bytes = (guint64) (walk.bytes + 0.5);
        *ret_inodes = (guint64) (walk.inodes + 0.5);
        return true;
}
