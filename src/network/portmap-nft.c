/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host ports as the table crio-hostports of nftables, one in each address family.
 *
 * Two maps say where a port leads, one for all addresses of the host and one for a single address;
 * their elements have the sandbox id as comment. Only packets to an address of the host itself are
 * looked at. Replies have to come back through the host when the client is the pod itself or
 * 127.0.0.1, hence the masquerading. Where we let packets of 127.0.0.0/8 out of an interface,
 * foreign ones must not come in by it.
 */
#include <netinet/in.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "network/portmap-private.h"

#define TABLE "crio-hostports"
#define PORTS "ports"
#define ADDRESS_PORTS "address-ports"
#define LOCALNET "localnet"

static const char *family_name(bool v6) {
        return v6 ? "ip6" : "ip";
}

static void add_key(GString *script, const PortRule *rule) {
        if (*rule->host_ip)
                g_string_append_printf(script, "%s . ", rule->host_ip);
        g_string_append_printf(script, "%d . %u", port_protocol_number(rule->protocol),
                               rule->host_port);
}

static void add_map(GString *script, const PortTable *table, bool with_address) {
        const char *type = table->v6 ? "ipv6_addr" : "ipv4_addr";
        bool any = false;

        g_string_append_printf(script, "map %s { type %s%sinet_proto . inet_service : %s . "
                                       "inet_service; ",
                               with_address ? ADDRESS_PORTS : PORTS, with_address ? type : "",
                               with_address ? " . " : "", type);
        for (unsigned i = 0; i < table->rules->len; i++) {
                const PortRule *rule = table->rules->pdata[i];

                if ((*rule->host_ip != '\0') != with_address)
                        continue;
                g_string_append(script, any ? ", " : "elements = { ");
                any = true;
                add_key(script, rule);
                g_string_append_printf(script, " comment \"%s\" : %s . %u", rule->sandbox_id,
                                       rule->ip, rule->port);
        }
        g_string_append(script, any ? " } }\n" : "}\n");
}

/* Where connections end that were led on by us: nothing else may be masqueraded. */
static void add_targets(GString *script, const PortTable *table) {
        const char *type = table->v6 ? "ipv6_addr" : "ipv4_addr";

        g_string_append_printf(script, "set targets { type %s . inet_proto . inet_service; "
                                       "elements = { ",
                               type);
        for (unsigned i = 0; i < table->rules->len; i++) {
                const PortRule *rule = table->rules->pdata[i];

                g_string_append_printf(script, "%s%s . %d . %u", i ? ", " : "", rule->ip,
                                       port_protocol_number(rule->protocol), rule->port);
        }
        g_string_append_printf(script, " } }\nset hairpins { type %s . %s; elements = { ", type,
                               type);
        for (unsigned i = 0; i < table->rules->len; i++) {
                const PortRule *rule = table->rules->pdata[i];

                g_string_append_printf(script, "%s%s . %s", i ? ", " : "", rule->ip, rule->ip);
        }
        g_string_append(script, " } }\n");
}

static void add_localnet(GString *script, const PortTable *table) {
        g_string_append(script, "set " LOCALNET " { type ifname; ");
        for (unsigned i = 0; i < table->localnet->len; i++)
                g_string_append_printf(script, "%s\"%s\"%s", i ? ", " : "elements = { ",
                                       (const char *) table->localnet->pdata[i],
                                       i + 1 == table->localnet->len ? " } " : "");
        g_string_append(script, "}\n"
                                "chain guard { type filter hook prerouting priority -300;\n"
                                "iifname @" LOCALNET " ip daddr 127.0.0.0/8 drop\n}\n");
}

static void add_chains(GString *script, bool v6) {
        const char *ip = family_name(v6);
        /* ::1 has no route_localnet: a port of the host's own there is left alone. */
        const char *local = v6 ? "ip6 daddr != ::1 fib daddr type local" : "fib daddr type local";

        g_string_append_printf(
                script,
                "chain translate {\n"
                "dnat %s to %s daddr . meta l4proto . th dport map @" ADDRESS_PORTS "\n"
                "dnat %s to meta l4proto . th dport map @" PORTS "\n}\n"
                "chain prerouting { type nat hook prerouting priority -100;\n%s jump translate\n}\n"
                "chain output { type nat hook output priority -100;\n%s jump translate\n}\n"
                "chain postrouting { type nat hook postrouting priority 100;\n"
                "ct status dnat %s saddr . %s daddr @hairpins masquerade\n",
                ip, ip, ip, local, local, ip, ip);
        if (!v6)
                g_string_append(script, "ct status dnat ip saddr 127.0.0.0/8 ip daddr . meta "
                                        "l4proto . th dport @targets masquerade\n");
        g_string_append(script, "}\n");
}

