/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * cni-list - the verbs of CNI over a whole list of plugins.
 *
 * Threads  Any; blocks. @call has everything but the command, which the verb sets.
 */

#include <glib.h>
#include <stdbool.h>

#include "base/json.h"
#include "network/cni-config.h"
#include "network/cni-exec.h"

/* In order, each with the result of the one before. Stops at the first failure; the caller then
 * deletes. @ret_result is in the form of the list's version, @ret_text (may be NULL) what the last
 * plugin printed. */
bool cni_list_add(const CniConfig *config, const CniCall *call, const Json *capabilities,
                  Json **ret_result, char **ret_text, GError **error);

/* In reverse order; a plugin that fails does not shield the ones before it, the first failure is
 * reported. @result is the cached one or NULL. */
bool cni_list_delete(const CniConfig *config, const CniCall *call, const Json *capabilities,
                     const Json *result, GError **error);

/* Does nothing where the version has no CHECK or the list does not want it. */
bool cni_list_check(const CniConfig *config, const CniCall *call, const Json *capabilities,
                    const Json *result, GError **error);

bool cni_list_has_status(const CniConfig *config);
bool cni_list_status(const CniConfig *config, const CniCall *call, GError **error);

bool cni_list_has_gc(const CniConfig *config);

/* @attachments: array of {containerID, ifname} that stay. All plugins are asked, the first failure
 * is reported. */
bool cni_list_gc(const CniConfig *config, const CniCall *call, const Json *attachments,
                 GError **error);

/* What one plugin reads: its object with name, version, the capabilities that it declared, and
 * @result. Free with g_free(). */
char *cni_list_request(const CniConfig *config, size_t index, const Json *capabilities,
                       const Json *result);
