/* SPDX-License-Identifier: Apache-2.0 */
#include "base/metric.h"

#include <stdatomic.h>

static _Atomic guint64 values[METRIC_COUNT];

static const struct {
        const char *name;
        const char *type;
        const char *help;
} table[] = {
#define METRIC(symbol, n, t, h) [METRIC_##symbol] = {n, t, h},
#include "base/metrics.def"
#undef METRIC
};

void metric_add(Metric metric, guint64 count) {
        atomic_fetch_add_explicit(&values[metric], count, memory_order_relaxed);
}

guint64 metric_get(Metric metric) {
        return atomic_load_explicit(&values[metric], memory_order_relaxed);
}

char *metric_print(void) {
        GString *text = g_string_new(NULL);

        for (unsigned i = 0; i < METRIC_COUNT; i++) {
                g_autofree char *name = g_strconcat("container_runtime_crio_", table[i].name, NULL);

                g_string_append_printf(text,
                        "# HELP %s %s\n# TYPE %s %s\n%s %" G_GUINT64_FORMAT "\n", name,
                        table[i].help, name, table[i].type, name, metric_get((Metric)i));
        }
        return g_string_free(text, FALSE);
}
