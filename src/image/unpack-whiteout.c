/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "image/unpack-private.h"

bool unpack_name_is_whiteout(const char *leaf) {
        return g_str_has_prefix(leaf, WHITEOUT_PREFIX);
}

bool unpack_is_whiteout(const struct stat *status) {
        return S_ISCHR(status->st_mode) && status->st_rdev == WHITEOUT_DEVICE;
}

/* What lower layers have in this directory is not seen through it. */
bool unpack_make_opaque(int dfd, const char *name, GError **error) {
        autofd int fd = openat(dfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        if (fd < 0 || fsetxattr(fd, "trusted.overlay.opaque", "y", 1, 0) < 0)
                return fail_errno(error, "mark directory %s opaque", name);
        return true;
}

/* A whiteout hides the name in lower layers, never what this layer brings under the same name,
 * whichever came first: a directory of this layer is made opaque, anything else hides lower ones
 * as it is. */
static bool hide(Unpack *unpack, int dfd, const char *name, const TarEntry *entry, GError **error) {
        struct stat status;

        if (fstatat(dfd, name, &status, AT_SYMLINK_NOFOLLOW) == 0)
                return !S_ISDIR(status.st_mode) || unpack_make_opaque(dfd, name, error);
        if (errno != ENOENT)
                return fail_errno(error, "look at %s", name);
        if (mknodat(dfd, name, S_IFCHR, WHITEOUT_DEVICE) < 0)
                return fail_errno(error, "make the whiteout of %s", name);
        if ((entry->uid || entry->gid) &&
            fchownat(dfd, name, entry->uid, entry->gid, AT_SYMLINK_NOFOLLOW) < 0)
                return fail_errno(error, "set the owner of the whiteout of %s", name);
        unpack->totals.entries++;
        return true;
}

bool unpack_whiteout(Unpack *unpack, const TarEntry *entry, GError **error) {
        const char *name = unpack->leaf + strlen(WHITEOUT_PREFIX);
        bool opaque = g_str_equal(unpack->leaf, WHITEOUT_OPAQUE);
        ParentOutcome outcome;
        int dfd;

        if (!opaque && g_str_has_prefix(unpack->leaf, WHITEOUT_META_PREFIX))
                return true; /* notes of AUFS to itself */
        if (!*name || g_str_equal(name, ".") || g_str_equal(name, ".."))
                return fail(error, ERROR_UNKNOWN, "a whiteout of \"%s\"", name);
        outcome = unpack_open_parent(unpack, unpack->parent, &dfd, error);
        if (outcome != PARENT_OPEN)
                return outcome == PARENT_HIDDEN;
        return opaque ? unpack_make_opaque(dfd, ".", error) : hide(unpack, dfd, name, entry, error);
}
