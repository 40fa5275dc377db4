/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/tree.h"
#include "image/unpack-private.h"

#define DIRECTORY_MODE 0755 /* of a parent that the archive does not mention */

static bool drop_component(GString *clean) {
        const char *slash;

        if (clean->len == 0)
                return false;
        slash = strrchr(clean->str, '/');
        g_string_truncate(clean, slash ? (gsize) (slash - clean->str) : 0);
        return true;
}

bool unpack_path_clean(const char *path, GString *ret_clean, GError **error) {
        const char *at = path;

        g_string_truncate(ret_clean, 0);
        while (*at) {
                size_t length = strcspn(at, "/");

                if (length == 2 && at[0] == '.' && at[1] == '.') {
                        if (!drop_component(ret_clean))
                                return fail(error, ERROR_UNKNOWN,
                                            "the path \"%.300s\" leaves the layer", path);
                } else if (length > 0 && !(length == 1 && *at == '.')) {
                        if (ret_clean->len > 0)
                                g_string_append_c(ret_clean, '/');
                        g_string_append_len(ret_clean, at, (gssize) length);
                }
                at += length + (at[length] == '/');
        }
        if (ret_clean->len >= PATH_MAX - 1)
                return fail(error, ERROR_UNKNOWN, "the path \"%.60s...\" is longer than %d bytes",
                            path, PATH_MAX - 2);
        return true;
}

void unpack_forget_parent(Unpack *unpack) {
        g_clear_pointer(&unpack->parent_path, g_free);
        if (unpack->parent_dfd >= 0)
                fd_close(steal_fd(&unpack->parent_dfd));
}

static int open_directory(Unpack *unpack, const char *path) {
        return file_open_in_root(unpack->root_dfd, *path ? path : "/", O_PATH | O_DIRECTORY, 0);
}

/* One missing directory. What stands in the way is our own whiteout, or the archive contradicts
 * itself. */
static ParentOutcome make_component(int dfd, const char *name, bool hidden_is_fine,
                                    GError **error) {
        struct stat status;

        if (mkdirat(dfd, name, DIRECTORY_MODE) == 0)
                return PARENT_OPEN;
        if (errno != EEXIST || fstatat(dfd, name, &status, AT_SYMLINK_NOFOLLOW) < 0) {
                fail_errno(error, "make directory %s", name);
                return PARENT_FAILED;
        }
        if (!unpack_is_whiteout(&status)) {
                fail(error, ERROR_UNKNOWN, "its parent \"%s\" is no directory", name);
                return PARENT_FAILED;
        }
        if (hidden_is_fine)
                return PARENT_HIDDEN;
        if (unlinkat(dfd, name, 0) < 0 || mkdirat(dfd, name, DIRECTORY_MODE) < 0) {
                fail_errno(error, "replace the whiteout %s by a directory", name);
                return PARENT_FAILED;
        }
        return unpack_make_opaque(dfd, name, error) ? PARENT_OPEN : PARENT_FAILED;
}

/* Step down from the root, as deep as it goes, and make the rest. Each step resolves the whole
 * prefix anew beneath the root, so that a symbolic link inside the layer leads to where it would
 * lead in a container. */
static ParentOutcome make_parents(Unpack *unpack, const char *parent, bool hidden_is_fine,
                                  int *ret_dfd, GError **error) {
        g_auto(GStrv) names = g_strsplit(parent, "/", -1);
        g_autoptr(GString) prefix = g_string_new(NULL);
        autofd int current = open_directory(unpack, "");

        for (unsigned i = 0; names[i]; i++) {
                ParentOutcome outcome = PARENT_OPEN;
                int next;

                g_string_append_printf(prefix, "/%s", names[i]);
                next = open_directory(unpack, prefix->str);
                if (next < 0 && (errno == ENOENT || errno == ENOTDIR)) {
                        outcome = make_component(current, names[i], hidden_is_fine, error);
                        next = open_directory(unpack, prefix->str);
                }
                if (outcome != PARENT_OPEN)
                        return outcome;
                if (next < 0) {
                        fail_errno(error, "open directory %s of the layer", prefix->str);
                        return PARENT_FAILED;
                }
                fd_close(current);
                current = next;
        }
        *ret_dfd = steal_fd(&current);
        return PARENT_OPEN;
}

ParentOutcome unpack_open_parent(Unpack *unpack, const char *parent, int *ret_dfd, GError **error) {
        ParentOutcome outcome = PARENT_OPEN;
        int dfd;

        if (unpack->parent_path && g_str_equal(unpack->parent_path, parent)) {
                *ret_dfd = unpack->parent_dfd;
                return PARENT_OPEN;
        }
        dfd = open_directory(unpack, parent);
        if (dfd < 0)
                outcome = make_parents(unpack, parent, unpack_name_is_whiteout(unpack->leaf), &dfd,
                                       error);
        if (outcome != PARENT_OPEN)
                return outcome;
        unpack_forget_parent(unpack);
        unpack->parent_path = g_strdup(parent);
        *ret_dfd = unpack->parent_dfd = dfd;
        return PARENT_OPEN;
}

bool unpack_remove(int dfd, const char *name, GError **error) {
        if (unlinkat(dfd, name, 0) == 0 || errno == ENOENT)
                return true;
        if (errno != EISDIR && errno != EPERM)
                return fail_errno(error, "remove the earlier one");
        return tree_remove(dfd, name, error);
}
