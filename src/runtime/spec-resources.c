/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/error.h"
#include "base/fd.h"
#include "host/cgroup.h"
#include "host/kernel.h"
#include "runtime/spec-private.h"

#define MAX_LIMITS 256

static bool check_cpu_list(const char *what, const char *text, GError **error) {
        if (strlen(text) < 4096 && text[strspn(text, "0123456789,-")] == '\0')
                return true;
        return fail(error, ERROR_INVALID_ARGUMENT, "resources.%s: %.64s is not a list of numbers",
                what, text);
}

static bool check_range(const char *what, gint64 value, gint64 low, GError **error) {
        if (value >= low)
                return true;
        return fail(error, ERROR_INVALID_ARGUMENT, "resources.%s: %" G_GINT64_FORMAT " is negative",
                what, value);
}

static bool add_cpu(Json *out, const CriLinuxContainerResources *in, GError **error) {
        Json *cpu;

        if (!check_range("cpu_shares", in->cpu_shares, 0, error) ||
                !check_range("cpu_period", in->cpu_period, 0, error) ||
                !check_range("cpu_quota", in->cpu_quota, -1, error) ||
                !check_cpu_list("cpuset_cpus", in->cpuset_cpus, error) ||
                !check_cpu_list("cpuset_mems", in->cpuset_mems, error))
                return false;
        if (!in->cpu_shares && !in->cpu_period && !in->cpu_quota && !*in->cpuset_cpus &&
                !*in->cpuset_mems)
                return true;
        cpu = json_need_object(out, "cpu");
        if (in->cpu_shares)
                json_set_int(cpu, "shares", in->cpu_shares);
        if (in->cpu_quota)
                json_set_int(cpu, "quota", in->cpu_quota);
        if (in->cpu_period)
                json_set_int(cpu, "period", in->cpu_period);
        if (*in->cpuset_cpus)
                json_set_string(cpu, "cpus", in->cpuset_cpus);
        if (*in->cpuset_mems)
                json_set_string(cpu, "mems", in->cpuset_mems);
        return true;
}

/* Whether swap is counted; on v2 only the kernel's command line can turn it off, and then the file
 * is missing. */
static bool counts_swap(const char *cgroup_path) {
        g_autofree char *folder = cgroup_path ? g_path_get_dirname(cgroup_path) : NULL;
        g_autofree char *value = NULL;

        if (!cgroup_is_unified()) {
                value = cgroup_read("/", "memory", "memory.memsw.limit_in_bytes");
                return value != NULL;
        }
        if (!folder || strcmp(folder, "/") == 0 || !cgroup_exists(folder))
                return true;
        value = cgroup_read(folder, "memory", "memory.swap.max");
        return value != NULL;
}

static bool add_memory(
        Json *out, const CriLinuxContainerResources *in, const char *cgroup_path, GError **error) {
        gint64 limit = in->memory_limit_in_bytes;
        gint64 swap = in->memory_swap_limit_in_bytes;
        Json *memory;

        if (!check_range("memory_limit_in_bytes", limit, -1, error) ||
                !check_range("memory_swap_limit_in_bytes", swap, -1, error))
                return false;
        if (limit > 0 && swap > 0 && swap < limit)
                return fail(error, ERROR_INVALID_ARGUMENT,
                        "memory swap limit (%" G_GINT64_FORMAT ") cannot be lower than memory "
                        "limit (%" G_GINT64_FORMAT ")",
                        swap, limit);
        if (!limit && !swap)
                return true;
        memory = json_need_object(out, "memory");
        if (limit)
                json_set_int(memory, "limit", limit);
        if (counts_swap(cgroup_path) && (swap || limit))
                json_set_int(memory, "swap", swap ? swap : limit);
        return true;
}

static bool has_hugetlb(void) {
        g_autofree char *list =
                cgroup_is_unified() ? cgroup_read("/", NULL, "cgroup.controllers") : NULL;
        autofd int dfd = list ? -1 : cgroup_open("/", "hugetlb");

        return list ? strstr(list, "hugetlb") != NULL : dfd >= 0;
}

