/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * recover - rebuilds the registry from the state files, and finishes what was left half-way.
 */

#include <glib.h>
#include <stdbool.h>

#include "pod/context.h"

/* Read every state file and compare it with reality. A damaged one is set aside with an error in
 * the log; the rest goes on. Start-up, before the first request. */
bool recover_load(PodContext *context, GError **error);

/* Release what no record knows: roots, port maps, addresses. May take long; any time after
 * recover_load(). */
void recover_sweep(PodContext *context);

/* Finish owed removals and stops. Returns how many are still owed; safe beside running requests. */
unsigned recover_finish(PodContext *context);

/* Whether there is anything to finish. Quick. */
bool recover_is_owed(PodContext *context);
