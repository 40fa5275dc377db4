/* SPDX-License-Identifier: Apache-2.0 */
#include "network/cni-result.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "network/cni-config.h"

#define ADDRESSES_LIMIT 256

typedef enum ResultForm {
        FORM_PAIR,    /* 0.1, 0.2: ip4 and ip6, each with its routes */
        FORM_TAGGED,  /* 0.3, 0.4: ips, each with "version": "4" or "6" */
        FORM_PLAIN,   /* 1.x */
} ResultForm;

static bool get_form(const char *version, ResultForm *ret_form, GError **error) {
        unsigned parts[3];

        if (!cni_version_parse(version, parts) ||
            !cni_version_at_least(CNI_VERSION_NEWEST, version))
                return fail(error, ERROR_UNKNOWN, "a result of the unknown version \"%s\"",
                            version);
        if (cni_version_at_least(version, "1.0.0"))
                *ret_form = FORM_PLAIN;
        else
                *ret_form = cni_version_at_least(version, "0.3.0") ? FORM_TAGGED : FORM_PAIR;
        return true;
}

/* "10.0.0.2/24" to "10.0.0.2"; NULL when it is no address with a prefix length. */
static char *parse_address(const char *cidr, int *ret_family) {
        const char *slash = cidr ? strchr(cidr, '/') : NULL;
        g_autofree char *text = slash ? g_strndup(cidr, (size_t) (slash - cidr)) : NULL;
        char shortest[INET6_ADDRSTRLEN];
        guint8 bytes[16];
        guint64 bits;
        int family;

        if (!text || !g_ascii_string_to_unsigned(slash + 1, 10, 0, 128, &bits, NULL))
                return NULL;
        family = strchr(text, ':') ? AF_INET6 : AF_INET;
        if (inet_pton(family, text, bytes) != 1 || (family == AF_INET && bits > 32))
                return NULL;
        if (ret_family)
                *ret_family = family;
        return g_strdup(inet_ntop(family, bytes, shortest, sizeof(shortest)));
}

static bool is_v6(const char *cidr) {
        return cidr && strchr(cidr, ':');
}

/* The members that no form changes. */
static Json *result_start(const Json *result, const char *version) {
        Json *made = json_new_object();

        json_set_string(made, "cniVersion", version);
        if (json_get_type(json_get(result, "dns")) == JSON_OBJECT)
                json_set(made, "dns", json_copy(json_get(result, "dns")));
        return made;
}

static Json *list_from_pair(const Json *result, const char *version, bool tagged) {
        static const char *const keys[] = { "ip4", "ip6" };
        Json *made = result_start(result, version);
        Json *ips = json_need_array(made, "ips");
        Json *routes = json_need_array(made, "routes");

        for (unsigned i = 0; i < G_N_ELEMENTS(keys); i++) {
                const Json *pair = json_get(result, keys[i]);
                const Json *pair_routes = json_get(pair, "routes");
                Json *ip;

                if (json_get_type(pair) != JSON_OBJECT)
                        continue;
                ip = json_append(ips, json_new_object());
                if (tagged)
                        json_set_string(ip, "version", keys[i] + 2);
                json_set_string(ip, "address", json_get_string(pair, "ip"));
                json_set_string(ip, "gateway", json_get_string(pair, "gateway"));
                for (size_t r = 0; r < json_length(pair_routes); r++)
                        json_append(routes, json_copy(json_at(pair_routes, r)));
        }
        return made;
}

/* Only the first address of each family has a place in the old form. */
static Json *pair_from_list(const Json *result, const char *version) {
        Json *made = result_start(result, version);
        const Json *ips = json_get(result, "ips");
        const Json *routes = json_get(result, "routes");

        for (size_t i = 0; i < json_length(ips); i++) {
                const char *address = json_get_string(json_at(ips, i), "address");
                const char *key = is_v6(address) ? "ip6" : "ip4";
                Json *pair;

                if (!address || json_get(made, key))
                        continue;
                pair = json_set(made, key, json_new_object());
                json_set_string(pair, "ip", address);
                json_set_string(pair, "gateway", json_get_string(json_at(ips, i), "gateway"));
        }
        for (size_t r = 0; r < json_length(routes); r++) {
                const char *to = json_get_string(json_at(routes, r), "dst");
                Json *pair = json_edit(made, is_v6(to) ? "ip6" : "ip4");
                Json *route;

                if (!to || !pair)
                        continue;
                route = json_append(json_need_array(pair, "routes"), json_new_object());
                json_set_string(route, "dst", to);
                json_set_string(route, "gw", json_get_string(json_at(routes, r), "gw"));
        }
        return made;
}

