/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/lock.h"
#include "pod/container.h"
#include "pod/lifecycle.h"
#include "pod/state.h"
#include "runtime/monitor.h"

/* The unchanging part of a status; counted, as readers hold it while they answer. */
typedef struct ContainerBase {
        CriContainerStatus *status;
} ContainerBase;

struct Container {
        PodContext *context;
        Sandbox *sandbox; /* a reference */
        const Runtime *runtime;
        char *id;
        char *name;
        char *sandbox_id;
        char *bundle;
        char *cgroup_path;
        char *monitor_cgroup; /* NULL: the monitor stays in the cgroup of the daemon */
        char *log_path;
        CriContainerConfig
                *wish; /* dropped once it is created; status->base keeps what a reader may ask */

        Lock op_lock;
        Lifecycle life;
        Lock record_lock; /* held while the state file is written or removed */
        bool forgotten;   /* under record_lock: removed, nothing may write it again */

        Lock lock;              /* the rest */
        pthread_cond_t changed; /* state or stop_deadline_usec */
        Phase phase;
        ContainerBase *base;
        CriContainerState state;
        gint64 created_ns, started_ns, finished_ns;
        gint32 exit_code;
        bool oom_killed;
        bool start_failed;
        char *message;
        ProcessIdentity init, monitor;
        int stop_signal;
        bool privileged;
        bool shares_pid;           /* its PID namespace outlives it: children have to be killed */
        bool starting;             /* on record before the runtime is asked to start it */
        gint64 stop_deadline_usec; /* 0: nobody stops it */
};

extern const Stage container_stages[];
extern const unsigned container_stage_count;

bool container_save(void *container, GError **error);

ContainerBase *container_base_new(CriContainerStatus *take_status);
ContainerBase *container_base_ref(ContainerBase *base);
void container_base_unref(ContainerBase *base);

/* Watch the monitor of a running container. */
void container_watch(Container *container);

/* Wait until it has ended or @deadline_usec. Leaf lock not held. */
bool container_wait_end(Container *container, gint64 deadline_usec);

/* Whether there is a process: created or running. */
bool container_is_alive(Container *container);

/* container-bundle.c: the third stage */
bool container_bundle_up(void *container, GError **error);
bool container_bundle_down(void *container, GError **error);

/* The image of a container that is being created; a new reference. */
ImageRecord *container_find_image(Container *container, GError **error);
bool container_is_image_mount(const CriMount *mount);
/* Where its image volumes are mounted: one numbered directory for each mount. Free with g_free().
 */
char *container_volumes_path(const Container *container);
