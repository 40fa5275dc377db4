/* SPDX-License-Identifier: Apache-2.0 */
/* RunPodSandbox, StopPodSandbox, RemovePodSandbox, PodSandboxStatus, ListPodSandbox. */

#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "service/service-private.h"

/* For the network to become ready, when the client sets no deadline. */
#define NETWORK_SECONDS 120
/* Kept back from the client's deadline, so that the error still reaches it. */
#define ANSWER_USEC (500 * 1000)

static gint64 network_deadline(const RpcCall *call) {
        gint64 deadline = rpc_call_deadline(call);

        return deadline ? deadline - ANSWER_USEC : clock_deadline_usec(NETWORK_SECONDS);
}

static bool create_sandbox(Service *service, RpcCall *call, const CriRunPodSandboxRequest *request,
        char **ret_id, GError **error) {
        PodContext *context = service->context;
        g_autoptr(Sandbox) sandbox =
                sandbox_new(context, request->config, request->runtime_handler, error);

        if (!sandbox)
                return false;
        registry_add_sandbox(context->registry, sandbox);
        *ret_id = g_strdup(sandbox_get_id(sandbox));
        return sandbox_run(sandbox, network_deadline(call), error);
}

SERVICE_HANDLER(service_run_pod_sandbox) {
        const CriRunPodSandboxRequest *request = in;
        CriRunPodSandboxResponse *response = out;
        Service *service = data;
        Registry *registry = service->context->registry;
        g_autofree char *name = NULL;
        g_autofree char *id = NULL;
        g_autoptr(GError) failure = NULL;
        ClaimOutcome outcome;

        if (!request->config || !request->config->metadata)
                return fail(error, ERROR_INVALID_ARGUMENT, "the request has no config.metadata");
        name = sandbox_make_name(request->config->metadata);
        outcome = registry_claim(
                registry, name, rpc_call_deadline(call), rpc_call_cancel_fd(call), &id, error);
        if (outcome == CLAIM_FAILED)
                return false;
        if (outcome == CLAIM_NEW) {
                bool good = create_sandbox(service, call, request, &id, &failure);

                registry_settle(registry, name, good ? id : NULL, failure);
                if (!good) {
                        g_propagate_error(error, g_steal_pointer(&failure));
                        return false;
                }
        }
        response->pod_sandbox_id = arena_strdup(rpc_call_arena(call), id);
        return true;
}

SERVICE_HANDLER(service_stop_pod_sandbox) {
        const CriStopPodSandboxRequest *request = in;
        Service *service = data;
        g_autoptr(Sandbox) sandbox = NULL;

        sandbox = registry_find_sandbox(service->context->registry, request->pod_sandbox_id);
        if (!sandbox)
                return true; /* stopping what is gone succeeds */
        return sandbox_stop(sandbox, error);
}

SERVICE_HANDLER(service_remove_pod_sandbox) {
        const CriRemovePodSandboxRequest *request = in;
        Service *service = data;
        g_autoptr(Sandbox) sandbox = NULL;

        sandbox = registry_find_sandbox(service->context->registry, request->pod_sandbox_id);
        if (!sandbox)
                return true;
        return sandbox_remove(sandbox, error);
}

/* Status: strings are borrowed from the sandbox, which the arena keeps. */

static CriPodSandboxNetworkStatus *make_network(Arena *arena, const SandboxStatus *status) {
        CriPodSandboxNetworkStatus *network = arena_alloc(arena, sizeof(*network));
        unsigned count = status->ips ? g_strv_length(status->ips) : 0;

        cri_pod_sandbox_network_status_init(network);
        if (count == 0)
                return network;
        network->ip = arena_strdup(arena, status->ips[0]);
        network->additional_ips = arena_new_array(arena, CriPodIP *, count);
        for (unsigned i = 1; i < count; i++) {
                CriPodIP *ip = arena_alloc(arena, sizeof(*ip));

                cri_pod_ip_init(ip);
                ip->ip = arena_strdup(arena, status->ips[i]);
                network->additional_ips[network->n_additional_ips++] = ip;
        }
        return network;
}

static CriLinuxPodSandboxStatus *make_linux(Arena *arena, const CriPodSandboxConfig *wish) {
        CriLinuxPodSandboxStatus *shown = arena_alloc(arena, sizeof(*shown));
        CriNamespace *namespaces = arena_alloc(arena, sizeof(*namespaces));
        CriNamespaceOption *options = NULL;

        cri_linux_pod_sandbox_status_init(shown);
        cri_namespace_init(namespaces);
        if (wish->linux && wish->linux->security_context)
                options = wish->linux->security_context->namespace_options;
        if (!options) {
                options = arena_alloc(arena, sizeof(*options));
                cri_namespace_option_init(options);
        }
        namespaces->options = options;
        shown->namespaces = namespaces;
        return shown;
}

