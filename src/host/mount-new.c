/* SPDX-License-Identifier: Apache-2.0 */

/* mount-new - file systems made with fsopen(), fsconfig(), fsmount() and move_mount(). */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "host/kernel.h"
#include "host/mount-private.h"

/* Not every libc has these in a header, and some headers that do cannot be included together. */
enum {
        NEW_OPEN_CLOEXEC = 1,
        NEW_SET_FLAG = 0,
        NEW_SET_STRING = 1,
        NEW_CREATE = 6,
        NEW_MOUNT_CLOEXEC = 1,
        NEW_MOVE_EMPTY_SOURCE = 4,
        NEW_RDONLY = 1,
        NEW_NOSUID = 2,
        NEW_NODEV = 4,
        NEW_NOEXEC = 8,
};

#define STRING_LIMIT  255  /* bytes of a string that fsconfig() takes */
#define CLASSIC_LIMIT 4095 /* bytes of all options that mount() takes */

/* A file system in the making, and descriptors that stand for long paths until it is made. */
typedef struct Making {
        int fd;
        GArray *paths;
} Making;

static void path_close(void *data) {
        fd_close(*(int *) data);
}

static GArray *paths_new(void) {
        GArray *paths = g_array_new(FALSE, FALSE, sizeof(int));

        g_array_set_clear_func(paths, path_close);
        return paths;
}

static bool making_init(Making *making, const char *type, GError **error) {
        making->fd = (int) syscall(SYS_fsopen, type, NEW_OPEN_CLOEXEC);
        if (making->fd < 0)
                return fail_errno(error, "open the file system type %s", type);
        making->paths = paths_new();
        return true;
}

static void making_clear(Making *making) {
        if (making->fd >= 0)
                fd_close(making->fd);
        if (making->paths)
                g_array_unref(making->paths);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Making, making_clear)

static bool set_option(const Making *making, const char *key, const char *value) {
        unsigned command = value ? NEW_SET_STRING : NEW_SET_FLAG;

        return syscall(SYS_fsconfig, making->fd, command, key, value, 0) == 0;
}

/* The short name of a directory: "/proc/self/fd/N". */
static char *path_shorten(GArray *paths, const char *path) {
        int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0)
                return NULL;
        g_array_append_val(paths, fd);
        return g_strdup_printf("/proc/self/fd/%d", fd);
}

static bool set_path(const Making *making, const char *key, const char *path) {
        g_autofree char *shortened = NULL;

        if (strlen(path) <= STRING_LIMIT)
                return set_option(making, key, path);
        shortened = path_shorten(making->paths, path);
        return shortened && set_option(making, key, shortened);
}

/* What the kernel says beyond the errno, if anything: lines such as "e overlay: text". */
static char *making_complaint(const Making *making) {
        char text[512];
        ssize_t length = read(making->fd, text, sizeof(text) - 1);

        if (length <= 0)
                return g_strdup("");
        text[length] = '\0';
        g_strchomp(text);
        return g_strdup_printf(" (%s)", length > 2 && text[1] == ' ' ? text + 2 : text);
}

static bool making_fail(const Making *making, const char *step, const char *target,
                        GError **error) {
        int number = errno;
        g_autofree char *complaint = making_complaint(making);

        return fail(error, ERROR_UNKNOWN, "mount %s: %s: %s%s", target, step, g_strerror(number),
                    complaint);
}

static bool making_attach(const Making *making, unsigned attributes, const char *target,
                          GError **error) {
        autofd int fd = -1;

        if (syscall(SYS_fsconfig, making->fd, NEW_CREATE, NULL, NULL, 0) < 0)
                return making_fail(making, "make the file system", target, error);
        fd = (int) syscall(SYS_fsmount, making->fd, NEW_MOUNT_CLOEXEC, attributes);
        if (fd < 0)
                return making_fail(making, "make the mount", target, error);
        if (syscall(SYS_move_mount, fd, "", AT_FDCWD, target, NEW_MOVE_EMPTY_SOURCE) < 0)
                return making_fail(making, "attach the mount", target, error);
        return true;
}

bool mount_tmpfs(const char *target, guint64 size_bytes, mode_t mode, const char *label,
                 GError **error) {
        g_auto(Making) making = { .fd = -1 };
        char size[24];
        char octal[12];

        snprintf(size, sizeof(size), "%" G_GUINT64_FORMAT, size_bytes);
        snprintf(octal, sizeof(octal), "%o", mode & 07777);
        if (!making_init(&making, "tmpfs", error))
                return false;
        if (!set_option(&making, "source", "shm") || !set_option(&making, "size", size) ||
            !set_option(&making, "mode", octal) ||
            (label && !set_option(&making, "context", label)))
                return making_fail(&making, "set an option", target, error);
        return making_attach(&making, NEW_NOSUID | NEW_NODEV | NEW_NOEXEC, target, error);
}

