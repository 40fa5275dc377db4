/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "host/namespace.h"
#include "stats/stats.h"

#define COLUMNS 16

static bool read_table(void *data, GError **error) {
        char **ret_text = data;

        *ret_text = file_read_line(AT_FDCWD, "/proc/thread-self/net/dev");
        return *ret_text != NULL;
}

static CriUInt64Value *make_count(Arena *arena, const char *digits) {
        CriUInt64Value *value = arena_alloc(arena, sizeof(*value));

        cri_uint64_value_init(value);
        value->value = g_ascii_strtoull(digits, NULL, 10);
        return value;
}

/* "eth0: rx_bytes packets errs drop fifo frame compressed multicast tx_bytes packets errs ..." */
static CriNetworkInterfaceUsage *parse_line(Arena *arena, const char *line) {
        const char *colon = strchr(line, ':');
        g_autofree char *numbers = colon ? g_strdup(colon + 1) : NULL;
        CriNetworkInterfaceUsage *usage;
        const char *columns[COLUMNS];
        char *save = NULL;
        unsigned count = 0;

        for (char *word = numbers ? strtok_r(numbers, " ", &save) : NULL; word && count < COLUMNS;
                word = strtok_r(NULL, " ", &save))
                columns[count++] = word;
        if (count < COLUMNS)
                return NULL;
        usage = arena_alloc(arena, sizeof(*usage));
        cri_network_interface_usage_init(usage);
        usage->name = arena_printf(arena, "%.*s", (int)(colon - line), line);
        g_strstrip(usage->name);
        usage->rx_bytes = make_count(arena, columns[0]);
        usage->rx_errors = make_count(arena, columns[2]);
        usage->tx_bytes = make_count(arena, columns[8]);
        usage->tx_errors = make_count(arena, columns[10]);
        return usage;
}

CriNetworkUsage *stats_read_network(Arena *arena, const char *netns, gint64 now_ns) {
        CriNetworkUsage *network = arena_alloc(arena, sizeof(*network));
        g_autofree char *text = NULL;
        g_auto(GStrv) lines = NULL;

        if (!namespace_run(netns, NAMESPACE_NET, read_table, &text, NULL))
                return NULL;
        cri_network_usage_init(network);
        network->timestamp = now_ns;
        lines = g_strsplit(text, "\n", -1);
        network->interfaces =
                arena_new_array(arena, CriNetworkInterfaceUsage *, g_strv_length(lines));
        for (unsigned i = 0; lines[i]; i++) {
                CriNetworkInterfaceUsage *usage = parse_line(arena, lines[i]);

                if (!usage || g_str_equal(usage->name, "lo"))
                        continue;
                network->interfaces[network->n_interfaces++] = usage;
                if (!network->default_interface)
                        network->default_interface = usage;
        }
        return network;
}
