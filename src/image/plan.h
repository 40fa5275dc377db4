/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * plan - which names a request may mean, whether they may be pulled, where to ask for them and as
 * whom: all that the host's configuration says, read before anything foreign is.
 *
 * Owner    pull_run().
 */

#include <glib.h>

#include "image/registries.h"
#include "image/request.h"

typedef struct PullPlace {
        Endpoint *endpoint;
        Credentials *credentials; /* NULL: none */
} PullPlace;

typedef struct PullName {
        ImageReference *reference;
        GError *refused;   /* by policy or configuration; then there are no places */
        GPtrArray *places; /* PullPlace, in the order to try */
} PullName;

/* PullName, best first, never empty. */
GPtrArray *plan_make(const PullRequest *request, GError **error);
