/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host ports as chains of our own in iptables and ip6tables, where nft does not do: the same rules
 * as in portmap-nft.c. A restore with --noflush replaces our chains whole and touches nothing else.
 */
#include <netinet/in.h>
#include <string.h>

#include "base/error.h"
#include "network/portmap-private.h"

#define PORTS "CRIO-HOSTPORTS"
#define MASQUERADE "CRIO-HOSTPORTS-MASQ"
#define GUARD "CRIO-HOSTPORTS-LOCAL"

/* A built-in chain that has to send its packets to one of ours. */
typedef struct Jump {
        const char *from;
        const char *match, *match_v6;
        const char *to;
} Jump;

static const Jump nat_jumps[] = {
        { "PREROUTING", "-m addrtype --dst-type LOCAL",
          "! -d ::1/128 -m addrtype --dst-type LOCAL", PORTS },
        { "OUTPUT", "-m addrtype --dst-type LOCAL", "! -d ::1/128 -m addrtype --dst-type LOCAL",
          PORTS },
        { "POSTROUTING", "", "", MASQUERADE },
};
static const Jump raw_jumps[] = { { "PREROUTING", "", "", GUARD } };

static const char *tool(bool v6, bool save) {
        if (v6)
                return save ? "ip6tables-save" : "ip6tables-restore";
        return save ? "iptables-save" : "iptables-restore";
}

static bool save(bool v6, const char *what, char **ret_text, GError **error) {
        return port_tool_run((const char *const[]) { tool(v6, true), "-t", what, NULL }, NULL,
                             ret_text, error);
}

static bool restore(bool v6, const char *script, GError **error) {
        const char *const argv[] = { tool(v6, false), "--noflush", "--wait", "10", NULL };

        return port_tool_run(argv, script, NULL, error);
}

/* The word after @option in a rule as iptables-save prints it; free with g_free(). */
static char *option_of(const char *line, const char *option) {
        g_autofree char *pattern = g_strdup_printf(" %s ", option);
        const char *at = strstr(line, pattern);
        size_t length;

        if (!at)
                return NULL;
        at += strlen(pattern);
        length = strcspn(at, " ");
        if (at[0] == '"' && length > 2 && at[length - 1] == '"')
                return g_strndup(at + 1, length - 2);
        return g_strndup(at, length);
}

/* 0 for what is no number; no protocol and no port has it. */
static guint16 parse_number(const char *text) {
        guint64 number = 0;

        return text && g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT16, &number, NULL)
                       ? (guint16) number
                       : 0;
}

static int parse_protocol(const char *name) {
        for (PortProtocol i = PORT_TCP; name && i <= PORT_SCTP; i++)
                if (g_str_equal(name, port_protocol_name(i)))
                        return port_protocol_number(i);
        return parse_number(name);
}

/* "10.0.0.1:80" or "[fd00::1]:80"; the address is cut out of @target. */
static const char *split_target(char *target, gint64 *ret_port) {
        char *colon = target ? strrchr(target, ':') : NULL;

        if (!colon)
                return NULL;
        *colon = '\0';
        *ret_port = parse_number(colon + 1);
        if (target[0] != '[')
                return target;
        target[strcspn(target, "]")] = '\0';
        return target + 1;
}

static PortRule *parse_rule(const char *line) {
        g_autofree char *protocol = option_of(line, "-p"), *port = option_of(line, "--dport");
        g_autofree char *target = option_of(line, "--to-destination");
        g_autofree char *id = option_of(line, "--comment");
        g_autofree char *host_ip = option_of(line, "-d");
        gint64 target_port = 0;
        const char *ip = split_target(target, &target_port);

        if (host_ip)
                host_ip[strcspn(host_ip, "/")] = '\0';
        return port_rule_new(parse_protocol(protocol), host_ip ? host_ip : "",
                             parse_number(port), ip, target_port, id);
}

static void take_line(PortTable *table, const char *line) {
        if (g_str_has_prefix(line, ":" PORTS " ") || g_str_has_prefix(line, ":" GUARD " "))
                table->exists = true;
        if (g_str_has_prefix(line, "-A " PORTS " ")) {
                PortRule *rule = parse_rule(line);

                if (rule)
                        g_ptr_array_add(table->rules, rule);
        }
        if (g_str_has_prefix(line, "-A " GUARD " ")) {
                char *interface = option_of(line, "-i");

                if (interface)
                        g_ptr_array_add(table->localnet, interface);
        }
}

static void take_lines(PortTable *table, const char *text) {
        g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

        for (unsigned i = 0; lines[i]; i++)
                take_line(table, lines[i]);
}

static bool iptables_load(PortTable *table, GError **error) {
        g_autofree char *nat = NULL, *raw = NULL;
        g_autoptr(GError) failure = NULL;

        if (!save(table->v6, "nat", &nat, &failure)) {
                /* A host without IPv6 has no rules for it either. */
                if (table->v6)
                        return true;
                g_propagate_error(error, g_steal_pointer(&failure));
                return false;
        }
        take_lines(table, nat);
        if (table->v6)
                return true;
        if (!save(false, "raw", &raw, error))
                return false;
        take_lines(table, raw);
        return true;
}

