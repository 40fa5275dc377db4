/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Service - the CRI as one table; one file of thin handlers for each noun.
 *
 * Owner    The daemon. Threads: handlers run on the server's workers.
 */

#include "pod/context.h"
#include "rpc/server.h"
#include "stats/stats.h"

typedef struct Service {
        PodContext *context;
        Stats *stats;
} Service;

extern const RpcMethod service_methods[];
extern const unsigned service_method_count;
