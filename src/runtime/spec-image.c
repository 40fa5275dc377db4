/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/log.h"
#include "runtime/spec-private.h"

/* Path of an open directory inside the rootfs; NULL when it cannot be told. Free with g_free(). */
static char *path_in_root(const SpecBuild *build, int fd) {
        g_autofree char *link = g_strdup_printf("/proc/self/fd/%d", fd);
        g_autofree char *root_link = g_strdup_printf("/proc/self/fd/%d", build->root_dfd);
        g_autofree char *path = g_file_read_link(link, NULL);
        g_autofree char *root = g_file_read_link(root_link, NULL);
        size_t length = root ? strlen(root) : 0;

        if (!path || !root || strncmp(path, root, length) != 0)
                return NULL;
        return g_strdup(path[length] ? path + length : "/");
}

/* A working directory below /proc/N/fd would be one of the runtime's own descriptors, a way to the
 * host. */
static bool check_working_dir(const char *cwd, const char *resolved, GError **error) {
        if (!g_str_has_prefix(resolved, "/proc/") || !strstr(resolved, "/fd"))
                return true;
        return fail(error, ERROR_INVALID_ARGUMENT,
                "working_dir %s: a descriptor of a process cannot be a working directory", cwd);
}

bool spec_make_working_dir(SpecBuild *build, GError **error) {
        g_autofree char *resolved = NULL;
        autofd int fd = -1;

        if (!check_working_dir(build->cwd, build->cwd, error))
                return false;
        fd = dir_make_in_root(build->root_dfd, build->cwd, 0755);
        if (fd < 0)
                return fail_errno(
                        error, "make the working directory %s of the container", build->cwd);
        resolved = path_in_root(build, fd);
        return !resolved || check_working_dir(build->cwd, resolved, error);
}

/* passwd and group */

static bool publish_copy(SpecBuild *build, const char *name, const GString *text, GError **error) {
        g_autofree char *path = g_build_filename(build->request->bundle, name, NULL);
        g_autofree char *target = g_build_filename("/etc", name, NULL);

        if (!file_publish(AT_FDCWD, path, text->str, text->len, 0644, error))
                return false;
        spec_push_mount(build, target, "bind", path, "rw,bind,nodev,nosuid,noexec");
        return true;
}

static const char *choose_name(const SpecBuild *build) {
        return *build->security->run_as_username ? build->security->run_as_username : NULL;
}

/* A user whom the image does not know gets a line in a private copy. */
bool spec_add_passwd(SpecBuild *build, GError **error) {
        g_autofree char *number = g_strdup_printf("%u", build->user.uid);
        const char *name = choose_name(build);
        g_autoptr(GString) passwd = NULL;
        g_autoptr(GString) group = NULL;

        if (spec_wish_mounts_at(build, "/etc"))
                return true;
        if (!spec_wish_mounts_at(build, "/etc/passwd") &&
                !user_extend_passwd(build->root_dfd, &build->user, name ? name : number,
                        build->home, &passwd, error))
                return false;
        if (!spec_wish_mounts_at(build, "/etc/group") &&
                !user_extend_group(build->root_dfd, build->user.gid, &group, error))
                return false;
        return (!passwd || publish_copy(build, "passwd", passwd, error)) &&
               (!group || publish_copy(build, "group", group, error));
}

/* volumes of the image */

static bool bind_volume(SpecBuild *build, const char *target, unsigned index, GError **error) {
        g_autofree char *name = g_strdup_printf("mounts/%u", index);
        g_autofree char *source = g_build_filename(build->request->bundle, name, NULL);

        if (!dir_make(AT_FDCWD, source, 0755, error))
                return false;
        spec_push_mount(build, target, "bind", source, "rw,bind,private");
        return true;
}

static bool make_volume(SpecBuild *build, const char *target, GError **error) {
        autofd int fd = dir_make_in_root(build->root_dfd, target, 0755);

        if (fd < 0)
                return fail_errno(error, "make the image's volume %s", target);
        return true;
}

/* The image is hostile: what it calls a volume must be a plain place inside that nothing of ours
 * needs. */
static char *clean_volume(const char *volume) {
        g_autofree char *clean = spec_clean_path("volume", volume, NULL);
        static const char *const taken[] = {"/", "/proc", "/sys", "/dev"};

        for (unsigned i = 0; clean && i < G_N_ELEMENTS(taken); i++) {
                size_t length = strlen(taken[i]);

                if (strcmp(clean, taken[i]) == 0 ||
                        (i > 0 && strncmp(clean, taken[i], length) == 0 && clean[length] == '/'))
                        g_clear_pointer(&clean, g_free);
        }
        return g_steal_pointer(&clean);
}

bool spec_add_image_volumes(SpecBuild *build, GError **error) {
        const ImageRecord *image = build->request->image;
        const char *mode = build->request->config->image_volumes;
        bool bind = mode && strcmp(mode, "bind") == 0;

        if (!image || (mode && strcmp(mode, "ignore") == 0))
                return true;
        for (unsigned i = 0; image->volumes && image->volumes[i]; i++) {
                g_autofree char *target = clean_volume(image->volumes[i]);

                if (!target)
                        log_warning("container %s: ignoring a volume of its image that is no place "
                                    "for one",
                                build->request->id);
                else if (!spec_wish_mounts_at(build, target) &&
                         !(bind ? bind_volume(build, target, i, error)
                                : make_volume(build, target, error)))
                        return false;
        }
        return true;
}

/* Old programs look for mounts in /etc/mtab. It is a convenience, so an image in which it cannot be
 * made is left as it is. */
void spec_make_mtab(SpecBuild *build) {
        autofd int fd = dir_make_in_root(build->root_dfd, "/etc", 0755);

        if ((fd < 0 || symlinkat("/proc/mounts", fd, "mtab") < 0) && errno != EEXIST)
                log_debug("container %s: ignoring that /etc/mtab cannot be made: %s",
                        build->request->id, g_strerror(errno));
}

/* rootfs */

/* A runtime that follows a link here would work on the host's tree. */
bool spec_check_rootfs(const SpecBuild *build, GError **error) {
        static const char *const names[] = {"proc", "sys", "dev"};
        struct stat status;

        for (unsigned i = 0; i < G_N_ELEMENTS(names); i++)
                if (fstatat(build->root_dfd, names[i], &status, AT_SYMLINK_NOFOLLOW) == 0 &&
                        !S_ISDIR(status.st_mode))
                        return fail(error, ERROR_INVALID_ARGUMENT,
                                "the image's /%s is not a directory, refusing to run it", names[i]);
        return true;
}