/* The kubelet names every page size of the node, with 0 for those that were not asked for. */
static bool add_hugepages(Json *out, const CriLinuxContainerResources *in, GError **error) {
        bool supported = in->n_hugepage_limits > 0 && has_hugetlb();

        if (in->n_hugepage_limits > MAX_LIMITS)
                return fail(error, ERROR_INVALID_ARGUMENT, "resources.hugepage_limits: too many");
        for (size_t i = 0; i < in->n_hugepage_limits; i++) {
                const CriHugepageLimit *limit = in->hugepage_limits[i];
                size_t digits = strspn(limit->page_size, "0123456789");
                Json *item;

                if (digits == 0 || strlen(limit->page_size) > 16 ||
                        !strchr("KMG", limit->page_size[digits]) ||
                        strcmp(limit->page_size + digits + 1, "B") != 0)
                        return fail(error, ERROR_INVALID_ARGUMENT,
                                "resources.hugepage_limits: page size %.32s", limit->page_size);
                if (!supported && limit->limit > 0)
                        return fail(error, ERROR_FAILED_PRECONDITION,
                                "resources.hugepage_limits: this node has no hugetlb cgroup "
                                "controller");
                if (!supported)
                        continue;
                item = json_append(json_need_array(out, "hugepageLimits"), json_new_object());
                json_set_string(item, "pageSize", limit->page_size);
                json_set_uint(item, "limit", limit->limit);
        }
        return true;
}

static bool add_unified(Json *out, const CriLinuxContainerResources *in, GError **error) {
        if (in->n_unified > 0 && !cgroup_is_unified())
                return fail(error, ERROR_INVALID_ARGUMENT,
                        "resources.unified: this node runs cgroup v1, which has no such keys");
        if (in->n_unified > MAX_LIMITS)
                return fail(error, ERROR_INVALID_ARGUMENT, "resources.unified: too many");
        for (size_t i = 0; i < in->n_unified; i++) {
                const CriStringPair *pair = in->unified[i];

                if (!strchr(pair->key, '.') || strchr(pair->key, '/') ||
                        g_str_has_prefix(pair->key, "cgroup."))
                        return fail(error, ERROR_INVALID_ARGUMENT,
                                "resources.unified: %.64s is not a file of a controller",
                                pair->key);
                json_set_string(json_need_object(out, "unified"), pair->key, pair->value);
        }
        return true;
}

/* Only what @resources sets; an empty object when it sets nothing. Serves create and update. */
Json *spec_make_resources(
        const CriLinuxContainerResources *resources, const char *cgroup_path, GError **error) {
        g_autoptr(Json) out = json_new_object();

        if (!add_cpu(out, resources, error) || !add_memory(out, resources, cgroup_path, error) ||
                !add_hugepages(out, resources, error) || !add_unified(out, resources, error))
                return NULL;
        return g_steal_pointer(&out);
}

bool spec_check_resources(const SpecBuild *build, GError **error) {
        const RuntimeHandlerConfig *handler = runtime_get_config(build->request->runtime);
        gint64 limit = build->resources ? build->resources->memory_limit_in_bytes : 0;
        g_autoptr(Json) made = NULL;

        if (!build->resources)
                return true;
        if (limit > 0 && limit < (gint64)handler->container_min_memory)
                return fail(error, ERROR_INVALID_ARGUMENT,
                        "set memory limit %" G_GINT64_FORMAT
                        " too low; should be at least %" G_GINT64_FORMAT " bytes",
                        limit, (gint64)handler->container_min_memory);
        made = spec_make_resources(build->resources, build->request->cgroup_path, error);
        return made != NULL;
}

/* Devices were there first: their rules stay in the object. */
bool spec_add_resources(SpecBuild *build, GError **error) {
        Json *process = json_need_object(build->spec, "process");
        Json *resources = json_need_object(spec_linux(build), "resources");
        gint64 pids = build->request->config->pids_limit;
        gint64 score = build->infra ? -998 : 0;
        g_autoptr(Json) made = NULL;

        if (!spec_check_resources(build, error))
                return false;
        if (build->resources) {
                made = spec_make_resources(build->resources, build->request->cgroup_path, error);
                if (!made)
                        return false;
                for (size_t i = 0; i < json_length(made); i++)
                        json_set(resources, json_key_at(made, i), json_copy(json_at(made, i)));
                score = build->resources->oom_score_adj;
        }
        if (pids > 0 && !build->infra)
                json_set_int(json_need_object(resources, "pids"), "limit", pids);
        json_set_int(process, "oomScoreAdj", oom_score_adj_clamp((int)CLAMP(score, -1000, 1000)));
        json_set_string(spec_linux(build), "cgroupsPath", build->request->cgroup_path);
        return true;
}
