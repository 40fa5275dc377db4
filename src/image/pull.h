/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * pull - from a name to an image in the store: the one file that knows all the steps.
 *
 * names > policy > endpoints and credentials > (confined from here) > manifest > configuration >
 * layers > commit
 */

#include <glib.h>
#include <stdbool.h>

#include "image/request.h"

typedef struct PullResult {
        char *image_id;
        char *image_ref; /* host/path@digest, of what was asked for */
} PullResult;

void pull_result_clear(PullResult *result);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(PullResult, pull_result_clear)

bool pull_run(const PullRequest *request, PullResult *ret_result, GError **error);
