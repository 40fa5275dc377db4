/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Device - device nodes of the host that a container is given.
 *
 * Owner    Whoever asked; lists free their elements. Threads: any.
 */

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

typedef struct Device {
        char *path; /* in the container */
        char type;  /* 'c' or 'b' */
        unsigned major;
        unsigned minor;
        mode_t mode; /* permission bits */
        uid_t uid;
        gid_t gid;
        char *access; /* of "rwm", for the device cgroup; may be empty */
} Device;

void device_free(Device *device);

/* The device @host, or all devices in the directory @host and below, as seen at @container. A
 * directory must be one below /dev (not /dev itself), with at most 1000 entries in 5 levels;
 * symbolic links in it, and other file systems, are left out. Elements are Device. */
GPtrArray *device_expand(const char *host, const char *container, const char *access,
                         GError **error);

/* All devices of the host for a privileged container, at their own places. Terminals (pts, console,
 * ptmx), shm and mqueue are left out, since the container has its own. */
GPtrArray *device_list_host(GError **error);

/* Split "host[:container][:rwm]" of the configuration; free the three with g_free(). */
bool device_spec_parse(const char *text, char **ret_host, char **ret_container, char **ret_access,
                       GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Device, device_free)
