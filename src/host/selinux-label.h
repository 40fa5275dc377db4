/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * selinux-label - labels of container processes and of the files they may touch.
 *
 * Threads  Any. Category pairs that are in use are kept in a table of this process; after a restart
 *          each living label is to be reserved again.
 *
 * Where SELinux is off every call succeeds, does nothing and gives NULL labels.
 */

#include <glib.h>
#include <stdbool.h>

typedef enum SelinuxKind {
        SELINUX_KIND_CONTAINER,
        SELINUX_KIND_KVM,  /* in a virtual machine */
        SELINUX_KIND_INIT, /* a container that runs systemd */
        SELINUX_KIND_COUNT,
} SelinuxKind;

/* What was asked for; NULL and "" mean the policy's own. */
typedef struct SelinuxWish {
        SelinuxKind kind;
        const char *user;
        const char *role;
        const char *type;
        const char *level; /* absent: a pair of categories that no other label here has */
} SelinuxWish;

bool selinux_label_is_enabled(void); /* asked once */

/* Labels for the processes and the files of one pod; free with g_free(). A pair of categories that
 * was picked stays taken until selinux_label_release(). */
bool selinux_label_build(const SelinuxWish *wish, char **ret_process, char **ret_mount,
                         GError **error);

/* Take or give back the categories of a whole label ("system_u:system_r:container_t:s0:c1,c2").
 * NULL, labels without categories and twice the same are allowed. */
void selinux_label_reserve(const char *label);
void selinux_label_release(const char *label);

/* Put @label on @path and, when @recursive, on all below; nothing below is followed. What already
 * has it is left alone, file systems without labels are passed over. Directories that the host
 * lives on ("/", "/usr", "/etc", "/home", ...) are refused with INVALID_ARGUMENT. */
bool selinux_label_relabel(const char *path, const char *label, bool recursive, GError **error);

/* The label of a file itself; *ret_label NULL when it has none. Free with g_free(). */
bool selinux_label_get(const char *path, char **ret_label, GError **error);
