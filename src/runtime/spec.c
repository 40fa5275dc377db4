/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/spec.h"

#include <fcntl.h>
#include <string.h>

#include "base/error.h"
#include "base/fd.h"
#include "host/cgroup.h"
#include "runtime/spec-private.h"

void spec_result_clear(SpecResult *result) {
        g_clear_pointer(&result->spec, json_free);
        g_clear_pointer(&result->groups, g_array_unref);
        g_clear_pointer(&result->mounts, g_ptr_array_unref);
}

static void build_clear(SpecBuild *build) {
        user_clear(&build->user);
        if (build->root_dfd >= 0)
                fd_close(build->root_dfd);
        if (!build->mounts)
                return;
        for (guint i = 0; i < build->mounts->len; i++)
                json_free(build->mounts->pdata[i]);
        g_ptr_array_unref(build->mounts);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SpecBuild, build_clear)

Json *spec_linux(SpecBuild *build) {
        return json_need_object(build->spec, "linux");
}

/* What the sender left out stands as an empty message, so that nobody has to ask. */
static void build_init(SpecBuild *build, const SpecRequest *request, bool infra) {
        static const CriContainerConfig no_wish = CRI_CONTAINER_CONFIG_INIT;
        static const CriLinuxContainerSecurityContext no_security =
                CRI_LINUX_CONTAINER_SECURITY_CONTEXT_INIT;
        const CriLinuxContainerConfig *linux_wish;

        *build = (SpecBuild){.request = request, .infra = infra, .root_dfd = -1};
        build->wish = request->wish ? request->wish : &no_wish;
        linux_wish = build->wish->linux;
        build->security = linux_wish && linux_wish->security_context ? linux_wish->security_context
                                                                     : &no_security;
        build->resources = linux_wish ? linux_wish->resources : NULL;
        build->privileged = build->security->privileged;
}

/* refusals */

static bool check_userns(const CriNamespaceOption *options, GError **error) {
        const CriUserNamespace *userns = options ? options->userns_options : NULL;

        if (!userns || userns->mode == CRI_NAMESPACE_MODE_NODE)
                return true;
        if (userns->mode == CRI_NAMESPACE_MODE_POD && userns->n_uids == 0 && userns->n_gids == 0)
                return fail(error, ERROR_UNIMPLEMENTED,
                        "userns_options: user namespaces of pods are not built yet");
        if (userns->mode == CRI_NAMESPACE_MODE_POD)
                return fail(error, ERROR_UNIMPLEMENTED,
                        "userns_options: user namespaces of pods are not built yet (%zu uid and "
                        "%zu gid mappings)",
                        userns->n_uids, userns->n_gids);
        return fail(error, ERROR_INVALID_ARGUMENT,
                "userns_options: mode %d, a user namespace belongs to the pod or the node",
                (int)userns->mode);
}

static bool check_unbuilt(const SpecBuild *build, GError **error) {
        const CriContainerConfig *wish = build->wish;

        if (wish->windows)
                return fail(error, ERROR_INVALID_ARGUMENT, "windows: this is a Linux node");
        if (wish->n_cdi_devices > 0)
                return fail(error, ERROR_UNIMPLEMENTED, "CDI_devices: %s: CDI is not built yet",
                        wish->cdi_devices[0]->name);
        for (size_t i = 0; i < wish->n_annotations; i++)
                if (g_str_has_prefix(wish->annotations[i]->key, "cdi.k8s.io/"))
                        return fail(error, ERROR_UNIMPLEMENTED,
                                "annotation %s: CDI is not built yet", wish->annotations[i]->key);
        if (wish->n_mounts > 0 && !build->infra)
                for (size_t i = 0; i < wish->n_mounts; i++)
                        if (wish->mounts[i]->n_mount_options > 0)
                                return fail(error, ERROR_UNIMPLEMENTED,
                                        "mount %s: mount_options are not supported",
                                        wish->mounts[i]->container_path);
        return check_userns(build->security->namespace_options, error);
}

static bool check_privileged(const SpecBuild *build, GError **error) {
        if (!build->privileged || build->request->sandbox_privileged)
                return true;
        return fail(error, ERROR_PERMISSION_DENIED, "no privileged container allowed in sandbox");
}

static bool check_build(const SpecBuild *build, GError **error) {
        return check_unbuilt(build, error) && check_privileged(build, error) &&
               spec_check_process(build, error) && spec_check_resources(build, error);
}