static Json *retag(const Json *result, const char *version, bool tagged) {
        Json *made = json_copy(result);
        Json *ips = json_edit(made, "ips");

        json_set_string(made, "cniVersion", version);
        for (size_t i = 0; i < json_length(ips); i++) {
                /* Borrowed from a tree of ours, so it may be changed. */
                Json *ip = (Json *) json_at(ips, i);
                bool v6 = is_v6(json_get_string(ip, "address"));

                if (json_get_type(ip) != JSON_OBJECT)
                        continue;
                if (tagged)
                        json_set_string(ip, "version", v6 ? "6" : "4");
                else
                        json_remove(ip, "version");
        }
        return made;
}

Json *cni_result_convert(const Json *result, const char *version, GError **error) {
        const char *own = json_get_string(result, "cniVersion");
        ResultForm from = FORM_PLAIN, to = FORM_PLAIN;

        if (!own || !*own)
                own = version;
        if (!get_form(own, &from, error) || !get_form(version, &to, error))
                return NULL;
        if (from == to) {
                Json *made = json_copy(result);

                json_set_string(made, "cniVersion", version);
                return made;
        }
        if (from == FORM_PAIR)
                return list_from_pair(result, version, to == FORM_TAGGED);
        if (to == FORM_PAIR)
                return pair_from_list(result, version);
        return retag(result, version, to == FORM_TAGGED);
}

static bool take_address(GPtrArray *addresses, const char *cidr, GError **error) {
        char *address = parse_address(cidr, NULL);

        if (!address)
                return fail(error, ERROR_UNKNOWN, "\"%s\" is no address with a prefix length",
                            cidr ? cidr : "");
        if (addresses->len >= ADDRESSES_LIMIT) {
                g_free(address);
                return fail(error, ERROR_RESOURCE_EXHAUSTED, "more than %d addresses",
                            ADDRESSES_LIMIT);
        }
        g_ptr_array_add(addresses, address);
        return true;
}

GStrv cni_result_addresses(const Json *result, GError **error) {
        g_autoptr(GPtrArray) addresses = g_ptr_array_new_with_free_func(g_free);
        const Json *ips = json_get(result, "ips");
        static const char *const keys[] = { "ip4", "ip6" };

        for (unsigned i = 0; i < G_N_ELEMENTS(keys); i++) {
                const Json *pair = json_get(result, keys[i]);

                if (json_get_type(pair) == JSON_OBJECT &&
                    !take_address(addresses, json_get_string(pair, "ip"), error))
                        return NULL;
        }
        for (size_t i = 0; i < json_length(ips); i++)
                if (!take_address(addresses, json_get_string(json_at(ips, i), "address"), error))
                        return NULL;
        g_ptr_array_add(addresses, NULL);
        return (GStrv) g_ptr_array_free(g_steal_pointer(&addresses), FALSE);
}

Json *cni_result_parse(const char *text, size_t length, const char *version, const char *source,
                       GError **error) {
        g_autoptr(Json) result = json_parse(text, length, source, error);
        g_auto(GStrv) addresses = NULL;
        const char *own;

        if (!result)
                return NULL;
        if (json_get_type(result) != JSON_OBJECT)
                return fail_null(error, ERROR_UNKNOWN, "%s is no JSON object", source);
        addresses = cni_result_addresses(result, error);
        if (!addresses) {
                g_prefix_error(error, "%s: ", source);
                return NULL;
        }
        own = json_get_string(result, "cniVersion");
        if (own && g_str_equal(own, version))
                return g_steal_pointer(&result);
        return cni_result_convert(result, version, error);
}