static CriPodSandboxState state_of(const SandboxStatus *status) {
        return status->ready ? CRI_POD_SANDBOX_STATE_SANDBOX_READY
                             : CRI_POD_SANDBOX_STATE_SANDBOX_NOTREADY;
}

static Json *print_info(const Sandbox *sandbox) {
        Json *info = json_new_object();
        Json *spec = service_read_spec(sandbox_get_run_dir(sandbox));

        json_set_string(info, "runtimeHandler", sandbox_get_handler(sandbox));
        json_set(info, "runtimeSpec", spec ? spec : json_new_object());
        return info;
}

SERVICE_HANDLER(service_pod_sandbox_status) {
        const CriPodSandboxStatusRequest *request = in;
        CriPodSandboxStatusResponse *response = out;
        Sandbox *sandbox = service_need_sandbox(data, call, request->pod_sandbox_id, error);
        Arena *arena = rpc_call_arena(call);
        g_auto(SandboxStatus) status = {0};
        const CriPodSandboxConfig *wish;
        CriPodSandboxStatus *shown;

        if (!sandbox)
                return false;
        sandbox_get_status(sandbox, &status);
        wish = sandbox_get_wish(sandbox);
        shown = arena_alloc(arena, sizeof(*shown));
        cri_pod_sandbox_status_init(shown);
        shown->id = (char *)sandbox_get_id(sandbox);
        shown->metadata = wish->metadata;
        shown->state = state_of(&status);
        shown->created_at = status.created_ns;
        shown->network = make_network(arena, &status);
        shown->linux = make_linux(arena, wish);
        shown->n_labels = wish->n_labels;
        shown->labels = wish->labels;
        shown->n_annotations = wish->n_annotations;
        shown->annotations = wish->annotations;
        shown->runtime_handler = (char *)sandbox_get_handler(sandbox);
        response->status = shown;
        if (request->verbose)
                service_set_info(
                        arena, "info", print_info(sandbox), &response->n_info, &response->info);
        return true;
}

static bool matches(
        const CriPodSandboxFilter *filter, Sandbox *sandbox, const SandboxStatus *status) {
        const CriPodSandboxConfig *wish = sandbox_get_wish(sandbox);

        if (status->phase == PHASE_CREATING)
                return false;
        if (!filter)
                return true;
        return g_str_has_prefix(sandbox_get_id(sandbox), filter->id) &&
               (!filter->state || filter->state->state == state_of(status)) &&
               cri_map_contains(wish->labels, wish->n_labels, filter->label_selector,
                       filter->n_label_selector);
}

static CriPodSandbox *make_item(Arena *arena, Sandbox *sandbox, const SandboxStatus *status) {
        const CriPodSandboxConfig *wish = sandbox_get_wish(sandbox);
        CriPodSandbox *item = arena_alloc(arena, sizeof(*item));

        cri_pod_sandbox_init(item);
        item->id = (char *)sandbox_get_id(sandbox);
        item->metadata = wish->metadata;
        item->state = state_of(status);
        item->created_at = status->created_ns;
        item->n_labels = wish->n_labels;
        item->labels = wish->labels;
        item->n_annotations = wish->n_annotations;
        item->annotations = wish->annotations;
        item->runtime_handler = (char *)sandbox_get_handler(sandbox);
        return item;
}

SERVICE_HANDLER(service_list_pod_sandbox) {
        const CriListPodSandboxRequest *request = in;
        CriListPodSandboxResponse *response = out;
        Service *service = data;
        Arena *arena = rpc_call_arena(call);
        GPtrArray *sandboxes = registry_list_sandboxes(service->context->registry);

        arena_keep(arena, sandboxes, (GDestroyNotify)g_ptr_array_unref);
        response->items = arena_new_array(arena, CriPodSandbox *, sandboxes->len + 1);
        for (unsigned i = 0; i < sandboxes->len; i++) {
                g_auto(SandboxStatus) status = {0};

                sandbox_get_status(sandboxes->pdata[i], &status);
                if (matches(request->filter, sandboxes->pdata[i], &status))
                        response->items[response->n_items++] =
                                make_item(arena, sandboxes->pdata[i], &status);
        }
        return true;
}