bool spec_check(const SpecRequest *request, GError **error) {
        g_auto(SpecBuild) build;

        build_init(&build, request, false);
        return check_build(&build, error);
}

/* the frame */

static void add_namespace(SpecBuild *build, const char *type, const char *path) {
        Json *item;

        if (path && strcmp(path, "host") == 0)
                return;
        item = json_append(json_need_array(spec_linux(build), "namespaces"), json_new_object());
        json_set_string(item, "type", type);
        json_set_string(item, "path", path);
}

static void add_frame(SpecBuild *build) {
        const SpecRequest *request = build->request;
        const SpecNamespaces *namespaces = &request->namespaces;
        Json *root = json_need_object(build->spec, "root");

        json_set_string(build->spec, "ociVersion", runtime_get_spec_version(request->runtime));
        json_set_string(root, "path", request->rootfs);
        json_set_bool(root, "readonly",
                build->infra || build->security->readonly_rootfs || request->config->read_only);
        /* A pinned UTS namespace has its name already. */
        if (!namespaces->uts && request->hostname && *request->hostname)
                json_set_string(build->spec, "hostname", request->hostname);
        add_namespace(build, "pid", namespaces->pid);
        add_namespace(build, "network", namespaces->net);
        add_namespace(build, "ipc", namespaces->ipc);
        add_namespace(build, "uts", namespaces->uts);
        add_namespace(build, "mount", NULL);
        if (cgroup_is_unified() && !build->privileged)
                add_namespace(build, "cgroup", NULL);
}

/* Every text of the request that came this far must be printable as JSON. */
static bool check_texts(const Json *json, GError **error) {
        const char *text = json_string(json);

        if (text && !g_utf8_validate(text, -1, NULL))
                return fail(
                        error, ERROR_INVALID_ARGUMENT, "the request has a text that is not UTF-8");
        for (size_t i = 0; i < json_length(json); i++) {
                const char *key = json_key_at(json, i);

                if (key && !g_utf8_validate(key, -1, NULL))
                        return fail(error, ERROR_INVALID_ARGUMENT,
                                "the request has a name that is not UTF-8");
                if (!check_texts(json_at(json, i), error))
                        return false;
        }
        return true;
}

static bool open_rootfs(SpecBuild *build, GError **error) {
        build->root_dfd = open(build->request->rootfs, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (build->root_dfd < 0)
                return fail_errno(error, "open the container's root %s", build->request->rootfs);
        return spec_check_rootfs(build, error);
}

static void prepare_result(SpecBuild *build, SpecResult *result) {
        result->spec = json_new_object();
        result->groups = g_array_new(FALSE, FALSE, sizeof(guint32));
        result->mounts = g_ptr_array_new_with_free_func(cri_free);
        build->mounts = g_ptr_array_new();
        build->spec = result->spec;
        build->result = result;
}

static bool build_spec(SpecBuild *build, SpecResult *ret_result, GError **error) {
        g_auto(SpecResult) result = {0};

        prepare_result(build, &result);
        if (!open_rootfs(build, error))
                return false;
        add_frame(build);
        if (!spec_add_process(build, error) ||
                (!build->infra && !spec_make_working_dir(build, error)) ||
                !spec_add_mounts(build, error) || !spec_add_devices(build, error) ||
                !spec_add_resources(build, error) || !spec_add_security(build, error) ||
                !spec_add_annotations(build, error) || !check_texts(build->spec, error))
                return false;
        *ret_result = result;
        result = (SpecResult){0};
        return true;
}

bool spec_build(const SpecRequest *request, SpecResult *ret_result, GError **error) {
        g_auto(SpecBuild) build;

        build_init(&build, request, false);
        return check_build(&build, error) && build_spec(&build, ret_result, error);
}

/* The command of the pause process is the node's, never the pod's. */
bool spec_build_infra(const SpecRequest *request, SpecResult *ret_result, GError **error) {
        const char *command = request->config->pause_command;
        g_auto(GStrv) words = command && *command ? g_strsplit_set(command, " \t", -1) : NULL;
        CriContainerConfig wish = CRI_CONTAINER_CONFIG_INIT;
        SpecRequest changed = *request;
        g_auto(SpecBuild) build;

        wish.command = words;
        wish.n_command = words ? g_strv_length(words) : 0;
        changed.wish = &wish;
        build_init(&build, &changed, true);
        return build_spec(&build, ret_result, error);
}
