/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/arena.h"
#include "base/json.h"
#include "cri/types.h"
#include "pod/container.h"
#include "pod/registry.h"
#include "pod/sandbox.h"
#include "rpc/call.h"
#include "service/service.h"

#define SERVICE_HANDLER(name)                                                                      \
        bool name(void *data, RpcCall *call, const void *in, void *out, GError **error)

/* sandbox.c */
SERVICE_HANDLER(service_run_pod_sandbox);
SERVICE_HANDLER(service_stop_pod_sandbox);
SERVICE_HANDLER(service_remove_pod_sandbox);
SERVICE_HANDLER(service_pod_sandbox_status);
SERVICE_HANDLER(service_list_pod_sandbox);
/* container.c */
SERVICE_HANDLER(service_create_container);
SERVICE_HANDLER(service_start_container);
SERVICE_HANDLER(service_stop_container);
SERVICE_HANDLER(service_remove_container);
SERVICE_HANDLER(service_list_containers);
SERVICE_HANDLER(service_container_status);
SERVICE_HANDLER(service_update_container_resources);
SERVICE_HANDLER(service_reopen_container_log);
/* exec.c */
SERVICE_HANDLER(service_exec_sync);
/* stats.c */
SERVICE_HANDLER(service_container_stats);
SERVICE_HANDLER(service_list_container_stats);
SERVICE_HANDLER(service_pod_sandbox_stats);
SERVICE_HANDLER(service_list_pod_sandbox_stats);
/* runtime.c */
SERVICE_HANDLER(service_version);
SERVICE_HANDLER(service_status);
SERVICE_HANDLER(service_runtime_config);
SERVICE_HANDLER(service_update_runtime_config);
/* image.c */
SERVICE_HANDLER(service_list_images);
SERVICE_HANDLER(service_image_status);
SERVICE_HANDLER(service_pull_image);
SERVICE_HANDLER(service_remove_image);
SERVICE_HANDLER(service_image_fs_info);

/* Shared by the nouns. A reference that lives as long as the call; NULL with NOT_FOUND. */
Sandbox *service_need_sandbox(Service *service, RpcCall *call, const char *id, GError **error);
Container *service_need_container(Service *service, RpcCall *call, const char *id, GError **error);

/* A map with the one entry "info", as verbose answers have it. @take_json is consumed. */
void service_set_info(Arena *arena, const char *key, Json *take_json, size_t *ret_count,
        CriStringPair ***ret_info);

/* The specification in a bundle as JSON; NULL when there is none. */
Json *service_read_spec(const char *bundle);
