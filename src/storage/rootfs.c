/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/id.h"
#include "base/log.h"
#include "base/tree.h"
#include "host/mount.h"
#include "storage/rootfs-private.h"

static char *path_of(const Store *store, const char *id, const char *name) {
        return g_build_filename(store->place.root, "overlay", id, name, NULL);
}

static bool check_id(const char *id, GError **error) {
        return id_is_valid(id) ||
               fail(error, ERROR_INVALID_ARGUMENT, "\"%.80s\" is no container id", id);
}

/* The lowers of an image as overlay wants them, top first. */
GStrv rootfs_list_lowers(const Store *store, const ImageRecord *image) {
        unsigned count = g_strv_length(image->layers);
        GStrv lowers = g_new0(char *, count + 1);

        for (unsigned i = 0; i < count; i++)
                lowers[i] = path_of(store, image->layers[count - 1 - i], "diff");
        return lowers;
}

/* The mark comes first: a directory without one is a leftover, and which image it holds on to must
 * survive us. It is not synced, as no container survives a boot. */
static bool make_mark(int dfd, const ImageRecord *image, GError **error) {
        autofd int fd = openat(dfd, STORE_ROOT_MARK,
                               O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

        if (fd < 0 || (image && !fd_write_all(fd, image->id, ID_LENGTH)))
                return fail_errno(error, "write the mark of a container root");
        return true;
}

/* The root that the container sees has the attributes of the upper directory, so those of the
 * image's root have to be put there. */
static bool make_diff(const Store *store, int dfd, const ImageRecord *image, GError **error) {
        struct stat status = { .st_mode = 0555 };

        if (mkdirat(dfd, "diff", 0755) < 0)
                return errno == EEXIST || fail_errno(error, "make diff");
        if (image && image->layers[0]) {
                unsigned count = g_strv_length(image->layers);
                g_autofree char *top = g_build_filename(image->layers[count - 1], "diff", NULL);

                if (fstatat(store->place.overlay_dfd, top, &status, AT_SYMLINK_NOFOLLOW) < 0)
                        return fail_errno(error, "stat %s", top);
        }
        if ((status.st_uid || status.st_gid) &&
            fchownat(dfd, "diff", status.st_uid, status.st_gid, AT_SYMLINK_NOFOLLOW) < 0)
                return fail_errno(error, "chown diff");
        return fchmodat(dfd, "diff", status.st_mode & 07777, 0) == 0 ||
               fail_errno(error, "chmod diff");
}

static bool make_folders(const Store *store, int dfd, const ImageRecord *image, GError **error) {
        static const char *const names[] = { "work", "merged", "empty" };
        /* A directory costs more to remove than all else here but the mount: none without need. */
        size_t count = image && image->layers[0] ? 2 : 3;

        if (!make_mark(dfd, image, error) || !make_diff(store, dfd, image, error))
                return false;
        for (size_t i = 0; i < count; i++)
                if (mkdirat(dfd, names[i], 0700) < 0 && errno != EEXIST)
                        return fail_errno(error, "make %s", names[i]);
        return true;
}

static bool mount_root(const Store *store, const char *id, const ImageRecord *image,
                       const char *mount_label, GError **error) {
        g_autofree char *upper = path_of(store, id, "diff");
        g_autofree char *work = path_of(store, id, "work");
        g_autofree char *merged = path_of(store, id, "merged");
        g_autofree char *empty = path_of(store, id, "empty");
        const char *const nothing[] = { empty };
        g_auto(GStrv) lowers = image ? rootfs_list_lowers(store, image) : NULL;
        bool has_lowers = lowers && lowers[0];
        MountOverlay overlay = { .lowers = has_lowers ? (const char *const *) lowers : nothing,
                                 .n_lowers = has_lowers ? g_strv_length(lowers) : 1,
                                 .upper = upper, .work = work, .label = mount_label };

        return mount_overlay(&overlay, merged, error);
}

/* A root that is new, or was left by a stop or a crash. A volatile overlay notes in its work
 * directory that it was not shut down cleanly and refuses to be mounted again; what a container
 * wrote before is kept, but nobody relies on it. */
bool rootfs_make(Store *store, const char *id, const ImageRecord *image, const char *mount_label,
                 GError **error) {
        autofd int dfd = dir_open(store->place.overlay_dfd, id, error);

        return dfd >= 0 && tree_remove(dfd, "work", error) &&
               make_folders(store, dfd, image, error) &&
               mount_root(store, id, image, mount_label, error);
}

static bool create(Store *store, const char *id, const ImageRecord *image, const char *mount_label,
                   GError **error) {
        g_autofree char *merged = rootfs_get_path(store, id);
        bool fresh = mkdirat(store->place.overlay_dfd, id, 0700) == 0;

        if (!fresh && errno != EEXIST)
                return fail_errno(error, "make %s/overlay/%s", store->place.root, id);
        /* What it was mounted from is what it uses, whatever image it is asked for now. */
        if (!fresh && mount_is_mounted(merged))
                return true;
        if (store_use_image(store, id, image, error))
                return rootfs_make(store, id, image, mount_label, error);
        if (fresh)
                unlinkat(store->place.overlay_dfd, id, AT_REMOVEDIR);
        return false;
}

/**
 * rootfs_create() - make and mount the writable root of a container
 *
 * Nothing is synced: all of it is worthless after a boot, and one flush takes longer than
 * everything else. What was made before a failure stays for rootfs_remove().
 */
bool rootfs_create(Store *store, const char *id, ImageRecord *image, const char *mount_label,
                   char **ret_path, GError **error) {
        if (!check_id(id, error))
                return false;
        if (!create(store, id, image, mount_label, error)) {
                g_prefix_error(error, "root file system of %s: ", id);
                return false;
        }
        *ret_path = rootfs_get_path(store, id);
        return true;
}

char *rootfs_get_path(const Store *store, const char *id) {
        return path_of(store, id, "merged");
}

bool rootfs_unmount(Store *store, const char *id, GError **error) {
        g_autofree char *merged = path_of(store, id, "merged");

        return check_id(id, error) && mount_remove(merged, error);
}

/* A layer has no mark, whatever id a caller comes with. A root without one is what an unfinished
 * removal left. */
static bool is_layer(const Store *store, const char *id) {
        g_autofree char *mark = g_build_filename(id, STORE_ROOT_MARK, NULL);
        g_autofree char *link = g_build_filename(id, "link", NULL);

        return faccessat(store->place.overlay_dfd, mark, F_OK, AT_SYMLINK_NOFOLLOW) < 0 &&
               faccessat(store->place.overlay_dfd, link, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

bool rootfs_remove(Store *store, const char *id, GError **error) {
        if (!rootfs_unmount(store, id, error))
                return false;
        if (is_layer(store, id))
                return fail(error, ERROR_INTERNAL, "remove root file system %s: it is a layer", id);
        if (!tree_remove(store->place.overlay_dfd, id, error))
                return false;
        store_unuse_image(store, id);
        return true;
}

static GStrv list_roots(Store *store) {
        g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
        GHashTableIter iter;
        gpointer id;

        lock_guard(&store->lock);
        g_hash_table_iter_init(&iter, store->roots);
        while (g_hash_table_iter_next(&iter, &id, NULL))
                g_strv_builder_add(builder, id);
        return g_strv_builder_end(builder);
}

void rootfs_sweep(Store *store, IdKnownFunc is_known, void *data) {
        g_auto(GStrv) roots = list_roots(store);

        for (unsigned i = 0; roots[i]; i++) {
                g_autoptr(GError) error = NULL;

                if (is_known(roots[i], data))
                        continue;
                log_info("store %s: removing the root file system of %s, which nobody knows",
                         store->place.root, roots[i]);
                if (!rootfs_remove(store, roots[i], &error))
                        log_warning("store %s: ignoring that the root file system of %s stays: %s",
                                    store->place.root, roots[i], error->message);
        }
}

bool rootfs_get_usage(Store *store, const char *id, guint64 *ret_bytes, guint64 *ret_inodes,
                      GError **error) {
        g_autofree char *diff = g_build_filename(id, "diff", NULL);
        autofd int dfd = -1;

        if (!check_id(id, error))
                return false;
        dfd = openat(store->place.overlay_dfd, diff,
                     O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (dfd < 0)
                return fail_errno(error, "usage of the root file system of %s: open %s", id, diff);
        return usage_measure(dfd, ret_bytes, ret_inodes, error);
}