static bool set_lowers(const Making *making, const MountOverlay *overlay) {
        for (unsigned i = 0; i < overlay->n_lowers; i++)
                if (!set_path(making, "lowerdir+", overlay->lowers[i]))
                        return false;
        return true;
}

/* For kernels that want all lowers in one option. When the paths do not fit they go as
 * descriptors, which @paths keeps open. */
static char *join_lowers(GArray *paths, const MountOverlay *overlay, bool shorten) {
        g_autoptr(GString) joined = g_string_new(NULL);

        for (unsigned i = 0; i < overlay->n_lowers; i++) {
                g_autofree char *shortened = NULL;
                const char *path = overlay->lowers[i];

                if (shorten || strpbrk(path, ":,\\\"")) /* would be read as two paths or options */
                        path = shortened = path_shorten(paths, path);
                if (!path)
                        return NULL;
                g_string_append_printf(joined, "%s%s", i ? ":" : "", path);
        }
        return g_string_free(g_steal_pointer(&joined), FALSE);
}

static char *classic_options(GArray *paths, const MountOverlay *overlay, bool shorten) {
        g_autofree char *lowers = join_lowers(paths, overlay, shorten);
        g_autofree char *upper = overlay->upper ? path_shorten(paths, overlay->upper) : NULL;
        g_autofree char *work = overlay->work ? path_shorten(paths, overlay->work) : NULL;
        g_autoptr(GString) options = g_string_new("lowerdir=");

        if (!lowers || (overlay->upper && (!upper || !work)))
                return NULL;
        g_string_append(options, lowers);
        if (upper)
                g_string_append_printf(options, ",upperdir=%s,workdir=%s%s", upper, work,
                                       kernel_has_overlay_volatile() ? ",volatile" : "");
        if (overlay->label)
                g_string_append_printf(options, ",context=\"%s\"", overlay->label);
        return g_string_free(g_steal_pointer(&options), FALSE);
}

static bool classic_mount(GArray *paths, const MountOverlay *overlay, const char *target,
                          GError **error) {
        g_autofree char *options = classic_options(paths, overlay, false);
        unsigned long flags = (overlay->upper ? 0 : MS_RDONLY) |
                              (overlay->attributes & NEW_RDONLY ? MS_RDONLY : 0) |
                              (overlay->attributes & NEW_NOSUID ? MS_NOSUID : 0) |
                              (overlay->attributes & NEW_NODEV ? MS_NODEV : 0) |
                              (overlay->attributes & NEW_NOEXEC ? MS_NOEXEC : 0);

        if (options && strlen(options) > CLASSIC_LIMIT) {
                g_free(options);
                options = classic_options(paths, overlay, true);
        }
        if (!options)
                return fail_errno(error, "mount %s: open a layer", target);
        if (strlen(options) > CLASSIC_LIMIT)
                return fail(error, ERROR_UNKNOWN,
                            "mount %s: %u layers are more than a kernel before 6.7 takes", target,
                            overlay->n_lowers);
        if (mount("overlay", target, "overlay", flags, options) < 0)
                return fail_errno(error, "mount an overlay of %u layers at %s", overlay->n_lowers,
                                  target);
        return true;
}

bool mount_overlay_classic(const MountOverlay *overlay, const char *target, GError **error) {
        g_autoptr(GArray) paths = paths_new();

        return classic_mount(paths, overlay, target, error);
}

bool mount_overlay(const MountOverlay *overlay, const char *target, GError **error) {
        g_auto(Making) making = { .fd = -1 };

        if (!kernel_has_overlay_append())
                return mount_overlay_classic(overlay, target, error);
        if (!making_init(&making, "overlay", error))
                return false;
        if (!set_option(&making, "source", "overlay") || !set_lowers(&making, overlay))
                return making_fail(&making, "set the lower directories", target, error);
        if (overlay->upper &&
            (!set_path(&making, "upperdir", overlay->upper) ||
             !set_path(&making, "workdir", overlay->work) ||
             !set_option(&making, "volatile", NULL)))
                return making_fail(&making, "set the upper directory", target, error);
        if (overlay->label && !set_option(&making, "context", overlay->label))
                return making_fail(&making, "set the label", target, error);
        return making_attach(&making, overlay->attributes, target, error);
}
