/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/stats.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/lock.h"
#include "host/cgroup.h"
#include "pod/registry.h"
#include "storage/rootfs.h"

/* A limit above this is none. */
#define NO_LIMIT (G_GUINT64_CONSTANT(1) << 60)

typedef struct Sample {
        gint64 usec;
        guint64 cpu_ns;
        guint64 nano_cores;
} Sample;

struct Stats {
        PodContext *context;
        Lock lock;
        GHashTable *samples; /* id -> Sample */
};

Stats *stats_new(PodContext *context) {
        Stats *stats = g_new0(Stats, 1);

        stats->context = context;
        lock_init(&stats->lock, LOCK_RANK_LEAF);
        stats->samples = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        return stats;
}

static CriUInt64Value *make_count(Arena *arena, guint64 count) {
        CriUInt64Value *value = arena_alloc(arena, sizeof(*value));

        cri_uint64_value_init(value);
        value->value = count;
        return value;
}

/* Files of a cgroup */

static bool read_number(
        const char *cgroup, const char *controller, const char *file, guint64 *ret_number) {
        g_autofree char *text = cgroup_read(cgroup, controller, file);

        *ret_number = NO_LIMIT;
        if (!text)
                return false;
        if (!g_str_equal(text, "max"))
                *ret_number = g_ascii_strtoull(text, NULL, 10);
        return true;
}

/* The value of a "key value" line; 0 when there is none. */
static guint64 find_number(const char *text, const char *key) {
        size_t length = strlen(key);

        for (const char *line = text; line && *line; line = strchr(line, '\n')) {
                line += *line == '\n';
                if (strncmp(line, key, length) == 0 && line[length] == ' ')
                        return g_ascii_strtoull(line + length + 1, NULL, 10);
        }
        return 0;
}

static bool read_cpu(const char *cgroup, guint64 *ret_ns) {
        g_autofree char *text = NULL;

        if (!cgroup_is_unified())
                return read_number(cgroup, "cpuacct", "cpuacct.usage", ret_ns);
        text = cgroup_read(cgroup, "cpu", "cpu.stat");
        *ret_ns = text ? find_number(text, "usage_usec") * 1000 : 0;
        return text != NULL;
}

/* The rate since the last time; within a second the old rate is kept, a shorter time says little.
 */
static guint64 take_rate(Stats *stats, const char *id, guint64 cpu_ns) {
        gint64 now = clock_monotonic_usec();
        Sample *sample;

        lock_guard(&stats->lock);
        sample = g_hash_table_lookup(stats->samples, id);
        if (!sample) {
                sample = g_new0(Sample, 1);
                g_hash_table_insert(stats->samples, g_strdup(id), sample);
        } else if (now - sample->usec < USEC_PER_SEC) {
                return sample->nano_cores;
        } else if (cpu_ns >= sample->cpu_ns) {
                sample->nano_cores =
                        (cpu_ns - sample->cpu_ns) * USEC_PER_SEC / (guint64)(now - sample->usec);
        }
        sample->usec = now;
        sample->cpu_ns = cpu_ns;
        return sample->nano_cores;
}

static CriCpuUsage *make_cpu(
        Stats *stats, Arena *arena, const char *id, const char *cgroup, gint64 now_ns) {
        CriCpuUsage *cpu;
        guint64 ns;

        if (!read_cpu(cgroup, &ns))
                return NULL;
        cpu = arena_alloc(arena, sizeof(*cpu));
        cri_cpu_usage_init(cpu);
        cpu->timestamp = now_ns;
        cpu->usage_core_nano_seconds = make_count(arena, ns);
        cpu->usage_nano_cores = make_count(arena, take_rate(stats, id, ns));
        return cpu;
}

static CriMemoryUsage *make_memory(Arena *arena, const char *cgroup, gint64 now_ns) {
        bool unified = cgroup_is_unified();
        g_autofree char *text = cgroup_read(cgroup, "memory", "memory.stat");
        guint64 usage, limit, inactive, working;
        CriMemoryUsage *memory;

        if (!text || !read_number(cgroup, "memory",
                             unified ? "memory.current" : "memory.usage_in_bytes", &usage))
                return NULL;
        read_number(cgroup, "memory", unified ? "memory.max" : "memory.limit_in_bytes", &limit);
        inactive = find_number(text, unified ? "inactive_file" : "total_inactive_file");
        working = usage > inactive ? usage - inactive : 0;
        memory = arena_alloc(arena, sizeof(*memory));
        cri_memory_usage_init(memory);
        memory->timestamp = now_ns;
        memory->usage_bytes = make_count(arena, usage);
        memory->working_set_bytes = make_count(arena, working);
        if (limit < NO_LIMIT)
                memory->available_bytes = make_count(arena, limit > working ? limit - working : 0);
        memory->rss_bytes = make_count(arena, find_number(text, unified ? "anon" : "total_rss"));
        memory->page_faults =
                make_count(arena, find_number(text, unified ? "pgfault" : "total_pgfault"));
        memory->major_page_faults =
                make_count(arena, find_number(text, unified ? "pgmajfault" : "total_pgmajfault"));
        return memory;
}

