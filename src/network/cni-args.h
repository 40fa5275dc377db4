/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * cni-args - what plugins are told about the pod: CNI_ARGS and the capability arguments.
 *
 * Threads  Any.
 */

#include <glib.h>
#include <stdbool.h>

#include "base/json.h"
#include "network/network.h"

/* Array of [key, value]. @daemon_args is the daemon's own CNI_ARGS, may be NULL. A value with ';'
 * or a control character could smuggle in further arguments: INVALID_ARGUMENT. */
Json *cni_args_build(const NetworkSandbox *sandbox, const char *daemon_args, GError **error);

/* "key=value;key=value" of such an array; free with g_free(). */
char *cni_args_print(const Json *args);

/* bandwidth, io.kubernetes.cri.pod-annotations, cgroupPath. Host ports are no capability here:
 * they are the port mapper's. A bandwidth annotation that is no quantity is INVALID_ARGUMENT. */
Json *cni_capabilities_build(const NetworkSandbox *sandbox, GError **error);

/* A Kubernetes quantity ("10M", "1Gi", "1e6", "2500m") as a whole number, rounded up; false when
 * it is none or does not fit. */
bool cni_quantity_parse(const char *text, gint64 *ret_value);
