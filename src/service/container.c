/* SPDX-License-Identifier: Apache-2.0 */
/* The container calls. */

#include "base/clock.h"
#include "base/error.h"
#include "service/service-private.h"

/* Kept back from the client's deadline, so that the error still reaches it. */
#define ANSWER_USEC (500 * 1000)

static gint64 answer_deadline(const RpcCall *call) {
        gint64 deadline = rpc_call_deadline(call);

        return deadline ? deadline - ANSWER_USEC : 0;
}

static bool create_container(Service *service, Sandbox *sandbox,
        const CriCreateContainerRequest *request, char **ret_id, GError **error) {
        PodContext *context = service->context;
        g_autoptr(Container) container = container_new(context, sandbox, request->config, error);

        if (!container)
                return false;
        registry_add_container(context->registry, container);
        *ret_id = g_strdup(container_get_id(container));
        return container_create(container, error);
}

static bool check_sandbox(Sandbox *sandbox, GError **error) {
        g_auto(SandboxStatus) status = {0};

        sandbox_get_status(sandbox, &status);
        return status.ready || fail(error, ERROR_FAILED_PRECONDITION, "sandbox %s is not ready",
                                       sandbox_get_id(sandbox));
}

SERVICE_HANDLER(service_create_container) {
        const CriCreateContainerRequest *request = in;
        CriCreateContainerResponse *response = out;
        Service *service = data;
        Registry *registry = service->context->registry;
        Sandbox *sandbox = service_need_sandbox(service, call, request->pod_sandbox_id, error);
        g_autofree char *name = NULL;
        g_autofree char *id = NULL;
        g_autoptr(GError) failure = NULL;
        ClaimOutcome outcome;
        bool good;

        if (!sandbox || !check_sandbox(sandbox, error))
                return false;
        if (!request->config || !request->config->metadata)
                return fail(error, ERROR_INVALID_ARGUMENT, "the request has no config.metadata");
        name = container_make_name(request->config->metadata, sandbox_get_wish(sandbox)->metadata);
        outcome = registry_claim(
                registry, name, rpc_call_deadline(call), rpc_call_cancel_fd(call), &id, error);
        if (outcome == CLAIM_FAILED)
                return false;
        if (outcome == CLAIM_NEW) {
                good = create_container(service, sandbox, request, &id, &failure);
                registry_settle(registry, name, good ? id : NULL, failure);
                if (!good) {
                        g_propagate_error(error, g_steal_pointer(&failure));
                        return false;
                }
        }
        response->container_id = arena_strdup(rpc_call_arena(call), id);
        return true;
}

SERVICE_HANDLER(service_start_container) {
        const CriStartContainerRequest *request = in;
        Container *container = service_need_container(data, call, request->container_id, error);

        return container && container_start(container, error);
}

SERVICE_HANDLER(service_stop_container) {
        const CriStopContainerRequest *request = in;
        Service *service = data;
        g_autoptr(Container) container = NULL;

        container = registry_find_container(service->context->registry, request->container_id);
        if (!container)
                return true; /* stopping what is gone succeeds */
        return container_stop(container, request->timeout, answer_deadline(call), error);
}

SERVICE_HANDLER(service_remove_container) {
        const CriRemoveContainerRequest *request = in;
        Service *service = data;
        g_autoptr(Container) container = NULL;

        container = registry_find_container(service->context->registry, request->container_id);
        if (!container)
                return true;
        return container_remove(container, error);
}

/* Reading. What a status borrows is kept by the arena. */

static void keep_status(Arena *arena, Container *container, ContainerStatus **ret_status) {
        ContainerStatus *status = arena_alloc(arena, sizeof(*status));

        container_get_status(container, status);
        arena_keep(arena, status, (GDestroyNotify)container_status_clear);
        *ret_status = status;
}

static bool matches(
        const CriContainerFilter *filter, Container *container, const ContainerStatus *status) {
        if (status->phase == PHASE_CREATING || !status->fixed)
                return false;
        if (!filter)
                return true;
        return g_str_has_prefix(container_get_id(container), filter->id) &&
               g_str_has_prefix(container_get_sandbox_id(container), filter->pod_sandbox_id) &&
               (!filter->state || filter->state->state == status->state) &&
               cri_map_contains(status->fixed->labels, status->fixed->n_labels,
                       filter->label_selector, filter->n_label_selector);
}

