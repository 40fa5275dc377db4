/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "host/cgroup.h"

typedef struct CgroupHierarchy {
        char *controllers; /* v1: "rw,cpu,cpuacct" or "rw,xattr,name=systemd" */
        bool unified;      /* v2 */
        int dfd;           /* its root */
} CgroupHierarchy;

/* Elements are CgroupHierarchy; made once and kept for ever. */
const GPtrArray *cgroup_hierarchies(void);

/* A path that stays beneath the hierarchy and is not its root. */
bool cgroup_path_check(const char *path, GError **error);

/* Names of the child cgroups of @dfd; never NULL. */
GPtrArray *cgroup_children(int dfd);
