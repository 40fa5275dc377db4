/* SPDX-License-Identifier: Apache-2.0 */
/* Version, Status, RuntimeConfig. */

#include "runtime/runtime.h"
#include "base/error.h"
#include "service/service-private.h"

SERVICE_HANDLER(service_version) {
        CriVersionResponse *response = out;

        response->version = (char *)"0.1.0";
        response->runtime_name = (char *)"cri-o";
        response->runtime_version = (char *)CRIO_VERSION;
        response->runtime_api_version = (char *)"v1";
        return true;
}

static CriRuntimeCondition *make_condition(
        Arena *arena, const char *type, bool status, const char *reason, const char *message) {
        CriRuntimeCondition *condition = arena_alloc(arena, sizeof(*condition));

        cri_runtime_condition_init(condition);
        condition->type = (char *)type;
        condition->status = status;
        condition->reason = (char *)reason;
        condition->message = arena_strdup(arena, message);
        return condition;
}

static void add_conditions(Service *service, Arena *arena, CriStatusResponse *response) {
        CriRuntimeStatus *status = arena_alloc(arena, sizeof(*status));
        g_autofree char *reason = NULL;
        g_autofree char *message = NULL;
        bool ready = network_is_ready(service->context->network, &reason);

        cri_runtime_status_init(status);
        if (!ready)
                message = g_strconcat("Network plugin returns error: ", reason, NULL);
        status->n_conditions = 2;
        status->conditions = arena_new_array(arena, CriRuntimeCondition *, 2);
        status->conditions[0] = make_condition(arena, "RuntimeReady", true, "", "");
        status->conditions[1] = make_condition(
                arena, "NetworkReady", ready, ready ? "" : "NetworkPluginNotReady", message);
        response->status = status;
}

static CriRuntimeHandler *make_handler(Arena *arena, const Runtime *runtime, const char *name) {
        const RuntimeFeatures *features = runtime_get_features(runtime);
        CriRuntimeHandler *handler = arena_alloc(arena, sizeof(*handler));
        CriRuntimeHandlerFeatures *shown = arena_alloc(arena, sizeof(*shown));

        cri_runtime_handler_init(handler);
        cri_runtime_handler_features_init(shown);
        shown->recursive_read_only_mounts = features->recursive_read_only;
        handler->name = (char *)name;
        handler->features = shown;
        return handler;
}

/* Every handler under its name, and the default one once more under the empty name. */
static void add_handlers(Service *service, Arena *arena, CriStatusResponse *response) {
        const RuntimeTable *table = service->context->runtimes;
        g_autoptr(GPtrArray) runtimes = runtime_table_list(table);
        const Runtime *standard = runtime_table_find(table, "", NULL);

        response->runtime_handlers = arena_new_array(arena, CriRuntimeHandler *, runtimes->len + 1);
        response->runtime_handlers[response->n_runtime_handlers++] =
                make_handler(arena, standard, "");
        for (unsigned i = 0; i < runtimes->len; i++)
                response->runtime_handlers[response->n_runtime_handlers++] = make_handler(
                        arena, runtimes->pdata[i], runtime_get_name(runtimes->pdata[i]));
}

/* Go field names, as clients of CRI-O expect them. */
static Json *print_config(Service *service) {
        const Config *config = service->context->config;
        g_autoptr(GPtrArray) runtimes = runtime_table_list(service->context->runtimes);
        Json *root = json_new_object();
        Json *crio = json_set(root, "crio", json_new_object());
        Json *table;

        json_set_string(root, "sandboxImage", config->pause_image);
        json_set_string(crio, "DefaultRuntime", config->default_runtime);
        table = json_set(crio, "Runtimes", json_new_object());
        for (unsigned i = 0; i < runtimes->len; i++) {
                Json *entry =
                        json_set(table, runtime_get_name(runtimes->pdata[i]), json_new_object());

                json_set_string(entry, "RuntimePath", runtime_get_path(runtimes->pdata[i]));
                json_set_string(entry, "RuntimeRoot", runtime_get_root(runtimes->pdata[i]));
                json_set_string(entry, "RuntimeType", "oci");
        }
        return root;
}

SERVICE_HANDLER(service_status) {
        const CriStatusRequest *request = in;
        CriStatusResponse *response = out;
        Service *service = data;
        Arena *arena = rpc_call_arena(call);

        add_conditions(service, arena, response);
        add_handlers(service, arena, response);
        response->features = arena_alloc(arena, sizeof(*response->features));
        cri_runtime_features_init(response->features);
        response->features->supplemental_groups_policy = true;
        if (request->verbose)
                service_set_info(
                        arena, "config", print_config(service), &response->n_info, &response->info);
        return true;
}

SERVICE_HANDLER(service_runtime_config) {
        CriRuntimeConfigResponse *response = out;
        Service *service = data;
        CriLinuxRuntimeConfiguration *shown = arena_alloc(rpc_call_arena(call), sizeof(*shown));

        cri_linux_runtime_configuration_init(shown);
        shown->cgroup_driver = g_str_equal(service->context->config->cgroup_manager, "systemd")
                                       ? CRI_CGROUP_DRIVER_SYSTEMD
                                       : CRI_CGROUP_DRIVER_CGROUPFS;
        response->linux = shown;
        return true;
}

/* The pod CIDR is the business of the CNI configuration, which is watched. */
SERVICE_HANDLER(service_update_runtime_config) {
        return true;
}
