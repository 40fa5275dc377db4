/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * spec - turns a wish (CRI configuration, image, place) into the OCI runtime's config.json.
 *
 * The OCI runtime trusts what is written here, so every check is made here. Nothing an image says
 * becomes control: its labels and annotations are not read at all. Threads  Any; builds only from
 * its arguments, and reads the container's rootfs for users.
 */

#include <glib.h>
#include <stdbool.h>

#include "base/json.h"
#include "config/config.h"
#include "cri/types.h"
#include "runtime/runtime.h"
#include "storage/image-record.h"

/* Where the namespaces of the container come from. NULL path: a new one; "host": none of its own.
 */
typedef struct SpecNamespaces {
        const char *net;
        const char *ipc;
        const char *uts;
        const char *pid;
} SpecNamespaces;

typedef struct SpecRequest {
        const Config *config;
        const Runtime *runtime;

        const char *id;
        const char *name; /* k8s_<container>_<pod>_<namespace>_<uid>_<attempt> */
        const char *sandbox_id;
        const char *sandbox_name;
        const CriContainerConfig *wish;
        const CriPodSandboxConfig *sandbox_wish;
        bool sandbox_privileged;   /* the sandbox request said privileged */
        ImageRecord *image;        /* NULL for an infra container without image */
        GHashTable *image_volumes; /* CRI image reference of a Mount -> host path of the mounted
                                      image */

        const char *rootfs; /* mounted */
        const char *bundle; /* run directory: config.json goes there */
        const char *cgroup_path;
        SpecNamespaces namespaces;
        const char *const *ips;

        /* files of the sandbox, bound into the container where the wish does not mount its own */
        const char *resolv_conf;
        const char *hostname_file;
        const char *hosts; /* NULL: leave the image's */
        const char *shm;   /* the sandbox's /dev/shm, or "/dev/shm" with the host's IPC namespace */
        const char *hostname;
        const char *log_path; /* absolute */

        /* SELinux labels of the pod, from selinux_label_build(); "": none wanted. NULL where
         * SELinux is on and in use is refused, so that nobody forgets them. Borrowed. */
        const char *process_label;
        const char *mount_label;
} SpecRequest;

/* What the spec decided and the status reports. */
typedef struct SpecResult {
        Json *spec;
        guint32 uid;
        guint32 gid;
        GArray *groups;  /* guint32 */
        int stop_signal; /* Linux number: the wish, else the image's, else SIGTERM */
        GPtrArray
                *mounts; /* CriMount copies as the status shows them; elements are freed with it */
} SpecResult;

void spec_result_clear(SpecResult *result);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SpecResult, spec_result_clear)

bool spec_build(const SpecRequest *request, SpecResult *ret_result, GError **error);

/* The spec of a pause process that only holds namespaces (pid namespace shared by the pod). */
bool spec_build_infra(const SpecRequest *request, SpecResult *ret_result, GError **error);

/* Refuse what can never work before anything is made; used at the head of CreateContainer. */
bool spec_check(const SpecRequest *request, GError **error);
