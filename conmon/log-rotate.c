/* SPDX-License-Identifier: Apache-2.0 */
#include "conmon/log-rotate.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conmon/text.h"

/* is_below() - @path is @folder or in it, both without links and dots */
static bool is_below(const char *path, const char *folder) {
        size_t length = strlen(folder);

        if (strncmp(path, folder, length) != 0)
                return false;
        return path[length] == '\0' || path[length] == '/' || strcmp(folder, "/") == 0;
}

static bool has_parent_step(const char *path) {
        for (const char *at = path; (at = strstr(at, "..")); at += 2) {
                if ((at == path || at[-1] == '/') && (at[2] == '\0' || at[2] == '/'))
                        return true;
        }
        return false;
}

/**
 * log_rotate_is_allowed() - whether renaming beside @path is safe
 *
 * Another user who may write to the folder could turn our renames against files of his choice.
 */
bool log_rotate_is_allowed(const Options *options, const char *path) {
        const List *allowed = &options->log_allowlist_dirs;
        char copy[PATH_MAX], folder[PATH_MAX], root[PATH_MAX];
        const char *slash = strrchr(path, '/');
        size_t length = slash ? (size_t) (slash - path) + 1 : 0;
        struct stat stat;

        if (has_parent_step(path) || length >= sizeof(copy))
                return false;
        memcpy(copy, path, length);
        copy[length] = '\0';
        if (!realpath(slash ? copy : ".", folder) || lstat(folder, &stat) < 0)
                return false;
        if (stat.st_mode & S_IWOTH)
                return false;
        if (lstat(path, &stat) == 0 && !S_ISREG(stat.st_mode))
                return false;

        for (int i = 0; i < allowed->count; i++)
                if (realpath(allowed->items[i], root) && is_below(folder, root))
                        return true;
        return allowed->count == 0;
}

static bool name_of(char *ret_name, const char *path, int64_t number) {
        Text name = text_over(ret_name, PATH_MAX);

        text_add(&name, path);
        text_add(&name, ".");
        text_add_number(&name, number);
        return !name.cut;
}

/* rotate_shift() - PATH.n to PATH.n+1 for all n, the last one is overwritten */
static bool rotate_shift(const Options *options, const char *path) {
        char from[PATH_MAX], to[PATH_MAX];
        struct stat stat;

        for (int64_t i = options->log_max_files - 1; i >= 0; i--) {
                const char *old = i > 0 ? from : path;

                if (!name_of(to, path, i + 1) || !name_of(from, path, i))
                        return false;
                if (lstat(old, &stat) < 0)
                        continue;
                if (!S_ISREG(stat.st_mode) || rename(old, to) < 0)
                        return false;
        }
        return true;
}

/**
 * log_rotate() - afterwards PATH is a new, empty file
 * @fd:         the log as it is open now; locked while the names change
 *
 * On failure PATH still is a log file, perhaps the old one.
 */
bool log_rotate(const Options *options, const char *path, int fd) {
        struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
        char fresh[PATH_MAX];
        Text name = text_over(fresh, sizeof(fresh));
        int fresh_fd;

        text_add(&name, path);
        text_add(&name, ".new");
        if (name.cut || !log_rotate_is_allowed(options, path) || fcntl(fd, F_SETLK, &lock) < 0)
                return false;

        unlink(fresh);                  /* left by one who was killed here: the lock is ours now */
        fresh_fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
        if (fresh_fd < 0)
                return false;
        close(fresh_fd);
        if (rotate_shift(options, path) && rename(fresh, path) == 0)
                return true;
        unlink(fresh);
        return false;
}
