/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cgroup-private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "host/mount.h"

#define DEFAULT_PARENT "/crio"
#define DEPTH_LIMIT    64

/* where the hierarchies are */

static bool has_option(const char *options, const char *wanted) {
        g_auto(GStrv) words = g_strsplit(options, ",", -1);

        return g_strv_contains((const char *const *) words, wanted);
}

static bool is_known(const GPtrArray *found, const MountEntry *entry, bool unified) {
        for (guint i = 0; i < found->len; i++) {
                const CgroupHierarchy *hierarchy = g_ptr_array_index(found, i);

                if (hierarchy->unified == unified &&
                    (unified || g_str_equal(hierarchy->controllers, entry->super_options)))
                        return true;
        }
        return false;
}

/* A hierarchy may be mounted in several places, and a part of it may be bound somewhere: the first
 * mount of the whole counts. */
static void hierarchy_add(GPtrArray *found, const MountEntry *entry) {
        bool unified = g_str_equal(entry->type, "cgroup2");
        CgroupHierarchy *hierarchy;
        int dfd;

        if (!unified && !g_str_equal(entry->type, "cgroup"))
                return;
        if (!g_str_equal(entry->root, "/") || is_known(found, entry, unified))
                return;
        dfd = open(entry->target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (dfd < 0)
                return;
        hierarchy = g_new0(CgroupHierarchy, 1);
        hierarchy->controllers = g_strdup(unified ? "" : entry->super_options);
        hierarchy->unified = unified;
        hierarchy->dfd = dfd;
        g_ptr_array_add(found, hierarchy);
}

/* With a v2 mount at the usual place, a v1 hierarchy elsewhere is somebody's private affair. */
static GPtrArray *hierarchies_find(void) {
        g_autoptr(GPtrArray) mounts = mount_list(NULL);
        GPtrArray *found = g_ptr_array_new();
        const MountEntry *usual = mounts ? mount_find(mounts, "/sys/fs/cgroup") : NULL;

        if (usual && g_str_equal(usual->type, "cgroup2") && g_str_equal(usual->root, "/")) {
                hierarchy_add(found, usual);
                return found;
        }
        for (guint i = 0; mounts && i < mounts->len; i++)
                hierarchy_add(found, g_ptr_array_index(mounts, i));
        return found;
}

const GPtrArray *cgroup_hierarchies(void) {
        static GPtrArray *found;

        if (g_once_init_enter(&found))
                g_once_init_leave(&found, hierarchies_find());
        return found;
}

static const CgroupHierarchy *hierarchy_at(guint index) {
        const GPtrArray *all = cgroup_hierarchies();

        return index < all->len ? g_ptr_array_index(all, index) : NULL;
}

bool cgroup_is_unified(void) {
        const CgroupHierarchy *only = hierarchy_at(0);

        return only && only->unified && cgroup_hierarchies()->len == 1;
}

/* @controller is not looked at on v2; "systemd" finds the named hierarchy, NULL any. */
static const CgroupHierarchy *hierarchy_for(const char *controller) {
        g_autofree char *named = g_strconcat("name=", controller, NULL);
        const CgroupHierarchy *hierarchy;

        if (cgroup_is_unified() || !controller)
                return hierarchy_at(0);
        for (guint i = 0; (hierarchy = hierarchy_at(i)); i++)
                if (has_option(hierarchy->controllers, controller) ||
                    has_option(hierarchy->controllers, named))
                        return hierarchy;
        return NULL;
}

bool cgroup_path_check(const char *path, GError **error) {
        g_auto(GStrv) parts = g_strsplit(path, "/", -1);
        bool good = path[0] == '/' && path[1] != '\0' && strlen(path) < PATH_MAX / 2;

        for (unsigned i = 1; good && parts[i]; i++)
                good = *parts[i] && !g_str_equal(parts[i], ".") && !g_str_equal(parts[i], "..");
        if (!good)
                return fail(error, ERROR_INVALID_ARGUMENT, "\"%s\" cannot be the path of a cgroup",
                            path);
        if (!hierarchy_at(0))
                return fail(error, ERROR_FAILED_PRECONDITION,
                            "cgroup %s: no cgroup file system is mounted on this host", path);
        return true;
}

/* make */

/* Pass every controller of a v2 cgroup on to its children. What cannot be passed on (a cgroup with
 * processes, a controller with real-time tasks) is left to whoever needs it and then says so. */
static void delegate(int dfd) {
        g_autofree char *have = file_read_line(dfd, "cgroup.controllers");
        g_autofree char *passed = file_read_line(dfd, "cgroup.subtree_control");
        g_auto(GStrv) controllers = g_strsplit(have ? have : "", " ", -1);
        g_auto(GStrv) before = g_strsplit(passed ? passed : "", " ", -1);

        for (unsigned i = 0; controllers[i]; i++) {
                g_autofree char *order = g_strconcat("+", controllers[i], NULL);

                if (*controllers[i] &&
                    !g_strv_contains((const char *const *) before, controllers[i]))
                        (void) file_write(dfd, "cgroup.subtree_control", order);
        }
}

/* A new v1 cpuset is empty, and nothing can run in an empty one. */
static void inherit_cpuset(int parent_dfd, int dfd) {
        static const char *const files[] = { "cpuset.cpus", "cpuset.mems" };

        for (unsigned i = 0; i < G_N_ELEMENTS(files); i++) {
                g_autofree char *own = file_read_line(dfd, files[i]);
                g_autofree char *above = own && !*own ? file_read_line(parent_dfd, files[i]) : NULL;

                if (above)
                        (void) file_write(dfd, files[i], above);
        }
}

static bool make_in(const CgroupHierarchy *hierarchy, const char *path, GError **error) {
        g_auto(GStrv) parts = g_strsplit(path + 1, "/", -1);
        autofd int dfd = openat(hierarchy->dfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        bool cpuset = has_option(hierarchy->controllers, "cpuset");

        for (unsigned i = 0; dfd >= 0 && parts[i]; i++) {
                int child;

                if (cgroup_is_unified())
                        delegate(dfd);
                if (mkdirat(dfd, parts[i], 0755) < 0 && errno != EEXIST)
                        break;
                child = openat(dfd, parts[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
                if (child >= 0 && cpuset)
                        inherit_cpuset(dfd, child);
                fd_close(dfd);
                dfd = child;
                if (child >= 0 && !parts[i + 1])
                        return true;
        }
        return fail_errno(error, "create cgroup %s (%s)", path,
                          hierarchy->unified ? "cgroup2" : hierarchy->controllers);
}

bool cgroup_create(const char *path, GError **error) {
        const CgroupHierarchy *hierarchy;

        if (!cgroup_path_check(path, error))
                return false;
        for (guint i = 0; (hierarchy = hierarchy_at(i)); i++)
                if (!make_in(hierarchy, path, error))
                        return false;
        return true;
}

bool cgroup_attach(const char *path, pid_t pid, GError **error) {
        g_autofree char *procs = g_strconcat(path + 1, "/cgroup.procs", NULL);
        const CgroupHierarchy *hierarchy;
        char text[16];

        if (!cgroup_path_check(path, error))
                return false;
        if (pid <= 0) /* 0 would be the writer itself */
                return fail(error, ERROR_INVALID_ARGUMENT, "cgroup %s: %d is no process", path,
                            pid);
        snprintf(text, sizeof(text), "%d", pid);
        for (guint i = 0; (hierarchy = hierarchy_at(i)); i++)
                if (!file_write(hierarchy->dfd, procs, text))
                        return fail_errno(error, "move process %d into cgroup %s (%s)", pid, path,
                                          hierarchy->unified ? "cgroup2" : hierarchy->controllers);
        return true;
}

/* remove */

GPtrArray *cgroup_children(int dfd) {
        GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
        int fd = openat(dfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *folder = fd < 0 ? NULL : fdopendir(fd);
        const struct dirent *entry;

        if (!folder) {
                if (fd >= 0)
                        fd_close(fd);
                return names;
        }
        while ((entry = readdir(folder)))
                if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
                        g_ptr_array_add(names, g_strdup(entry->d_name));
        closedir(folder);
        return names;
}

static bool remove_in(int dfd, const char *name, unsigned depth) {
        g_autoptr(GPtrArray) children = NULL;
        autofd int child = -1;

        if (unlinkat(dfd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
                return true;
        if ((errno != EBUSY && errno != ENOTEMPTY) || depth >= DEPTH_LIMIT)
                return false;
        child = openat(dfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (child < 0)
                return errno == ENOENT;
        children = cgroup_children(child);
        for (guint i = 0; i < children->len; i++)
                if (!remove_in(child, g_ptr_array_index(children, i), depth + 1))
                        return false;
        return unlinkat(dfd, name, AT_REMOVEDIR) == 0 || errno == ENOENT;
}

bool cgroup_remove(const char *path, GError **error) {
        const CgroupHierarchy *hierarchy;

        if (!cgroup_path_check(path, error))
                return false;
        for (guint i = 0; (hierarchy = hierarchy_at(i)); i++)
                if (!remove_in(hierarchy->dfd, path + 1, 0))
                        return fail_errno(error, "remove cgroup %s (%s)", path,
                                          hierarchy->unified ? "cgroup2" : hierarchy->controllers);
        return true;
}

/* look */

bool cgroup_exists(const char *path) {
        const CgroupHierarchy *hierarchy;

        if (!cgroup_path_check(path, NULL))
                return false;
        for (guint i = 0; (hierarchy = hierarchy_at(i)); i++)
                if (faccessat(hierarchy->dfd, path + 1, F_OK, 0) == 0)
                        return true;
        return false;
}

int cgroup_open(const char *path, const char *controller) {
        const CgroupHierarchy *hierarchy = hierarchy_for(controller);

        if (!hierarchy || !cgroup_path_check(path, NULL))
                return -1;
        return openat(hierarchy->dfd, path + 1, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

char *cgroup_read(const char *path, const char *controller, const char *file) {
        autofd int dfd = cgroup_open(path, controller);

        return dfd < 0 ? NULL : file_read_line(dfd, file);
}

bool cgroup_write(const char *path, const char *controller, const char *file, const char *value,
                  GError **error) {
        const CgroupHierarchy *hierarchy = hierarchy_for(controller);
        g_autofree char *name = g_strconcat(path + 1, "/", file, NULL);

        if (!cgroup_path_check(path, error))
                return false;
        if (!hierarchy)
                return fail(error, ERROR_FAILED_PRECONDITION,
                            "set %s of cgroup %s: no hierarchy with controller %s is mounted", file,
                            path, controller);
        if (!file_write(hierarchy->dfd, name, value))
                return fail_errno(error, "set %s of cgroup %s to %s", file, path, value);
        return true;
}

guint64 cgroup_get_oom_kills(const char *path) {
        const char *file = cgroup_is_unified() ? "memory.events" : "memory.oom_control";
        g_autofree char *text = cgroup_read(path, "memory", file);
        g_auto(GStrv) lines = g_strsplit(text ? text : "", "\n", -1);
        guint64 count;

        for (unsigned i = 0; lines[i]; i++)
                if (g_str_has_prefix(lines[i], "oom_kill ") &&
                    g_ascii_string_to_unsigned(lines[i] + 9, 10, 0, G_MAXUINT64, &count, NULL))
                        return count;
        return 0;
}

bool cgroup_path_build(const char *parent, const char *leaf, char **ret_path, GError **error) {
        g_auto(GStrv) parts = g_strsplit(parent && *parent ? parent : DEFAULT_PARENT, "/", -1);
        g_autoptr(GString) path = g_string_new(NULL);

        for (unsigned i = 0; parts[i]; i++)
                if (*parts[i])
                        g_string_append_printf(path, "/%s", parts[i]);
        if (g_str_has_suffix(path->str, ".slice"))
                return fail(error, ERROR_INVALID_ARGUMENT,
                            "cri-o configured with cgroupfs cgroup manager, but received systemd "
                            "slice as parent: %s (give the kubelet cgroupDriver: cgroupfs or crio "
                            "cgroup_manager = \"systemd\")", parent);
        if (strchr(leaf, '/'))
                return fail(error, ERROR_INVALID_ARGUMENT, "\"%s\" cannot be the name of a cgroup",
                            leaf);
        g_string_append_printf(path, "/%s", leaf);
        if (!cgroup_path_check(path->str, error))
                return false;
        *ret_path = g_string_free(g_steal_pointer(&path), FALSE);
        return true;
}
