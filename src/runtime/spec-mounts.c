/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "host/cgroup.h"
#include "runtime/spec-private.h"

void spec_push_mount(SpecBuild *build, const char *target, const char *type, const char *source,
        const char *options) {
        g_auto(GStrv) words = g_strsplit(options, ",", -1);
        Json *mount = json_new_object();

        json_set_string(mount, "destination", target);
        json_set_string(mount, "type", type);
        json_set_string(mount, "source", source);
        json_set_strings(mount, "options", (const char *const *)words);
        g_ptr_array_add(build->mounts, mount);
}

char *spec_clean_path(const char *what, const char *path, GError **error) {
        if (*path != '/')
                return fail_null(error, ERROR_INVALID_ARGUMENT,
                        "%s: %.256s is not an absolute path", what, path);
        if (strlen(path) >= 4096 || !g_utf8_validate(path, -1, NULL))
                return fail_null(error, ERROR_INVALID_ARGUMENT,
                        "%s: longer than 4095 bytes or not UTF-8", what);
        for (const char *c = path; *c; c++)
                if ((guchar)*c < ' ' || *c == 0x7f)
                        return fail_null(error, ERROR_INVALID_ARGUMENT,
                                "%s: a path with control characters", what);
        return g_canonicalize_filename(path, "/");
}

/* Whether the wish mounts something at exactly this place. */
bool spec_wish_mounts_at(const SpecBuild *build, const char *path) {
        for (size_t i = 0; i < build->wish->n_mounts; i++) {
                const char *target = build->wish->mounts[i]->container_path;
                g_autofree char *clean =
                        *target == '/' ? g_canonicalize_filename(target, "/") : NULL;

                if (clean && strcmp(clean, path) == 0)
                        return true;
        }
        return false;
}

static void push_default(SpecBuild *build, const char *target, const char *type, const char *source,
        const char *options) {
        if (!spec_wish_mounts_at(build, target))
                spec_push_mount(build, target, type, source, options);
}

static bool shares_host(const char *namespace_path) {
        return namespace_path && strcmp(namespace_path, "host") == 0;
}

/* Whether the handler lets the container write to its cgroup tree, and the pod asks for it. */
static bool wants_writable_cgroup(const SpecBuild *build) {
        const CriPodSandboxConfig *sandbox = build->request->sandbox_wish;
        static const char *const keys[] = {"cgroup2-mount-hierarchy-rw.crio.io",
                "io.kubernetes.cri-o.cgroup2-mount-hierarchy-rw"};

        if (build->privileged)
                return true;
        for (unsigned i = 0; sandbox && cgroup_is_unified() && i < G_N_ELEMENTS(keys); i++) {
                const char *value =
                        cri_map_get(sandbox->annotations, sandbox->n_annotations, keys[i]);

                if (value && spec_annotation_is_allowed(build->request->runtime, keys[i]))
                        return strcmp(value, "true") == 0;
        }
        return false;
}

static void add_default_mounts(SpecBuild *build) {
        const SpecRequest *request = build->request;

        push_default(build, "/proc", "proc", "proc", "nosuid,noexec,nodev");
        push_default(build, "/dev", "tmpfs", "tmpfs", "nosuid,strictatime,mode=755,size=65536k");
        push_default(build, "/dev/pts", "devpts", "devpts",
                "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5");
        if (!shares_host(request->namespaces.ipc))
                push_default(build, "/dev/mqueue", "mqueue", "mqueue", "nosuid,noexec,nodev");
        else if (access("/dev/mqueue", F_OK) == 0)
                push_default(build, "/dev/mqueue", "bind", "/dev/mqueue",
                        "rw,rbind,nosuid,noexec,nodev");
        if (request->shm)
                push_default(build, "/dev/shm", "bind", request->shm, "rw,bind");
        else
                push_default(build, "/dev/shm", "tmpfs", "shm",
                        "nosuid,noexec,nodev,mode=1777,size=65536k");
        push_default(build, "/sys", "sysfs", "sysfs",
                build->privileged ? "nosuid,noexec,nodev,rw" : "nosuid,noexec,nodev,ro");
        push_default(build, "/sys/fs/cgroup", "cgroup", "cgroup",
                wants_writable_cgroup(build) ? "nosuid,noexec,nodev,relatime,rw"
                                             : "nosuid,noexec,nodev,relatime,ro");
}

/* A file of the sandbox, unless the wish brings its own or covers the folder: then the mount point
 * would have to be made in a folder of the host. */
static void push_sandbox_file(
        SpecBuild *build, const char *target, const char *source, bool read_only) {
        g_autofree char *folder = g_path_get_dirname(target);

        if (!source || spec_wish_mounts_at(build, target) || spec_wish_mounts_at(build, folder))
                return;
        spec_push_mount(build, target, "bind", source,
                read_only ? "ro,bind,nodev,nosuid,noexec" : "rw,bind,nodev,nosuid,noexec");
}

static bool add_container_env(SpecBuild *build, GError **error) {
        g_autofree char *path = g_build_filename(build->request->bundle, ".containerenv", NULL);

        if (access(path, F_OK) < 0 && !file_publish(AT_FDCWD, path, "", 0, 0644, error))
                return false;
        push_sandbox_file(build, "/run/.containerenv", path,
                json_get_bool(json_get(build->spec, "root"), "readonly", false));
        return true;
}

static void add_scratch_mounts(SpecBuild *build) {
        static const char *const folders[] = {"/run", "/tmp", "/var/tmp"};

        if (!build->request->config->read_only || build->infra)
                return;
        for (unsigned i = 0; i < G_N_ELEMENTS(folders); i++)
                push_default(build, folders[i], "tmpfs", "tmpfs",
                        g_str_equal(folders[i], "/run") ? "rw,nosuid,nodev,mode=755,tmpcopyup"
                                                        : "rw,nosuid,nodev,mode=1777,tmpcopyup");
}

static unsigned depth(const char *path) {
        unsigned count = 0;

        for (const char *c = path; *c; c++)
                count += *c == '/' && c[1];
        return count;
}

static int compare_depth(gconstpointer a, gconstpointer b) {
        unsigned left = depth(json_get_string(*(Json *const *)a, "destination"));
        unsigned right = depth(json_get_string(*(Json *const *)b, "destination"));

        return left < right ? -1 : left > right;
}

/* A mount must come after the one that it lies on; those of one depth keep their order. */
static void sort_in(SpecBuild *build) {
        Json *array = json_need_array(build->spec, "mounts");

        g_ptr_array_sort(build->mounts, compare_depth); /* a merge sort: stable */
        for (guint i = 0; i < build->mounts->len; i++) {
                json_append(array, build->mounts->pdata[i]);
                build->mounts->pdata[i] = NULL;
        }
        g_ptr_array_set_size(build->mounts, 0);
}

bool spec_add_mounts(SpecBuild *build, GError **error) {
        const SpecRequest *request = build->request;
        bool read_only = json_get_bool(json_get(build->spec, "root"), "readonly", false);

        add_default_mounts(build);
        if (!build->infra) {
                spec_make_mtab(build);
                push_sandbox_file(build, "/etc/resolv.conf", request->resolv_conf, read_only);
                push_sandbox_file(build, "/etc/hostname", request->hostname_file, read_only);
                push_sandbox_file(
                        build, "/etc/hosts", request->hosts, true); /* may be the host's own */
                if (!add_container_env(build, error) || !spec_add_image_volumes(build, error) ||
                        !spec_add_passwd(build, error) || !spec_add_wish_mounts(build, error))
                        return false;
        }
        add_scratch_mounts(build);
        sort_in(build);
        return true;
}
