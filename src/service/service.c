/* SPDX-License-Identifier: Apache-2.0 */
/* Everything the kubelet can ask. */

#include "service/service.h"

#include <fcntl.h>

#include "base/error.h"
#include "base/file.h"
#include "service/service-private.h"

#define RUNTIME "/runtime.v1.RuntimeService/"
#define IMAGE   "/runtime.v1.ImageService/"

#define UNARY(prefix, method, name)                                                                \
        {                                                                                          \
                prefix method, service_##name, &cri_##name##_request_descriptor,                   \
                        &cri_##name##_response_descriptor                                          \
        }

/* Answers UNIMPLEMENTED. */
#define NOT_YET(prefix, method)                                                                    \
        { prefix method, NULL, NULL, NULL }

const RpcMethod service_methods[] = {
        UNARY(RUNTIME, "Version", version),
        UNARY(RUNTIME, "Status", status),
        UNARY(RUNTIME, "RuntimeConfig", runtime_config),
        UNARY(RUNTIME, "UpdateRuntimeConfig", update_runtime_config),

        UNARY(RUNTIME, "RunPodSandbox", run_pod_sandbox),
        UNARY(RUNTIME, "StopPodSandbox", stop_pod_sandbox),
        UNARY(RUNTIME, "RemovePodSandbox", remove_pod_sandbox),
        UNARY(RUNTIME, "PodSandboxStatus", pod_sandbox_status),
        UNARY(RUNTIME, "ListPodSandbox", list_pod_sandbox),
        NOT_YET(RUNTIME, "StreamPodSandboxes"),

        UNARY(RUNTIME, "CreateContainer", create_container),
        UNARY(RUNTIME, "StartContainer", start_container),
        UNARY(RUNTIME, "StopContainer", stop_container),
        UNARY(RUNTIME, "RemoveContainer", remove_container),
        UNARY(RUNTIME, "ListContainers", list_containers),
        NOT_YET(RUNTIME, "StreamContainers"),
        UNARY(RUNTIME, "ContainerStatus", container_status),
        UNARY(RUNTIME, "UpdateContainerResources", update_container_resources),
        UNARY(RUNTIME, "ReopenContainerLog", reopen_container_log),

        UNARY(RUNTIME, "ExecSync", exec_sync),
        NOT_YET(RUNTIME, "Exec"),
        NOT_YET(RUNTIME, "Attach"),
        NOT_YET(RUNTIME, "PortForward"),

        UNARY(RUNTIME, "ContainerStats", container_stats),
        UNARY(RUNTIME, "ListContainerStats", list_container_stats),
        NOT_YET(RUNTIME, "StreamContainerStats"),
        UNARY(RUNTIME, "PodSandboxStats", pod_sandbox_stats),
        UNARY(RUNTIME, "ListPodSandboxStats", list_pod_sandbox_stats),
        NOT_YET(RUNTIME, "StreamPodSandboxStats"),
        NOT_YET(RUNTIME, "ListMetricDescriptors"),
        NOT_YET(RUNTIME, "ListPodSandboxMetrics"),
        NOT_YET(RUNTIME, "StreamPodSandboxMetrics"),

        NOT_YET(RUNTIME, "CheckpointContainer"),
        NOT_YET(RUNTIME, "CheckpointPod"),
        NOT_YET(RUNTIME, "RestorePod"),
        NOT_YET(RUNTIME, "GetContainerEvents"),
        NOT_YET(RUNTIME, "UpdatePodSandboxResources"),

        UNARY(IMAGE, "ListImages", list_images),
        NOT_YET(IMAGE, "StreamImages"),
        UNARY(IMAGE, "ImageStatus", image_status),
        UNARY(IMAGE, "PullImage", pull_image),
        UNARY(IMAGE, "RemoveImage", remove_image),
        UNARY(IMAGE, "ImageFsInfo", image_fs_info),
};

const unsigned service_method_count = G_N_ELEMENTS(service_methods);
G_STATIC_ASSERT(G_N_ELEMENTS(service_methods) == 43);

Sandbox *service_need_sandbox(Service *service, RpcCall *call, const char *id, GError **error) {
        Sandbox *sandbox = *id ? registry_find_sandbox(service->context->registry, id) : NULL;

        if (!sandbox)
                return fail_null(error, ERROR_NOT_FOUND, "could not find pod \"%s\"", id);
        arena_keep(rpc_call_arena(call), sandbox, (GDestroyNotify)sandbox_unref);
        return sandbox;
}

Container *service_need_container(Service *service, RpcCall *call, const char *id, GError **error) {
        Container *container = *id ? registry_find_container(service->context->registry, id) : NULL;

        if (!container)
                return fail_null(error, ERROR_NOT_FOUND, "could not find container \"%s\"", id);
        arena_keep(rpc_call_arena(call), container, (GDestroyNotify)container_unref);
        return container;
}

void service_set_info(Arena *arena, const char *key, Json *take_json, size_t *ret_count,
        CriStringPair ***ret_info) {
        g_autoptr(Json) json = take_json;
        char *text = json_print(json, NULL);
        CriStringPair *pair = arena_alloc(arena, sizeof(*pair));

        arena_keep(arena, text, g_free);
        cri_string_pair_init(pair);
        pair->key = (char *)key;
        pair->value = text;
        *ret_info = arena_new_array(arena, CriStringPair *, 1);
        (*ret_info)[0] = pair;
        *ret_count = 1;
}

Json *service_read_spec(const char *bundle) {
        g_autofree char *path = g_build_filename(bundle, "config.json", NULL);
        g_autofree char *text = NULL;
        size_t length;

        if (!file_read(AT_FDCWD, path, 16 << 20, &text, &length, NULL))
                return NULL;
        return json_parse(text, length, "config.json", NULL);
}
