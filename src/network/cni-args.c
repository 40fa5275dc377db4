/* SPDX-License-Identifier: Apache-2.0 */
#include "network/cni-args.h"

#include <string.h>

#include "base/error.h"

/* 4 GiB in bits: in practice no limit of its own, the rate decides. */
#define BURST_BITS (G_GUINT64_CONSTANT(0xffffffff) * 8)

static void add_pair(Json *args, const char *key, const char *value) {
        Json *pair = json_append(args, json_new_array());

        json_append_string(pair, key);
        json_append_string(pair, value);
}

static bool add_fact(Json *args, const char *key, const char *value, GError **error) {
        for (const char *c = value; *c; c++)
                if (*c == ';' || g_ascii_iscntrl(*c))
                        return fail(error, ERROR_INVALID_ARGUMENT,
                                    "%s \"%s\" has a character that CNI_ARGS cannot carry", key,
                                    value);
        add_pair(args, key, value);
        return true;
}

static const char *text_or_empty(const char *text) {
        return text ? text : "";
}

Json *cni_args_build(const NetworkSandbox *sandbox, const char *daemon_args, GError **error) {
        g_autoptr(Json) args = json_new_array();
        g_auto(GStrv) more = g_strsplit(text_or_empty(daemon_args), ";", -1);

        add_pair(args, "IgnoreUnknown", "1");
        if (!add_fact(args, "K8S_POD_NAMESPACE", text_or_empty(sandbox->pod_namespace), error) ||
            !add_fact(args, "K8S_POD_NAME", text_or_empty(sandbox->pod_name), error) ||
            !add_fact(args, "K8S_POD_INFRA_CONTAINER_ID", sandbox->id, error) ||
            !add_fact(args, "K8S_POD_UID", text_or_empty(sandbox->pod_uid), error))
                return NULL;
        for (unsigned i = 0; more[i]; i++) {
                char *equals = strchr(more[i], '=');

                if (!equals || equals == more[i])
                        continue;
                *equals = '\0';
                add_pair(args, more[i], equals + 1);
        }
        return g_steal_pointer(&args);
}

char *cni_args_print(const Json *args) {
        GString *text = g_string_new(NULL);

        for (size_t i = 0; i < json_length(args); i++) {
                const char *key = json_string(json_at(json_at(args, i), 0));
                const char *value = json_string(json_at(json_at(args, i), 1));

                if (key && value)
                        g_string_append_printf(text, "%s%s=%s", text->len ? ";" : "", key, value);
        }
        return g_string_free(text, FALSE);
}

static bool find_factor(const char *suffix, double *ret_factor) {
        static const struct {
                const char *suffix;
                double factor;
        } factors[] = {
                { "", 1 }, { "n", 1e-9 }, { "u", 1e-6 }, { "m", 1e-3 }, { "k", 1e3 }, { "M", 1e6 },
                { "G", 1e9 }, { "T", 1e12 }, { "P", 1e15 }, { "E", 1e18 }, { "Ki", 0x1p10 },
                { "Mi", 0x1p20 }, { "Gi", 0x1p30 }, { "Ti", 0x1p40 }, { "Pi", 0x1p50 },
                { "Ei", 0x1p60 },
        };

        for (unsigned i = 0; i < G_N_ELEMENTS(factors); i++) {
                if (!g_str_equal(suffix, factors[i].suffix))
                        continue;
                *ret_factor = factors[i].factor;
                return true;
        }
        return false;
}

bool cni_quantity_parse(const char *text, gint64 *ret_value) {
        double number, factor;
        char *end;

        /* strtod() knows more than a quantity may be: white space, hexadecimal numbers, "inf". */
        if (strspn(text, "+-.0123456789") == 0 || strpbrk(text, "xX"))
                return false;
        number = g_ascii_strtod(text, &end);
        if (end == text || !find_factor(end, &factor))
                return false;
        number *= factor;
        if (!(number >= -0x1p62 && number <= 0x1p62))
                return false;
        *ret_value = (gint64) number;
        if ((double) *ret_value < number)
                (*ret_value)++;
        return true;
}

static bool add_bandwidth(Json *capabilities, const char *key, const char *value, GError **error) {
        bool ingress = g_str_equal(key, "kubernetes.io/ingress-bandwidth");
        gint64 rate;
        Json *bandwidth;

        if (!ingress && !g_str_equal(key, "kubernetes.io/egress-bandwidth"))
                return true;
        if (!cni_quantity_parse(value, &rate))
                return fail(error, ERROR_INVALID_ARGUMENT, "annotation %s: \"%s\" is no quantity",
                            key, value);
        if (rate <= 0)
                return true;
        bandwidth = json_need_object(capabilities, "bandwidth");
        json_set_int(bandwidth, ingress ? "ingressRate" : "egressRate", rate);
        json_set_uint(bandwidth, ingress ? "ingressBurst" : "egressBurst", BURST_BITS);
        return true;
}

Json *cni_capabilities_build(const NetworkSandbox *sandbox, GError **error) {
        g_autoptr(Json) capabilities = json_new_object();
        Json *annotations = json_new_object();
        const char *const *pair = sandbox->annotations;

        json_set(capabilities, "io.kubernetes.cri.pod-annotations", annotations);
        for (; pair && pair[0] && pair[1]; pair += 2) {
                json_set_string(annotations, pair[0], pair[1]);
                if (!add_bandwidth(capabilities, pair[0], pair[1], error))
                        return NULL;
        }
        if (sandbox->cgroup_parent && *sandbox->cgroup_parent)
                json_set_string(capabilities, "cgroupPath", sandbox->cgroup_parent);
        return g_steal_pointer(&capabilities);
}