static CriFilesystemUsage *make_layer(Stats *stats, Arena *arena, const char *id, gint64 now_ns) {
        CriFilesystemUsage *layer = arena_alloc(arena, sizeof(*layer));
        guint64 bytes, inodes;

        if (!rootfs_get_usage(stats->context->store, id, &bytes, &inodes, NULL))
                return NULL;
        cri_filesystem_usage_init(layer);
        layer->timestamp = now_ns;
        layer->fs_id = arena_alloc(arena, sizeof(*layer->fs_id));
        cri_filesystem_identifier_init(layer->fs_id);
        layer->fs_id->mountpoint = arena_strdup(arena, stats->context->config->root);
        layer->used_bytes = make_count(arena, bytes);
        layer->inodes_used = make_count(arena, inodes);
        return layer;
}

CriContainerStats *stats_of_container(Stats *stats, Arena *arena, Container *container) {
        ContainerStatus *status = arena_alloc(arena, sizeof(*status));
        CriContainerAttributes *attributes = arena_alloc(arena, sizeof(*attributes));
        const char *cgroup = container_get_cgroup(container);
        gint64 now_ns = clock_now_ns();
        CriContainerStats *shown;

        container_get_status(container, status);
        arena_keep(arena, status, (GDestroyNotify)container_status_clear);
        if (!status->fixed || status->state == CRI_CONTAINER_STATE_CONTAINER_EXITED)
                return NULL;
        cri_container_attributes_init(attributes);
        attributes->id = (char *)container_get_id(container);
        attributes->metadata = status->fixed->metadata;
        attributes->n_labels = status->fixed->n_labels;
        attributes->labels = status->fixed->labels;
        attributes->n_annotations = status->fixed->n_annotations;
        attributes->annotations = status->fixed->annotations;

        shown = arena_alloc(arena, sizeof(*shown));
        cri_container_stats_init(shown);
        shown->attributes = attributes;
        shown->cpu = make_cpu(stats, arena, attributes->id, cgroup, now_ns);
        shown->memory = make_memory(arena, cgroup, now_ns);
        shown->writable_layer = make_layer(stats, arena, attributes->id, now_ns);
        return shown;
}

/* Sandboxes */

/* The pod's own cgroup where the kubelet made one, else nothing: the containers say it all. */
static void add_usage(
        Stats *stats, Arena *arena, Sandbox *sandbox, CriLinuxPodSandboxStats *shown) {
        const CriPodSandboxConfig *wish = sandbox_get_wish(sandbox);
        const char *cgroup = wish->linux ? wish->linux->cgroup_parent : "";
        gint64 now_ns = clock_now_ns();
        guint64 count;

        if (!*cgroup)
                return;
        shown->cpu = make_cpu(stats, arena, sandbox_get_id(sandbox), cgroup, now_ns);
        shown->memory = make_memory(arena, cgroup, now_ns);
        if (!read_number(cgroup, "pids", "pids.current", &count))
                return;
        shown->process = arena_alloc(arena, sizeof(*shown->process));
        cri_process_usage_init(shown->process);
        shown->process->timestamp = now_ns;
        shown->process->process_count = make_count(arena, count);
}

static void add_containers(
        Stats *stats, Arena *arena, Sandbox *sandbox, CriLinuxPodSandboxStats *shown) {
        GPtrArray *containers =
                registry_list_containers(stats->context->registry, sandbox_get_id(sandbox));

        arena_keep(arena, containers, (GDestroyNotify)g_ptr_array_unref);
        shown->containers = arena_new_array(arena, CriContainerStats *, containers->len + 1);
        for (unsigned i = 0; i < containers->len; i++) {
                CriContainerStats *one = stats_of_container(stats, arena, containers->pdata[i]);

                if (one)
                        shown->containers[shown->n_containers++] = one;
        }
}

CriPodSandboxStats *stats_of_sandbox(Stats *stats, Arena *arena, Sandbox *sandbox) {
        const CriPodSandboxConfig *wish = sandbox_get_wish(sandbox);
        CriPodSandboxStats *shown = arena_alloc(arena, sizeof(*shown));
        CriPodSandboxAttributes *attributes = arena_alloc(arena, sizeof(*attributes));
        CriLinuxPodSandboxStats *numbers = arena_alloc(arena, sizeof(*numbers));
        g_autofree char *netns = sandbox_get_netns(sandbox);

        cri_pod_sandbox_stats_init(shown);
        cri_pod_sandbox_attributes_init(attributes);
        cri_linux_pod_sandbox_stats_init(numbers);
        attributes->id = (char *)sandbox_get_id(sandbox);
        attributes->metadata = wish->metadata;
        attributes->n_labels = wish->n_labels;
        attributes->labels = wish->labels;
        attributes->n_annotations = wish->n_annotations;
        attributes->annotations = wish->annotations;
        shown->attributes = attributes;
        shown->linux = numbers;
        add_usage(stats, arena, sandbox, numbers);
        if (netns)
                numbers->network = stats_read_network(arena, netns, clock_now_ns());
        add_containers(stats, arena, sandbox, numbers);
        return shown;
}