/* Declare the chains of @jumps, which empties them, and add the jumps that @saved does not have. */
static void open_chains(GString *script, const char *saved, const Jump *jumps, unsigned count,
                        bool v6) {
        for (unsigned i = 0; i < count; i++)
                g_string_append_printf(script, ":%s - [0:0]\n", jumps[i].to);
        for (unsigned i = 0; i < count; i++) {
                const char *match = v6 ? jumps[i].match_v6 : jumps[i].match;
                g_autofree char *line = g_strdup_printf("-A %s %s%s-j %s\n", jumps[i].from, match,
                                                        *match ? " " : "", jumps[i].to);

                if (!strstr(saved, line))
                        g_string_append(script, line);
        }
}

/* Delete the jumps as they were saved, then the chains. */
static void remove_chains(GString *script, const char *saved, const Jump *jumps, unsigned count) {
        g_auto(GStrv) lines = g_strsplit(saved, "\n", -1);

        for (unsigned i = 0; i < count; i++)
                g_string_append_printf(script, ":%s - [0:0]\n", jumps[i].to);
        for (unsigned i = 0; lines[i]; i++) {
                for (unsigned j = 0; j < count; j++) {
                        g_autofree char *ending = g_strdup_printf(" -j %s", jumps[j].to);
                        g_autofree char *start = g_strdup_printf("-A %s ", jumps[j].from);

                        if (g_str_has_suffix(lines[i], ending) &&
                            g_str_has_prefix(lines[i], start))
                                g_string_append_printf(script, "-D %s\n", lines[i] + 3);
                }
        }
        for (unsigned i = 0; i < count; i++)
                if (i == 0 || !g_str_equal(jumps[i].to, jumps[i - 1].to))
                        g_string_append_printf(script, "-X %s\n", jumps[i].to);
}

/* Rules for one address come before those for all of them. */
static void add_ports(GString *script, const PortTable *table, bool with_address) {
        for (unsigned i = 0; i < table->rules->len; i++) {
                const PortRule *rule = table->rules->pdata[i];
                const char *name = port_protocol_name(rule->protocol);

                if ((*rule->host_ip != '\0') != with_address)
                        continue;
                g_string_append(script, "-A " PORTS);
                if (with_address)
                        g_string_append_printf(script, " -d %s", rule->host_ip);
                g_string_append_printf(script,
                                       " -p %s -m %s --dport %u -m comment --comment %s -j DNAT "
                                       "--to-destination %s%s%s:%u\n",
                                       name, name, rule->host_port, rule->sandbox_id,
                                       table->v6 ? "[" : "", rule->ip, table->v6 ? "]" : "",
                                       rule->port);
        }
}

static void add_masquerade(GString *script, const PortTable *table) {
        for (unsigned i = 0; i < table->rules->len; i++) {
                const PortRule *rule = table->rules->pdata[i];
                const char *name = port_protocol_name(rule->protocol);
                const char *sources[] = { rule->ip, table->v6 ? NULL : "127.0.0.0/8" };

                for (unsigned s = 0; s < G_N_ELEMENTS(sources) && sources[s]; s++)
                        g_string_append_printf(script,
                                               "-A " MASQUERADE " -s %s -d %s -p %s -m %s --dport "
                                               "%u -m conntrack --ctstate DNAT -m comment "
                                               "--comment %s -j MASQUERADE\n",
                                               sources[s], rule->ip, name, name, rule->port,
                                               rule->sandbox_id);
        }
}

static bool replace_nat(const PortTable *table, GError **error) {
        g_autoptr(GString) script = g_string_new("*nat\n");
        g_autofree char *saved = NULL;

        if (!save(table->v6, "nat", &saved, error))
                return false;
        if (table->rules->len > 0) {
                open_chains(script, saved, nat_jumps, G_N_ELEMENTS(nat_jumps), table->v6);
                add_ports(script, table, true);
                add_ports(script, table, false);
                add_masquerade(script, table);
        } else if (strstr(saved, ":" PORTS " ")) {
                remove_chains(script, saved, nat_jumps, G_N_ELEMENTS(nat_jumps));
        }
        g_string_append(script, "COMMIT\n");
        return restore(table->v6, script->str, error);
}

static bool replace_raw(const PortTable *table, GError **error) {
        g_autoptr(GString) script = g_string_new("*raw\n");
        g_autofree char *saved = NULL;

        if (!save(false, "raw", &saved, error))
                return false;
        if (table->localnet->len > 0 && table->rules->len > 0) {
                open_chains(script, saved, raw_jumps, G_N_ELEMENTS(raw_jumps), false);
                for (unsigned i = 0; i < table->localnet->len; i++)
                        g_string_append_printf(script,
                                               "-A " GUARD " -i %s -d 127.0.0.0/8 -j DROP\n",
                                               (const char *) table->localnet->pdata[i]);
        } else if (strstr(saved, ":" GUARD " ")) {
                remove_chains(script, saved, raw_jumps, G_N_ELEMENTS(raw_jumps));
        } else {
                return true;
        }
        g_string_append(script, "COMMIT\n");
        return restore(false, script->str, error);
}

/* The guard is there before anything may pass. */
static bool iptables_replace(const PortTable *table, GError **error) {
        return (table->v6 || replace_raw(table, error)) && replace_nat(table, error);
}

static bool iptables_probe(GError **error) {
        g_autofree char *text = NULL;

        return save(false, "nat", &text, error) &&
               restore(false, "*nat\nCOMMIT\n", error);
}

const PortBackend port_backend_iptables = {
        .name = "iptables",
        .probe = iptables_probe,
        .load = iptables_load,
        .replace = iptables_replace,
};
