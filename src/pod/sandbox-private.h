/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/lock.h"
#include "host/namespace.h"
#include "pod/lifecycle.h"
#include "pod/sandbox.h"
#include "pod/state.h"

struct Sandbox {
        PodContext *context;
        const Runtime *runtime;
        char *id;
        char *name;
        char *handler;
        char *run_dir;
        char *log_dir;
        CriPodSandboxConfig *wish;
        gint64 network_deadline_usec; /* of the running creation */

        Lock op_lock;
        Lifecycle life;
        Lock record_lock;

        Lock lock; /* the rest */
        Phase phase;
        gint64 created_ns;
        GStrv ips;
        ProcessIdentity infra;
        ProcessIdentity infra_monitor;
        bool lost; /* what holds it together has gone without our doing */
};

extern const Stage sandbox_stages[];
extern const unsigned sandbox_stage_count;
#define SANDBOX_STAGES_STOPPED 1 /* stages that StopPodSandbox leaves standing: files */

/* Notice when the infra process ends. */
void sandbox_watch_infra(Sandbox *sandbox);

bool sandbox_save(void *sandbox, GError **error);

/* what the wish says */
CriNamespaceMode sandbox_net_mode(const Sandbox *sandbox);
CriNamespaceMode sandbox_ipc_mode(const Sandbox *sandbox);
CriNamespaceMode sandbox_pid_mode(const Sandbox *sandbox);
bool sandbox_needs_infra(const Sandbox *sandbox);
bool sandbox_is_privileged(const Sandbox *sandbox);
const char *sandbox_cgroup_parent(const Sandbox *sandbox);
char *sandbox_hostname(const Sandbox *sandbox);

/* paths of the pins; free with g_free() */
char *sandbox_pin(const Sandbox *sandbox, NamespaceKind kind);

/* Check a request before anything is made. */
bool sandbox_check_wish(const CriPodSandboxConfig *wish, GError **error);

/* files.c: resolv.conf and hostname */
bool sandbox_write_files(Sandbox *sandbox, GError **error);
