/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "runtime/spec-private.h"

#define OURS "io.kubernetes.cri-o."

/*
 * What an annotation of a request must not do: reach a runtime that acts on it, or pass for one of
 * ours. Names that end in a dot, a slash or nothing special are all taken as prefixes, since many
 * of them may carry a container's name behind them. A handler's allowed_annotations, prefixes as
 * well, make exceptions.
 */
static const char *const special[] = {
        OURS,
        "io.container.manager",
        "io.containers.trace-syscall",
        "io.kubernetes.cri.rdt-class",
        "org.opencontainers.image.stopSignal",
        "org.opencontainers.image.",
        "org.systemd.property.",
        "org.criu.",
        "run.oci.",
        "krun.",
        "module.wasm.",
        "bundle",
        "seccomp-notifier-action",
        "com.github.containers.",
        "io.katacontainers.",
        "devices.gvisor.dev/",
        "dev.gvisor.",
};

/* The newer form of our names: NAME.crio.io, with "/CONTAINER" behind it or not. */
static bool is_ours_v2(const char *key) {
        const char *found = key;

        while ((found = strstr(found, ".crio.io"))) {
                found += strlen(".crio.io");
                if (!*found || *found == '/')
                        return true;
        }
        return false;
}

static bool is_special(const Runtime *runtime, const char *key) {
        GStrv unsafe = runtime_get_features(runtime)->unsafe_annotations;

        if (is_ours_v2(key))
                return true;
        for (unsigned i = 0; i < G_N_ELEMENTS(special); i++)
                if (g_str_has_prefix(key, special[i]))
                        return true;
        for (unsigned i = 0; unsafe && unsafe[i]; i++)
                if (g_str_has_prefix(key, unsafe[i]))
                        return true;
        return false;
}

bool spec_annotation_is_allowed(const Runtime *runtime, const char *key) {
        GStrv allowed = runtime_get_config(runtime)->allowed_annotations;

        if (!is_special(runtime, key))
                return true;
        for (unsigned i = 0; allowed && allowed[i]; i++)
                if (*allowed[i] && g_str_has_prefix(key, allowed[i]))
                        return true;
        return false;
}

/* pieces */

static void set_text(Json *annotations, const char *key, const char *text) {
        g_autofree char *name = g_strconcat(OURS, key, NULL);

        json_set_string(annotations, name, text ? text : "");
}

static void set_flag(Json *annotations, const char *key, bool value) {
        set_text(annotations, key, value ? "true" : "false");
}

static void set_json(Json *annotations, const char *key, Json *take) {
        g_autoptr(Json) json = take;
        g_autofree char *text = json_print(json, NULL);

        set_text(annotations, key, text);
}

static Json *pairs_to_json(CriStringPair *const *pairs, size_t count) {
        Json *object = json_new_object();

        for (size_t i = 0; i < count; i++)
                json_set_string(object, pairs[i]->key, pairs[i]->value);
        return object;
}

static void add_wish(const SpecBuild *build, Json *annotations) {
        const CriContainerConfig *wish = build->wish;
        Json *kept = json_new_object();

        for (size_t i = 0; i < wish->n_annotations; i++) {
                const CriStringPair *pair = wish->annotations[i];

                if (!spec_annotation_is_allowed(build->request->runtime, pair->key))
                        continue;
                json_set_string(kept, pair->key, pair->value);
                json_set_string(annotations, pair->key, pair->value);
        }
        set_json(annotations, "Annotations", kept);
        set_json(annotations, "Labels", pairs_to_json(wish->labels, wish->n_labels));
}

static void add_metadata(const SpecBuild *build, Json *annotations) {
        const CriContainerMetadata *metadata = build->wish->metadata;
        const CriPodSandboxConfig *sandbox = build->request->sandbox_wish;
        Json *object = json_new_object();

        if (metadata) {
                json_set_string(object, "name", metadata->name);
                json_set_uint(object, "attempt", metadata->attempt);
                set_text(annotations, "KubeName", metadata->name);
        }
        set_json(annotations, "Metadata", object);
        if (sandbox && sandbox->metadata)
                set_text(annotations, "Namespace", sandbox->metadata->namespace_);
        if (sandbox && sandbox->linux)
                set_text(annotations, "CgroupParent", sandbox->linux->cgroup_parent);
}

