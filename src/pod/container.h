/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Container - one application container of a sandbox.
 *
 * Owner    The registry holds one reference. Borrow within a call, container_ref() beyond it.
 * Threads  Any. Changing it takes its op lock inside; stopping does not hold it while it waits;
 * reading never waits. Disk     <runroot>/crio/containers/<id>.json;
 * <runroot>/overlay-containers/<id>/userdata (the bundle); <root>/overlay/<id> (the root file
 * system).
 */

#include <glib.h>
#include <stdbool.h>

#include "cri/types.h"
#include "pod/context.h"
#include "pod/phase.h"
#include "pod/sandbox.h"
#include "runtime/monitor.h"

typedef struct Container Container;

typedef struct ContainerStatus {
        Phase phase;
        CriContainerState state;
        gint64 created_ns;
        gint64 started_ns;  /* 0: never */
        gint64 finished_ns; /* 0: not yet */
        gint32 exit_code;
        const char *reason; /* static: "", "Completed", "Error", "OOMKilled", "StartError" */
        char *message;      /* "" or why it is as it is */
        pid_t pid;          /* of the init process; 0 when there is none */
        struct ContainerBase *base; /* a reference to what does not change */
        const CriContainerStatus
                *fixed; /* that part: metadata, labels, mounts, ...; lives as long as base */
} ContainerStatus;

/* life */

Container *container_new(
        PodContext *context, Sandbox *sandbox, const CriContainerConfig *wish, GError **error);
Container *container_load(PodContext *context, const char *id, GError **error);
Container *container_ref(Container *container);
void container_unref(Container *container);

/* changing: blocks */

bool container_create(Container *container, GError **error);
bool container_start(Container *container, GError **error);
/* Ask it to end, kill it after @timeout_sec, return when it has ended. A second stop with a shorter
 * time lowers the first one's. @deadline_usec (0 = none) bounds the wait after the kill. Not
 * running: success. */
bool container_stop(Container *container, gint64 timeout_sec, gint64 deadline_usec, GError **error);
/* Kill it if it runs, and release everything. */
bool container_remove(Container *container, GError **error);
bool container_update(
        Container *container, const CriLinuxContainerResources *resources, GError **error);
bool container_reopen_log(Container *container, gint64 deadline_usec, GError **error);
bool container_exec_sync(Container *container, const char *const *command, gint64 timeout_sec,
        int cancel_fd, MonitorExecResult *ret_result, GError **error);
/* After a restart: compare with reality, watch it. Quick. */
void container_resume(Container *container);
/* Whether a removal is under way or left half-done; container_remove() does the rest. */
bool container_is_owed(Container *container);

/* reading */

const char *container_get_id(const Container *container);
const char *container_get_name(const Container *container);
const char *container_get_sandbox_id(const Container *container);
const char *container_get_cgroup(const Container *container); /* its cgroup path */
const char *container_get_bundle(const Container *container);
bool container_is_privileged(const Container *container);
void container_get_status(Container *container, ContainerStatus *ret_status);
void container_status_clear(ContainerStatus *status);

/* k8s_CONTAINER_POD_NAMESPACE_UID_ATTEMPT */
char *container_make_name(
        const CriContainerMetadata *metadata, const CriPodSandboxMetadata *sandbox);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Container, container_unref)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ContainerStatus, container_status_clear)