static CriContainer *make_item(Arena *arena, Container *container, const ContainerStatus *status) {
        const CriContainerStatus *fixed = status->fixed;
        CriContainer *item = arena_alloc(arena, sizeof(*item));

        cri_container_init(item);
        item->id = (char *)container_get_id(container);
        item->pod_sandbox_id = (char *)container_get_sandbox_id(container);
        item->metadata = fixed->metadata;
        item->image = fixed->image;
        item->image_ref = fixed->image_ref;
        item->image_id = fixed->image_id;
        item->state = status->state;
        item->created_at = status->created_ns;
        item->n_labels = fixed->n_labels;
        item->labels = fixed->labels;
        item->n_annotations = fixed->n_annotations;
        item->annotations = fixed->annotations;
        return item;
}

SERVICE_HANDLER(service_list_containers) {
        const CriListContainersRequest *request = in;
        CriListContainersResponse *response = out;
        Service *service = data;
        Arena *arena = rpc_call_arena(call);
        GPtrArray *containers = registry_list_containers(service->context->registry, NULL);

        arena_keep(arena, containers, (GDestroyNotify)g_ptr_array_unref);
        response->containers = arena_new_array(arena, CriContainer *, containers->len + 1);
        for (unsigned i = 0; i < containers->len; i++) {
                ContainerStatus *status;

                keep_status(arena, containers->pdata[i], &status);
                if (matches(request->filter, containers->pdata[i], status))
                        response->containers[response->n_containers++] =
                                make_item(arena, containers->pdata[i], status);
        }
        return true;
}

static Json *print_info(Container *container, const ContainerStatus *status) {
        Json *info = json_new_object();
        Json *spec = service_read_spec(container_get_bundle(container));

        json_set_string(info, "sandboxID", container_get_sandbox_id(container));
        json_set_int(info, "pid", status->pid);
        json_set(info, "runtimeSpec", spec ? spec : json_new_object());
        json_set_bool(info, "privileged", container_is_privileged(container));
        return info;
}

SERVICE_HANDLER(service_container_status) {
        const CriContainerStatusRequest *request = in;
        CriContainerStatusResponse *response = out;
        Container *container = service_need_container(data, call, request->container_id, error);
        Arena *arena = rpc_call_arena(call);
        CriContainerStatus *shown;
        ContainerStatus *status;

        if (!container)
                return false;
        keep_status(arena, container, &status);
        if (status->phase == PHASE_CREATING || !status->fixed)
                return fail(error, ERROR_NOT_FOUND, "could not find container \"%s\"",
                        request->container_id);
        shown = arena_copy(arena, status->fixed, sizeof(*shown));
        shown->state = status->state;
        shown->created_at = status->created_ns;
        shown->started_at = status->started_ns;
        shown->finished_at = status->finished_ns;
        shown->exit_code = status->exit_code;
        shown->reason = (char *)status->reason;
        shown->message = status->message;
        response->status = shown;
        if (request->verbose)
                service_set_info(arena, "info", print_info(container, status), &response->n_info,
                        &response->info);
        return true;
}

SERVICE_HANDLER(service_update_container_resources) {
        const CriUpdateContainerResourcesRequest *request = in;
        Container *container = service_need_container(data, call, request->container_id, error);

        if (!container)
                return false;
        if (request->windows)
                return fail(error, ERROR_INVALID_ARGUMENT, "windows is set, and this is Linux");
        if (!request->linux)
                return fail(error, ERROR_INVALID_ARGUMENT, "the request has no linux resources");
        return container_update(container, request->linux, error);
}

SERVICE_HANDLER(service_reopen_container_log) {
        const CriReopenContainerLogRequest *request = in;
        Container *container = service_need_container(data, call, request->container_id, error);
        gint64 deadline = answer_deadline(call);

        return container && container_reopen_log(container,
                                    deadline ? deadline : clock_deadline_usec(10), error);
}
