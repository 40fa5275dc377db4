/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "host/mount.h"
#include "host/selinux-label.h"
#include "runtime/spec-private.h"

#define MAX_MOUNTS 4096

/* One mount of the wish on its way into the spec. */
typedef struct Bind {
        const CriMount *wish;
        char *target;
        char *source; /* resolved */
        bool image;
        bool read_only;
        const char *propagation;
} Bind;

static void bind_clear(Bind *bind) {
        g_clear_pointer(&bind->target, g_free);
        g_clear_pointer(&bind->source, g_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Bind, bind_clear)

/* target */

/* The files below /proc which a runtime lets a container replace. */
static const char *const proc_files[] = {
        "/proc/cpuinfo",
        "/proc/diskstats",
        "/proc/meminfo",
        "/proc/stat",
        "/proc/swaps",
        "/proc/uptime",
        "/proc/loadavg",
        "/proc/slabinfo",
        "/proc/net/dev",
        "/proc/sys/kernel/ns_last_pid",
        "/proc/sys/crypto/fips_enabled",
};

static bool is_procfs(const char *path) {
        struct statfs status;

        return statfs(path, &status) == 0 && status.f_type == PROC_SUPER_MAGIC;
}

/* A mount over procfs turns off what protects the host through it. */
static bool check_place(
        const char *target, const char *resolved, const char *source, GError **error) {
        if (strcmp(resolved, "/") == 0)
                return fail(error, ERROR_INVALID_ARGUMENT,
                        "mount %s: cannot mount over the container's root", target);
        if (strcmp(resolved, "/proc") == 0 && is_procfs(source))
                return true;
        if (strcmp(resolved, "/proc") != 0 && !g_str_has_prefix(resolved, "/proc/"))
                return true;
        for (unsigned i = 0; i < G_N_ELEMENTS(proc_files); i++)
                if (strcmp(resolved, proc_files[i]) == 0)
                        return true;
        return fail(error, ERROR_INVALID_ARGUMENT,
                "mount %s: cannot be mounted because it is inside /proc", target);
}

/* Where @target leads inside the rootfs as it is now; a path that does not exist leads to itself.
 */
static char *resolve_in_root(const SpecBuild *build, const char *target) {
        autofd int fd = file_open_in_root(build->root_dfd, target, O_PATH, 0);
        g_autofree char *link = g_strdup_printf("/proc/self/fd/%d", fd);
        g_autofree char *root_link = g_strdup_printf("/proc/self/fd/%d", build->root_dfd);
        g_autofree char *path = fd < 0 ? NULL : g_file_read_link(link, NULL);
        g_autofree char *root = fd < 0 ? NULL : g_file_read_link(root_link, NULL);
        size_t length = root ? strlen(root) : 0;

        if (!path || !root || strncmp(path, root, length) != 0)
                return g_strdup(target);
        return g_strdup(path[length] == '/' ? path + length : path[length] ? path : "/");
}

static bool prepare_target(const SpecBuild *build, Bind *bind, GError **error) {
        g_autofree char *resolved = NULL;

        if (!*bind->wish->container_path)
                return fail(error, ERROR_INVALID_ARGUMENT, "mount: container_path is empty");
        bind->target = spec_clean_path("mount: container_path", bind->wish->container_path, error);
        if (!bind->target)
                return false;
        if (!check_place(bind->target, bind->target, bind->source, error))
                return false;
        resolved = resolve_in_root(build, bind->target);
        return check_place(bind->target, resolved, bind->source, error);
}

/* source */

static bool is_rejected_when_absent(const Config *config, const char *source) {
        return config->absent_mount_sources_to_reject &&
               g_strv_contains((const char *const *)config->absent_mount_sources_to_reject, source);
}

static bool resolve_source(const SpecBuild *build, Bind *bind, GError **error) {
        const Config *config = build->request->config;
        const char *prefix = config->bind_mount_prefix ? config->bind_mount_prefix : "";
        g_autofree char *clean = spec_clean_path("mount: host_path", bind->wish->host_path, error);
        g_autofree char *path = clean ? g_strconcat(prefix, clean, NULL) : NULL;
        char *resolved;

        if (!clean)
                return false;
        resolved = realpath(path, NULL);
        if (!resolved && errno == ENOENT) {
                if (is_rejected_when_absent(config, clean))
                        return fail(error, ERROR_INVALID_ARGUMENT,
                                "cannot mount %s: path does not exist and will cause issues as "
                                "a directory",
                                clean);
                if (!dir_make(AT_FDCWD, path, 0755, error))
                        return false;
                resolved = realpath(path, NULL);
        }
        if (!resolved)
                return fail_errno(
                        error, "mount %s: resolve its source %s", bind->wish->container_path, path);
        bind->source = g_strdup(resolved);
        free(resolved);
        return true;
}

/* The mounted image, or a path below it that cannot lead out of it. */
static bool resolve_image_source(const SpecBuild *build, Bind *bind, GError **error) {
        const char *name = bind->wish->image->image;
        GHashTable *volumes = build->request->image_volumes;
        const char *root = volumes ? g_hash_table_lookup(volumes, name) : NULL;
        g_autofree char *link = NULL;
        autofd int root_fd = -1;
        autofd int fd = -1;

        if (*bind->wish->host_path)
                return fail(error, ERROR_INVALID_ARGUMENT,
                        "mount %s: host_path and image exclude each other",
                        bind->wish->container_path);
        if (!root)
                return fail(error, ERROR_IMAGE_VOLUME_MOUNT_FAILED,
                        "mount %s: image %s is not mounted", bind->wish->container_path, name);
        if (!*bind->wish->image_sub_path) {
                bind->source = g_strdup(root);
                return true;
        }
        root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
        fd = root_fd < 0 ? -1 : file_open_in_root(root_fd, bind->wish->image_sub_path, O_PATH, 0);
        if (fd < 0)
                return fail(error, ERROR_IMAGE_VOLUME_MOUNT_FAILED,
                        "mount %s: image_sub_path %s of image %s: %s", bind->wish->container_path,
                        bind->wish->image_sub_path, name, g_strerror(errno));
        link = g_strdup_printf("/proc/self/fd/%d", fd);
        bind->source = g_file_read_link(link, NULL);
        return bind->source ? true
                            : fail_errno(error, "read the path of image_sub_path %s",
                                      bind->wish->image_sub_path);
}

static bool prepare_source(const SpecBuild *build, Bind *bind, GError **error) {
        const CriMount *wish = bind->wish;

        bind->image = wish->image && *wish->image->image;
        if (bind->image)
                return resolve_image_source(build, bind, error);
        if (*wish->image_sub_path)
                return fail(error, ERROR_INVALID_ARGUMENT,
                        "mount %s: image_sub_path without an image", wish->container_path);
        if (!*wish->host_path)
                return fail(error, ERROR_INVALID_ARGUMENT, "mount %s: host_path is empty",
                        wish->container_path);
        return resolve_source(build, bind, error);
}

/* propagation */

/* Whether the container's storage lies at or below @source: such a mount must see unmounts of the
 * host, or it would keep the root file systems of dead containers busy. */
static bool covers_storage(const SpecBuild *build, const char *source) {
        const char *root = build->request->config->root;
        size_t length = strlen(source);

        if (!root)
                return false;
        return strcmp(source, "/") == 0 ||
               (strncmp(root, source, length) == 0 && (root[length] == '/' || !root[length]));
}

static bool check_shared(const char *source, bool slave_will_do, GError **error) {
        g_autoptr(GPtrArray) mounts = mount_list(error);
        const MountEntry *entry = mounts ? mount_find(mounts, source) : NULL;

        if (!mounts)
                return false;
        if (entry && (entry->shared || (slave_will_do && entry->slave)))
                return true;
        return fail(error, ERROR_INVALID_ARGUMENT,
                "path %s is mounted on %s but it is not a %s mount", source,
                entry ? entry->target : "nothing", slave_will_do ? "shared or slave" : "shared");
}

/* The container's root must let through what its most open mount asks for. */
static void open_root(SpecBuild *build, const char *propagation) {
        const char *now = json_get_string(spec_linux(build), "rootfsPropagation");

        if (!now || strcmp(now, "rshared") != 0)
                json_set_string(spec_linux(build), "rootfsPropagation", propagation);
}

static bool choose_propagation(SpecBuild *build, Bind *bind, GError **error) {
        bind->propagation = "rprivate";
        switch ((int)bind->wish->propagation) {
        case CRI_MOUNT_PROPAGATION_PROPAGATION_PRIVATE:
                if (!bind->image && covers_storage(build, bind->source)) {
                        bind->propagation = "rslave";
                        open_root(build, "rslave");
                }
                return true;
        case CRI_MOUNT_PROPAGATION_PROPAGATION_HOST_TO_CONTAINER:
                bind->propagation = "rslave";
                open_root(build, "rslave");
                return check_shared(bind->source, true, error);
        case CRI_MOUNT_PROPAGATION_PROPAGATION_BIDIRECTIONAL:
                bind->propagation = "rshared";
                open_root(build, "rshared");
                return check_shared(bind->source, false, error);
        }
        return fail(error, ERROR_INVALID_ARGUMENT, "mount %s: unknown propagation %d", bind->target,
                (int)bind->wish->propagation);
}

/* the rest */

static bool check_recursive(const SpecBuild *build, const Bind *bind, GError **error) {
        const CriMount *wish = bind->wish;

        if (!wish->recursive_read_only)
                return true;
        if (!wish->readonly)
                return fail(error, ERROR_INVALID_ARGUMENT,
                        "mount %s: recursive_read_only needs readonly", bind->target);
        if (wish->propagation != CRI_MOUNT_PROPAGATION_PROPAGATION_PRIVATE)
                return fail(error, ERROR_INVALID_ARGUMENT,
                        "mount %s: recursive_read_only needs private propagation", bind->target);
        if (!runtime_get_features(build->request->runtime)->recursive_read_only)
                return fail(error, ERROR_RRO_UNSUPPORTED,
                        "mount %s: runtime handler %s cannot make mounts recursively read-only",
                        bind->target, runtime_get_name(build->request->runtime));
        return true;
}

static void add_mappings(
        Json *mount, const char *key, CriIDMapping *const *mappings, size_t count) {
        Json *array = count > 0 ? json_need_array(mount, key) : NULL;

        for (size_t i = 0; i < count; i++) {
                Json *item = json_append(array, json_new_object());

                json_set_uint(item, "containerID", mappings[i]->container_id);
                json_set_uint(item, "hostID", mappings[i]->host_id);
                json_set_uint(item, "size", mappings[i]->length);
        }
}

static bool check_fields(const SpecBuild *build, const Bind *bind, GError **error) {
        const CriMount *wish = bind->wish;

        if ((wish->n_uidmappings > 0 || wish->n_gidmappings > 0) &&
                !runtime_get_features(build->request->runtime)->idmap_mounts)
                return fail(error, ERROR_UNIMPLEMENTED,
                        "mount %s: uidMappings and gidMappings: runtime handler %s cannot "
                        "id-map mounts",
                        bind->target, runtime_get_name(build->request->runtime));
        if (wish->n_mount_options > 0)
                return fail(error, ERROR_UNIMPLEMENTED, "mount %s: mount_options are not supported",
                        bind->target);
        return check_recursive(build, bind, error);
}

/* The source gets the pod's label where the wish asks for it; a file of ours or of the image never
 * does. */
static bool relabel(const SpecBuild *build, const Bind *bind, GError **error) {
        const char *label = build->request->mount_label;

        if (!bind->wish->selinux_relabel || bind->image || !label || !*label || build->privileged ||
                !build->request->config->selinux)
                return true;
        return selinux_label_relabel(bind->source, label, true, error);
}

static void push_bind(SpecBuild *build, const Bind *bind) {
        g_autoptr(GString) options = g_string_new(bind->read_only ? "ro" : "rw");
        Json *mount;

        g_string_append_printf(options, ",rbind,%s", bind->propagation);
        if (bind->wish->recursive_read_only)
                g_string_append(options, ",rro");
        if (bind->image)
                g_string_append(options, ",nosuid,nodev,noexec");
        spec_push_mount(build, bind->target, "bind", bind->source, options->str);
        mount = build->mounts->pdata[build->mounts->len - 1];
        add_mappings(mount, "uidMappings", bind->wish->uidmappings, bind->wish->n_uidmappings);
        add_mappings(mount, "gidMappings", bind->wish->gidmappings, bind->wish->n_gidmappings);
}

/* What the status shows: the wish, with the source that was really used. */
static void report_bind(SpecBuild *build, const Bind *bind) {
        CriMount shown = *bind->wish;

        shown.container_path = bind->target;
        if (!bind->image)
                shown.host_path = bind->source;
        shown.readonly = bind->read_only;
        g_ptr_array_add(build->result->mounts, CRI_COPY(CriMount, &shown));
}

static bool add_bind(SpecBuild *build, const CriMount *wish, GError **error) {
        g_auto(Bind) bind = {.wish = wish};

        if (!prepare_source(build, &bind, error) || !prepare_target(build, &bind, error) ||
                !check_fields(build, &bind, error) || !choose_propagation(build, &bind, error) ||
                !relabel(build, &bind, error))
                return false;
        bind.read_only = wish->readonly || bind.image;
        push_bind(build, &bind);
        report_bind(build, &bind);
        return true;
}

bool spec_add_wish_mounts(SpecBuild *build, GError **error) {
        if (build->wish->n_mounts > MAX_MOUNTS)
                return fail(error, ERROR_INVALID_ARGUMENT, "mounts: more than %u", MAX_MOUNTS);
        for (size_t i = 0; i < build->wish->n_mounts; i++)
                if (!add_bind(build, build->wish->mounts[i], error))
                        return false;
        return true;
}
