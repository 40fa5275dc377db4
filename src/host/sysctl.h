/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * sysctl - which kernel parameters a pod may set, and where they live.
 *
 * Only parameters of the pod's own network and IPC namespaces pass: kernel.sem, kernel.shm*,
 * kernel.msg*, fs.mqueue.*, net.*. Threads: any.
 */

#include <glib.h>
#include <stdbool.h>

#include "host/namespace.h"

/* Whether @key may be set to @value; INVALID_ARGUMENT when not. Keys have dots only
 * ("net.ipv4.ip_forward"); values are words of letters, digits and "_.,:-" with single blanks
 * between them. */
bool sysctl_check(const char *key, const char *value, GError **error);

/* The namespace a checked key belongs to: NAMESPACE_NET or NAMESPACE_IPC; NAMESPACE_COUNT for a key
 * that is not on the list. */
NamespaceKind sysctl_namespace(const char *key);

/* "/proc/sys/net/ipv4/ip_forward"; free with g_free(). The key must have passed sysctl_check(). */
char *sysctl_path(const char *key);

/* Split "key=value" of the configuration and check it; free both with g_free(). */
bool sysctl_parse(const char *text, char **ret_key, char **ret_value, GError **error);
