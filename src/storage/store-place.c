/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/id.h"
#include "base/log.h"
#include "base/tree.h"
#include "storage/store-private.h"

static const struct {
        const char *path;
        mode_t mode;
} folders[] = {
        { "overlay", 0700 },
        { "overlay/l", 0755 },
        { "overlay/" STORE_STAGING, 0700 },
        { "overlay/" STORE_CLAIMS, 0700 },
        { STORE_IMAGES, 0700 },
        { STORE_LAYERS, 0700 },
};

/* A container's setuid program must not be within reach of the node's users. */
bool store_close_to_others(int dfd, const char *name, GError **error) {
        struct stat status;

        if (fstat(dfd, &status) < 0)
                return fail_errno(error, "stat %s", name);
        if (!(status.st_mode & 0066))
                return true;
        return fchmod(dfd, status.st_mode & 0711) == 0 || fail_errno(error, "chmod %s", name);
}

/**
 * store_place_open() - open the directories of a store, or make them
 * @place:      filled in; cleared with store_place_clear(), also after a failure
 * @root:       as configured; made with its parents when it is not there
 */
bool store_place_open(StorePlace *place, const char *root, GError **error) {
        g_autofree char *overlay = g_build_filename(root, "overlay", NULL);

        *place = (StorePlace) STORE_PLACE_NONE;
        place->root = g_strdup(root);
        if (!dir_make(AT_FDCWD, root, 0700, error))
                return false;
        place->root_dfd = dir_open(AT_FDCWD, root, error);
        if (place->root_dfd < 0 || !store_close_to_others(place->root_dfd, root, error))
                return false;
        for (size_t i = 0; i < G_N_ELEMENTS(folders); i++)
                if (!dir_make(place->root_dfd, folders[i].path, folders[i].mode, error))
                        return false;
        place->overlay_dfd = dir_open(place->root_dfd, "overlay", error);
        return place->overlay_dfd >= 0 && store_close_to_others(place->overlay_dfd, overlay, error);
}

void store_place_clear(StorePlace *place) {
        if (place->overlay_dfd >= 0)
                fd_close(place->overlay_dfd);
        if (place->root_dfd >= 0)
                fd_close(place->root_dfd);
        g_free(place->root);
        *place = (StorePlace) STORE_PLACE_NONE;
}

/* Lock a staging directory; false when a sweep was faster and it is gone. */
static bool hold(int dfd) {
        struct stat status;

        while (flock(dfd, LOCK_EX) < 0)
                if (errno != EINTR)
                        return false;
        return fstat(dfd, &status) == 0 && status.st_nlink > 0;
}

/**
 * store_staging_new() - a fresh directory on the file system of the layers
 *
 * Between mkdir() and flock() a sweep may take the directory away; then another one is made.
 */
StoreStaging *store_staging_new(const StorePlace *place, GError **error) {
        for (;;) {
                g_autofree char *id = id_new();
                g_autofree char *path = g_strdup_printf(STORE_STAGING "/%.16s", id);
                autofd int dfd = -1;
                StoreStaging *staging;

                if (mkdirat(place->overlay_dfd, path, 0700) < 0) {
                        fail_errno(error, "make %s/overlay/%s", place->root, path);
                        return NULL;
                }
                dfd = openat(place->overlay_dfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                if (dfd < 0 && errno != ENOENT) {
                        fail_errno(error, "open %s/overlay/%s", place->root, path);
                        return NULL;
                }
                if (dfd < 0 || !hold(dfd))
                        continue;
                staging = g_new0(StoreStaging, 1);
                *staging = (StoreStaging){ .place = place, .path = g_steal_pointer(&path),
                                           .dfd = steal_fd(&dfd) };
                return staging;
        }
}

void store_staging_free(StoreStaging *staging) {
        g_autoptr(GError) error = NULL;

        if (!staging)
                return;
        if (!tree_remove(staging->place->overlay_dfd, staging->path, &error))
                log_warning("store %s: ignoring that staging stays until the next start: %s",
                            staging->place->root, error->message);
        fd_close(staging->dfd);
        g_free(staging->path);
        g_free(staging);
}

static void sweep_one(const StorePlace *place, const char *name) {
        g_autofree char *path = g_strconcat(STORE_STAGING "/", name, NULL);
        g_autoptr(GError) error = NULL;
        autofd int dfd = openat(place->overlay_dfd, path,
                                O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        if (dfd < 0 || flock(dfd, LOCK_EX | LOCK_NB) < 0)
                return;
        if (!tree_remove(place->overlay_dfd, path, &error))
                log_warning("store %s: ignoring a leftover: %s", place->root, error->message);
}

void store_staging_sweep(const StorePlace *place) {
        g_autoptr(GPtrArray) names = dir_list(place->overlay_dfd, STORE_STAGING, NULL);

        for (unsigned i = 0; names && i < names->len; i++)
                if (!g_str_equal(names->pdata[i], "locks"))
                        sweep_one(place, names->pdata[i]);
}

bool store_staging_take(StoreStaging *staging, int dfd, const char *name, GError **error) {
        char fresh[24];

        g_snprintf(fresh, sizeof(fresh), "gone-%u", staging->count++);
        if (renameat(dfd, name, staging->dfd, fresh) == 0 || errno == ENOENT)
                return true;
        return fail_errno(error, "move %s out of the store", name);
}

static bool claim_set(int fd, StoreClaim claim, int command) {
        struct flock lock = { .l_type = claim == STORE_CLAIM_SHARED ? F_RDLCK : F_WRLCK,
                              .l_whence = SEEK_SET };

        while (fcntl(fd, command, &lock) < 0)
                if (errno != EINTR)
                        return false;
        return true;
}

static char *claim_path(const char *layer_id) {
        return g_strconcat(STORE_CLAIMS "/", layer_id, NULL);
}

int store_claim_open(const StorePlace *place, const char *layer_id, GError **error) {
        g_autofree char *path = claim_path(layer_id);
        int fd = openat(place->overlay_dfd, path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

        return fd < 0 ? fail_fd(error, "open %s/overlay/%s", place->root, path) : fd;
}

bool store_claim_try(int fd, StoreClaim claim) {
        return claim_set(fd, claim, F_OFD_SETLK);
}

bool store_claim_wait(int fd, StoreClaim claim) {
        return claim_set(fd, claim, F_OFD_SETLKW);
}

/**
 * store_claim_drop() - let go of a claim, and of its file when nobody else has it
 *
 * Claims are made with the index locked, so nobody can be about to lock the file that goes here.
 * Who waits for it has it open and is woken all the same.
 */
void store_claim_drop(const StorePlace *place, const char *layer_id, int fd) {
        g_autofree char *path = claim_path(layer_id);

        if (store_claim_try(fd, STORE_CLAIM_EXCLUSIVE))
                unlinkat(place->overlay_dfd, path, 0);
        fd_close(fd);
}

bool store_claim_is_held(const StorePlace *place, const char *layer_id) {
        g_autofree char *path = claim_path(layer_id);
        autofd int fd = openat(place->overlay_dfd, path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

        return fd >= 0 && !store_claim_try(fd, STORE_CLAIM_EXCLUSIVE);
}
