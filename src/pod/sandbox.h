/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Sandbox - what the containers of one pod share: namespaces, network, infra process.
 *
 * Owner    The registry holds one reference. Borrow within a call, sandbox_ref() beyond it.
 * Threads  Any. Changing it takes its op lock inside; reading it never waits.
 * Disk     <runroot>/crio/sandboxes/<id>.json, rewritten whole on every change;
 *          <runroot>/overlay-containers/<id>/userdata: its files.
 */

#include <glib.h>
#include <stdbool.h>

#include "cri/types.h"
#include "pod/context.h"
#include "pod/phase.h"

typedef struct Sandbox Sandbox;

typedef struct SandboxStatus {
        Phase phase;
        bool ready; /* SANDBOX_READY */
        gint64 created_ns;
        GStrv ips; /* the first one is the primary address */
} SandboxStatus;

/* life */

/* A sandbox that holds nothing yet; the request is checked and copied. NULL with INVALID_ARGUMENT
 * and others. */
Sandbox *sandbox_new(
        PodContext *context, const CriPodSandboxConfig *wish, const char *handler, GError **error);
/* From its state file. */
Sandbox *sandbox_load(PodContext *context, const char *id, GError **error);
Sandbox *sandbox_ref(Sandbox *sandbox);
void sandbox_unref(Sandbox *sandbox);

/* changing: blocks */

/* Acquire everything. @deadline_usec bounds only the wait for the network to become ready. */
bool sandbox_run(Sandbox *sandbox, gint64 deadline_usec, GError **error);
/* Stop its containers and release all but its files. Stopping again succeeds. */
bool sandbox_stop(Sandbox *sandbox, GError **error);
/* Stop it, remove its containers and itself. */
bool sandbox_remove(Sandbox *sandbox, GError **error);
/* After a restart: compare with reality, watch what runs. Quick. */
void sandbox_resume(Sandbox *sandbox);
/* Whether a stop or removal is under way or left half-done; sandbox_finish() does the rest. */
bool sandbox_is_owed(Sandbox *sandbox);
bool sandbox_finish(Sandbox *sandbox, GError **error);

/* reading: a copy, or something that never changes */

const char *sandbox_get_id(const Sandbox *sandbox);
const char *sandbox_get_name(const Sandbox *sandbox);
const char *sandbox_get_handler(const Sandbox *sandbox);
const CriPodSandboxConfig *sandbox_get_wish(const Sandbox *sandbox);
/* Its pinned network namespace, NULL in the host network. Free with g_free(). */
char *sandbox_get_netns(const Sandbox *sandbox);
const char *sandbox_get_run_dir(const Sandbox *sandbox);
void sandbox_get_status(Sandbox *sandbox, SandboxStatus *ret_status);
void sandbox_status_clear(SandboxStatus *status);

/* The name a request will give its sandbox: k8s_POD_NAMESPACE_UID_ATTEMPT. */
char *sandbox_make_name(const CriPodSandboxMetadata *metadata);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Sandbox, sandbox_unref)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SandboxStatus, sandbox_status_clear)