static char *make_script(const PortTable *table) {
        const char *ip = family_name(table->v6);
        GString *script = g_string_new(NULL);

        /* The first line makes the second one succeed in any case. */
        g_string_append_printf(script, "add table %s " TABLE "\ndelete table %s " TABLE "\n", ip,
                               ip);
        if (table->rules->len > 0) {
                g_string_append_printf(script, "table %s " TABLE " {\n", ip);
                add_map(script, table, false);
                add_map(script, table, true);
                add_targets(script, table);
                if (!table->v6)
                        add_localnet(script, table);
                add_chains(script, table->v6);
                g_string_append(script, "}\n");
        }
        return g_string_free(script, FALSE);
}

static bool nft_replace(const PortTable *table, GError **error) {
        g_autofree char *script = make_script(table);

        return port_tool_run((const char *const[]) { "nft", "-f", "-", NULL }, script, NULL, error);
}

static int parse_protocol(const Json *json) {
        const char *name = json_string(json);
        gint64 number = 0;

        for (PortProtocol i = PORT_TCP; name && i <= PORT_SCTP; i++)
                if (g_str_equal(name, port_protocol_name(i)))
                        return port_protocol_number(i);
        return json_int(json, &number) ? (int) CLAMP(number, 0, 255) : 0;
}

static gint64 parse_port(const Json *json) {
        gint64 port = 0;

        return json_int(json, &port) ? port : 0;
}

/* [{"elem": {"val": {"concat": KEY}, "comment": ID}}, {"concat": [IP, PORT]}] */
static PortRule *parse_element(const Json *pair) {
        const Json *element = json_get(json_at(pair, 0), "elem");
        const Json *key = json_get(json_get(element, "val"), "concat");
        const Json *value = json_get(json_at(pair, 1), "concat");
        size_t at = json_length(key) == 3 ? 1 : 0;

        return port_rule_new(parse_protocol(json_at(key, at)),
                             at ? json_string(json_at(key, 0)) : "",
                             parse_port(json_at(key, at + 1)), json_string(json_at(value, 0)),
                             parse_port(json_at(value, 1)), json_get_string(element, "comment"));
}

static void take_map(PortTable *table, const Json *map) {
        const Json *elements = json_get(map, "elem");

        for (size_t i = 0; i < json_length(elements); i++) {
                PortRule *rule = parse_element(json_at(elements, i));

                if (rule)
                        g_ptr_array_add(table->rules, rule);
        }
}

static void take_set(PortTable *table, const Json *set) {
        const char *name = json_get_string(set, "name");
        const Json *elements = json_get(set, "elem");

        if (!name || !g_str_equal(name, LOCALNET))
                return;
        for (size_t i = 0; i < json_length(elements); i++) {
                const char *interface = json_string(json_at(elements, i));

                if (interface)
                        g_ptr_array_add(table->localnet, g_strdup(interface));
        }
}

static bool nft_load(PortTable *table, GError **error) {
        const char *const argv[] = { "nft", "-j", "list", "table", family_name(table->v6), TABLE,
                                     NULL };
        g_autoptr(GError) failure = NULL;
        g_autofree char *text = NULL;
        g_autoptr(Json) json = NULL;
        const Json *objects;

        if (!port_tool_run(argv, NULL, &text, &failure)) {
                if (strstr(failure->message, "No such file or directory"))
                        return true;
                g_propagate_error(error, g_steal_pointer(&failure));
                return false;
        }
        json = json_parse(text, strlen(text), "the output of nft", error);
        if (!json)
                return false;
        table->exists = true;
        objects = json_get(json, "nftables");
        for (size_t i = 0; i < json_length(objects); i++) {
                take_map(table, json_get(json_at(objects, i), "map"));
                take_set(table, json_get(json_at(objects, i), "set"));
        }
        return true;
}

/* Let the kernel check a whole table without installing it. */
static bool nft_probe(GError **error) {
        static const char id[] = "0000000000000000000000000000000000000000000000000000000000000000";
        g_autoptr(GPtrArray) rules = g_ptr_array_new();
        g_autoptr(GPtrArray) none = g_ptr_array_new();
        PortRule rule = { .protocol = PORT_TCP, .host_ip = (char *) "", .host_port = 1,
                          .ip = (char *) "127.0.0.1", .port = 1, .sandbox_id = (char *) id };
        PortTable table = { .rules = rules, .localnet = none };
        g_autofree char *script = NULL;

        g_ptr_array_add(rules, &rule);
        script = make_script(&table);
        return port_tool_run((const char *const[]) { "nft", "-c", "-f", "-", NULL }, script, NULL,
                             error);
}

const PortBackend port_backend_nft = {
        .name = "nft",
        .probe = nft_probe,
        .load = nft_load,
        .replace = nft_replace,
};
