/* SPDX-License-Identifier: Apache-2.0 */
/* ContainerStats, ListContainerStats, PodSandboxStats, ListPodSandboxStats. */

#include "base/error.h"
#include "service/service-private.h"

SERVICE_HANDLER(service_container_stats) {
        const CriContainerStatsRequest *request = in;
        CriContainerStatsResponse *response = out;
        Service *service = data;
        Container *container = service_need_container(service, call, request->container_id, error);

        if (!container)
                return false;
        response->stats = stats_of_container(service->stats, rpc_call_arena(call), container);
        return true;
}

static bool matches_container(const CriContainerStatsFilter *filter, Container *container,
        const CriContainerAttributes *attributes) {
        return !filter || (g_str_has_prefix(container_get_id(container), filter->id) &&
                                  g_str_has_prefix(container_get_sandbox_id(container),
                                          filter->pod_sandbox_id) &&
                                  cri_map_contains(attributes->labels, attributes->n_labels,
                                          filter->label_selector, filter->n_label_selector));
}

SERVICE_HANDLER(service_list_container_stats) {
        const CriListContainerStatsRequest *request = in;
        CriListContainerStatsResponse *response = out;
        Service *service = data;
        Arena *arena = rpc_call_arena(call);
        GPtrArray *containers = registry_list_containers(service->context->registry, NULL);

        arena_keep(arena, containers, (GDestroyNotify)g_ptr_array_unref);
        response->stats = arena_new_array(arena, CriContainerStats *, containers->len + 1);
        for (unsigned i = 0; i < containers->len; i++) {
                CriContainerStats *one =
                        stats_of_container(service->stats, arena, containers->pdata[i]);

                if (one &&
                        matches_container(request->filter, containers->pdata[i], one->attributes))
                        response->stats[response->n_stats++] = one;
        }
        return true;
}

SERVICE_HANDLER(service_pod_sandbox_stats) {
        const CriPodSandboxStatsRequest *request = in;
        CriPodSandboxStatsResponse *response = out;
        Service *service = data;
        Sandbox *sandbox = service_need_sandbox(service, call, request->pod_sandbox_id, error);

        if (!sandbox)
                return false;
        response->stats = stats_of_sandbox(service->stats, rpc_call_arena(call), sandbox);
        return true;
}

static bool matches_sandbox(const CriPodSandboxStatsFilter *filter, Sandbox *sandbox) {
        const CriPodSandboxConfig *wish = sandbox_get_wish(sandbox);

        return !filter || (g_str_has_prefix(sandbox_get_id(sandbox), filter->id) &&
                                  cri_map_contains(wish->labels, wish->n_labels,
                                          filter->label_selector, filter->n_label_selector));
}

SERVICE_HANDLER(service_list_pod_sandbox_stats) {
        const CriListPodSandboxStatsRequest *request = in;
        CriListPodSandboxStatsResponse *response = out;
        Service *service = data;
        Arena *arena = rpc_call_arena(call);
        GPtrArray *sandboxes = registry_list_sandboxes(service->context->registry);

        arena_keep(arena, sandboxes, (GDestroyNotify)g_ptr_array_unref);
        response->stats = arena_new_array(arena, CriPodSandboxStats *, sandboxes->len + 1);
        for (unsigned i = 0; i < sandboxes->len; i++) {
                g_auto(SandboxStatus) status = {0};

                sandbox_get_status(sandboxes->pdata[i], &status);
                if (status.ready && matches_sandbox(request->filter, sandboxes->pdata[i]))
                        response->stats[response->n_stats++] =
                                stats_of_sandbox(service->stats, arena, sandboxes->pdata[i]);
        }
        return true;
}
