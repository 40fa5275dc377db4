/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * state - the state files of sandboxes and containers:
 * <runroot>/crio/{sandboxes,containers}/ID.json.
 *
 * They lie in the run root, as what they describe does not outlive a boot. Written whole, read at
 * start.
 */

#include <glib.h>
#include <stdbool.h>

#include "base/json.h"
#include "cri/types.h"
#include "runtime/monitor.h"

#define STATE_VERSION 1

/* @folder: "sandboxes" or "containers". */
bool state_save(
        int state_dfd, const char *folder, const char *id, const Json *state, GError **error);
/* A damaged file is an error; the caller sets it aside with state_quarantine(). */
Json *state_load(int state_dfd, const char *folder, const char *id, GError **error);
bool state_forget(int state_dfd, const char *folder, const char *id, GError **error);
void state_quarantine(int state_dfd, const char *folder, const char *id);
GPtrArray *state_list(int state_dfd, const char *folder, GError **error); /* ids */

/* Messages travel as base64 of their wire form, so that nothing is lost in translation. */
void state_set_message(Json *state, const char *key, const ProtobufCMessage *message);
/* Free with cri_free(); NULL with @error when absent or damaged. */
void *state_get_message(const Json *state, const char *key,
        const ProtobufCMessageDescriptor *descriptor, GError **error);

void state_set_identity(Json *state, const char *key, const ProcessIdentity *identity);
void state_get_identity(const Json *state, const char *key, ProcessIdentity *ret_identity);