static void add_image(const SpecBuild *build, Json *annotations) {
        const ImageRecord *image = build->request->image;
        const CriImageSpec *spec = build->wish->image;

        if (spec)
                set_text(annotations, "Image",
                        *spec->user_specified_image ? spec->user_specified_image : spec->image);
        if (!image)
                return;
        set_text(annotations, "ImageName", image->names ? image->names[0] : NULL);
        set_text(annotations, "ImageRef", image->id);
        set_text(annotations, "ImageRepoDigests", image->digests ? image->digests[0] : NULL);
}

static Json *namespace_options(const CriNamespaceOption *options) {
        Json *object = json_new_object();

        if (!options)
                return object;
        json_set_int(object, "network", options->network);
        json_set_int(object, "pid", options->pid);
        json_set_int(object, "ipc", options->ipc);
        if (*options->target_id)
                json_set_string(object, "target_id", options->target_id);
        return object;
}

static void add_place(const SpecBuild *build, Json *annotations) {
        const SpecRequest *request = build->request;
        g_autofree char *created = clock_format_ns(clock_now_ns());
        const char *net = request->namespaces.net;

        set_text(annotations, "ContainerID", request->id);
        set_text(annotations, "ContainerName", request->name);
        set_text(annotations, "Name", request->name);
        set_text(annotations, "ContainerType", build->infra ? "sandbox" : "container");
        set_text(annotations, "SandboxID", request->sandbox_id);
        set_text(annotations, "SandboxName", request->sandbox_name);
        set_text(annotations, "Created", created);
        set_text(annotations, "HostName", request->hostname);
        set_text(annotations, "LogPath", request->log_path);
        set_text(annotations, "MountPoint", request->rootfs);
        set_text(annotations, "ResolvPath", request->resolv_conf);
        set_text(annotations, "HostnamePath", request->hostname_file);
        set_text(annotations, "ShmPath", request->shm);
        set_text(annotations, "RuntimeHandler", runtime_get_name(request->runtime));
        set_flag(annotations, "HostNetwork", net && strcmp(net, "host") == 0);
        set_flag(annotations, "PrivilegedRuntime", request->sandbox_privileged);
        set_json(annotations, "NamespaceOptions",
                namespace_options(build->security->namespace_options));
        for (unsigned i = 0; request->ips && request->ips[i]; i++) {
                g_autofree char *key = g_strdup_printf("IP.%u", i);

                set_text(annotations, key, request->ips[i]);
        }
}

static const char *seccomp_name(const SpecBuild *build) {
        const CriSecurityProfile *profile = build->security->seccomp;

        if (!profile || profile->profile_type == CRI_SECURITY_PROFILE_PROFILE_TYPE_Unconfined)
                return "unconfined";
        if (profile->profile_type == CRI_SECURITY_PROFILE_PROFILE_TYPE_Localhost)
                return profile->localhost_ref;
        return "runtime/default";
}

static Json *volumes(const SpecBuild *build) {
        Json *array = json_new_array();

        for (guint i = 0; i < build->result->mounts->len; i++) {
                const CriMount *mount = build->result->mounts->pdata[i];
                Json *item = json_append(array, json_new_object());

                json_set_string(item, "container_path", mount->container_path);
                json_set_string(item, "host_path", mount->host_path);
                json_set_bool(item, "readonly", mount->readonly);
                json_set_int(item, "propagation", mount->propagation);
                json_set_bool(item, "selinux_relabel", mount->selinux_relabel);
        }
        return array;
}

/* Properties of the scope that the systemd driver of a runtime makes; ours, never the request's. */
static void add_systemd(const SpecBuild *build, Json *annotations) {
        const char *manager = build->request->config->cgroup_manager;

        if (!manager || strcmp(manager, "systemd") != 0)
                return;
        json_set_string(annotations, "org.systemd.property.CollectMode", "'inactive-or-failed'");
        json_set_string(annotations, "org.systemd.property.DefaultDependencies", "true");
        json_set_string(annotations, "org.systemd.property.After", "['crio.service']");
}

bool spec_add_annotations(SpecBuild *build, GError **error) {
        Json *annotations = json_need_object(build->spec, "annotations");

        /* The wish first: whatever is ours comes last and wins. */
        add_wish(build, annotations);
        add_metadata(build, annotations);
        add_image(build, annotations);
        add_place(build, annotations);
        set_text(annotations, "SeccompProfilePath", seccomp_name(build));
        set_flag(annotations, "TTY", build->wish->tty);
        set_flag(annotations, "Stdin", build->wish->stdin);
        set_flag(annotations, "StdinOnce", build->wish->stdin_once);
        set_json(annotations, "Volumes", volumes(build));
        json_set_string(annotations, "io.container.manager", "cri-o");
        add_systemd(build, annotations);
        return true;
}
