/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* metric - counters that may be raised anywhere; metrics.def is the list. Threads: any. */

#include <glib.h>

typedef enum Metric {
#define METRIC(symbol, name, type, help) METRIC_##symbol,
#include "base/metrics.def"
#undef METRIC
        METRIC_COUNT
} Metric;

void metric_add(Metric metric, guint64 count);
guint64 metric_get(Metric metric);

/* The whole table in Prometheus text format 0.0.4; free with g_free(). */
char *metric_print(void);
