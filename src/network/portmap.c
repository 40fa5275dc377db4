/* SPDX-License-Identifier: Apache-2.0 */
#include "network/portmap.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <net/if.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/process.h"
#include "network/portmap-private.h"

#define TOOL_SECONDS 30
#define TOOL_OUTPUT_LIMIT (64 << 20)
#define FAMILIES 2 /* IPv4, IPv6 */

struct PortMapper {
        bool disabled;              /* does nothing */
        const PortBackend *backend; /* NULL: not chosen yet */
        char *owner;                /* marks our rules among those of other daemons */
        Lock lock;                  /* held through a transaction */
};

static const struct {
        const char *name;
        int number;
} protocols[] = {
        [PORT_TCP] = { "tcp", IPPROTO_TCP },
        [PORT_UDP] = { "udp", IPPROTO_UDP },
        [PORT_SCTP] = { "sctp", IPPROTO_SCTP },
};

int port_protocol_number(PortProtocol protocol) {
        return protocols[protocol].number;
}

const char *port_protocol_name(PortProtocol protocol) {
        return protocols[protocol].name;
}

static void rule_free(void *data) {
        PortRule *rule = data;

        g_free(rule->host_ip);
        g_free(rule->ip);
        g_free(rule->sandbox_id);
        g_free(rule);
}

/* 4, 6, or 0 for what is no address. */
static int address_family(const char *text) {
        guint8 bytes[16];

        if (inet_pton(AF_INET, text, bytes) == 1)
                return 4;
        return inet_pton(AF_INET6, text, bytes) == 1 ? 6 : 0;
}

/* The comment of a rule: the id of its sandbox, "@", and the mark of the daemon that made it. */
#define OWNER_LENGTH 8

static char *make_label(const PortMapper *mapper, const char *sandbox_id) {
        return g_strconcat(sandbox_id, "@", mapper->owner, NULL);
}

static bool is_label(const char *text) {
        g_autofree char *id = g_strndup(text, ID_LENGTH);

        if (!id_is_valid(id))
                return false;
        text += ID_LENGTH;
        return !*text || (*text == '@' && strlen(text + 1) == OWNER_LENGTH &&
                          strspn(text + 1, "0123456789abcdef") == OWNER_LENGTH);
}

PortRule *port_rule_new(int number, const char *host_ip, gint64 host_port, const char *ip,
                        gint64 port, const char *sandbox_id) {
        PortRule *rule;
        unsigned protocol = 0;

        while (protocol < G_N_ELEMENTS(protocols) && protocols[protocol].number != number)
                protocol++;
        if (protocol == G_N_ELEMENTS(protocols) || !host_ip || !ip || !sandbox_id ||
            host_port < 1 || host_port > G_MAXUINT16 || port < 1 || port > G_MAXUINT16 ||
            !is_label(sandbox_id) || !address_family(ip))
                return NULL;
        rule = g_new0(PortRule, 1);
        rule->protocol = protocol;
        rule->host_ip = g_strdup(host_ip);
        rule->host_port = (guint16) host_port;
        rule->ip = g_strdup(ip);
        rule->port = (guint16) port;
        rule->sandbox_id = g_strdup(sandbox_id);
        return rule;
}

static void table_init(PortTable *table, bool v6) {
        *table = (PortTable) { .v6 = v6,
                               .rules = g_ptr_array_new_with_free_func(rule_free),
                               .localnet = g_ptr_array_new_with_free_func(g_free) };
}

static void table_clear(PortTable *table) {
        g_clear_pointer(&table->rules, g_ptr_array_unref);
        g_clear_pointer(&table->localnet, g_ptr_array_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(PortTable, table_clear)

static char *find_tool(const char *name) {
        static const char *const folders[] = { "/usr/sbin", "/sbin", "/usr/local/sbin" };
        char *path = g_find_program_in_path(name);

        for (unsigned i = 0; !path && i < G_N_ELEMENTS(folders); i++) {
                path = g_build_filename(folders[i], name, NULL);
                if (access(path, X_OK) < 0)
                        g_clear_pointer(&path, g_free);
        }
        return path;
}

bool port_tool_run(const char *const *argv, const char *input, char **ret_output, GError **error) {
        g_autofree char *path = find_tool(argv[0]);
        g_auto(GStrv) command = g_strdupv((char **) argv);
        g_auto(GStrv) environment = g_environ_setenv(g_get_environ(), "LC_ALL", "C", TRUE);
        g_auto(ProcessOutput) output = { 0 };

        if (!path)
                return fail(error, ERROR_UNAVAILABLE, "%s is not installed", argv[0]);
        g_free(command[0]);
        command[0] = g_steal_pointer(&path);
        if (!process_run(&(ProcessOptions) { .argv = (const char *const *) command,
                                             .envp = (const char *const *) environment },
                         input, TOOL_OUTPUT_LIMIT, clock_deadline_usec(TOOL_SECONDS), &output,
                         error))
                return false;
        if (!WIFEXITED(output.status) || WEXITSTATUS(output.status) != 0) {
                g_autofree char *ending = process_status_print(output.status);

                return fail(error, ERROR_UNKNOWN, "%s: %s: %.1000s", argv[0], ending,
                            g_strchomp(output.err));
        }
        if (ret_output)
                *ret_output = g_steal_pointer(&output.out);
        return true;
}

PortMapper *port_mapper_new_with(const PortBackend *backend, const char *owner) {
        PortMapper *mapper = g_new0(PortMapper, 1);
        g_autofree char *digest = g_compute_checksum_for_string(G_CHECKSUM_SHA256, owner, -1);

        mapper->backend = backend;
        mapper->owner = g_strndup(digest, OWNER_LENGTH);
        lock_init(&mapper->lock, LOCK_RANK_RECORD);
        return mapper;
}

PortMapper *port_mapper_new(bool disabled, const char *owner, GError **error) {
        g_autofree char *nft = g_find_program_in_path("nft");
        g_autofree char *iptables = g_find_program_in_path("iptables-restore");
        PortMapper *mapper;

        if (!disabled && !nft && !iptables)
                return fail_null(error, ERROR_UNAVAILABLE,
                                 "host ports need nft or iptables: install nftables, or set "
                                 "disable_hostport_mapping");
        mapper = port_mapper_new_with(NULL, owner);
        mapper->disabled = disabled;
        return mapper;
}

/* Asking the kernel takes longer than all else that a daemon does at its start, so it is left to
 * the first use. The lock is held. */
static bool choose_backend(PortMapper *mapper, GError **error) {
        static const PortBackend *const backends[] = { &port_backend_nft, &port_backend_iptables };
        g_autoptr(GString) reasons = g_string_new(NULL);

        for (unsigned i = 0; i < G_N_ELEMENTS(backends) && !mapper->backend; i++) {
                g_autoptr(GError) failure = NULL;

                if (backends[i]->probe(&failure))
                        mapper->backend = backends[i];
                else
                        g_string_append_printf(reasons, "%s%s", i ? "; " : "", failure->message);
        }
        return mapper->backend ||
               fail(error, ERROR_UNAVAILABLE,
                    "host ports need nft or iptables (%s): install nftables, or set "
                    "disable_hostport_mapping",
                    reasons->str);
}

void port_mapper_free(PortMapper *mapper) {
        if (!mapper)
                return;
        lock_clear(&mapper->lock);
        g_free(mapper->owner);
        g_free(mapper);
}

static bool is_wildcard(const char *host_ip) {
        return !host_ip || !*host_ip || g_str_equal(host_ip, "0.0.0.0") ||
               g_str_equal(host_ip, "::");
}

static bool same_key(const PortRule *a, const PortRule *b) {
        return a->protocol == b->protocol && a->host_port == b->host_port &&
               g_str_equal(a->host_ip, b->host_ip);
}

static PortRule *find_rule(const GPtrArray *rules, const PortRule *like) {
        for (unsigned i = 0; i < rules->len; i++)
                if (same_key(rules->pdata[i], like))
                        return rules->pdata[i];
        return NULL;
}

static bool check_map(const PortMap *map, GError **error) {
        if ((unsigned) map->protocol >= G_N_ELEMENTS(protocols))
                return fail(error, ERROR_INVALID_ARGUMENT, "host port %u: unknown protocol",
                            map->host_port);
        if (map->container_port == 0)
                return fail(error, ERROR_INVALID_ARGUMENT, "host port %u: no container port",
                            map->host_port);
        if (map->host_ip && *map->host_ip && !address_family(map->host_ip))
                return fail(error, ERROR_INVALID_ARGUMENT, "host port %u: \"%s\" is no address",
                            map->host_port, map->host_ip);
        return true;
}

/* In the spelling of the kernel, by which addresses are compared. */
static char *normal_address(const char *text) {
        char shortest[INET6_ADDRSTRLEN];
        int family = strchr(text, ':') ? AF_INET6 : AF_INET;
        guint8 bytes[16];

        if (inet_pton(family, text, bytes) != 1)
                return g_strdup(text);
        return g_strdup(inet_ntop(family, bytes, shortest, sizeof(shortest)));
}

/* Add the rule of @map for the pod address @ip unless it belongs to the other family. */
static bool wish_rule(PortTable *wish, const char *id, const char *ip, const PortMap *map,
                      GError **error) {
        int family = map->host_ip && *map->host_ip ? address_family(map->host_ip) : 0;
        g_autofree char *host_ip = NULL, *pod_ip = NULL;
        const PortRule *older;
        PortRule *rule;

        if (family && (family == 6) != wish->v6)
                return true;
        host_ip = is_wildcard(map->host_ip) ? g_strdup("") : normal_address(map->host_ip);
        pod_ip = normal_address(ip);
        rule = port_rule_new(protocols[map->protocol].number, host_ip, map->host_port, pod_ip,
                             map->container_port, id);
        older = find_rule(wish->rules, rule);
        if (older && older->port != rule->port) {
                rule_free(rule);
                return fail(error, ERROR_INVALID_ARGUMENT,
                            "host port %u/%s is to lead to two container ports", map->host_port,
                            protocols[map->protocol].name);
        }
        if (older)
                rule_free(rule);
        else
                g_ptr_array_add(wish->rules, rule);
        return true;
}

static const char *first_of(const char *const *ips, int family) {
        for (unsigned i = 0; ips && ips[i]; i++)
                if (address_family(ips[i]) == family)
                        return ips[i];
        return NULL;
}

static bool wish_all(PortTable *wish, const char *id, const char *const *ips, const PortMap *maps,
                     unsigned n_maps, GError **error) {
        const char *ip = first_of(ips, wish->v6 ? 6 : 4);

        for (unsigned i = 0; i < n_maps; i++) {
                if (maps[i].host_port == 0)
                        continue;
                if (!check_map(&maps[i], error))
                        return false;
                if (ip && !wish_rule(wish, id, ip, &maps[i], error))
                        return false;
        }
        return true;
}

/* Put the wished rules among those that are there; an older one of the same sandbox gives way. */
static bool merge(PortTable *table, const PortTable *wish, GError **error) {
        for (unsigned i = 0; i < wish->rules->len; i++) {
                const PortRule *rule = wish->rules->pdata[i];
                PortRule *older = find_rule(table->rules, rule);

                if (older && !g_str_equal(older->sandbox_id, rule->sandbox_id))
                        return fail(error, ERROR_ALREADY_EXISTS,
                                    "host port %u/%s%s%s is held by sandbox %.*s", rule->host_port,
                                    protocols[rule->protocol].name, *rule->host_ip ? " of " : "",
                                    rule->host_ip, ID_LENGTH, older->sandbox_id);
                if (older)
                        g_ptr_array_remove(table->rules, older);
                g_ptr_array_add(table->rules,
                                port_rule_new(protocols[rule->protocol].number, rule->host_ip,
                                              rule->host_port, rule->ip, rule->port,
                                              rule->sandbox_id));
        }
        return true;
}

/* Interfaces that are gone are forgotten; the one to the new address is taken in, unless somebody
 * else has it switched on and so looks after it. */
static void choose_localnet(PortTable *table, const PortTable *wish) {
        const PortRule *rule = wish->rules->pdata[0];
        g_autofree char *interface = port_route_find(rule->ip);

        for (unsigned i = table->localnet->len; i-- > 0;)
                if (if_nametoindex(table->localnet->pdata[i]) == 0)
                        g_ptr_array_remove_index(table->localnet, i);
        if (interface && !port_localnet_is_on(interface) &&
            !g_ptr_array_find_with_equal_func(table->localnet, interface, g_str_equal, NULL))
                g_ptr_array_add(table->localnet, g_steal_pointer(&interface));
}

/* The interfaces of @table, on once the table guards them, off before it stops doing so. */
static void switch_localnet(const PortTable *table, bool on) {
        for (unsigned i = 0; i < table->localnet->len; i++)
                port_localnet_set(table->localnet->pdata[i], on);
}

static void flush_udp(const PortTable *table) {
        for (unsigned i = 0; i < table->rules->len; i++) {
                const PortRule *rule = table->rules->pdata[i];

                if (rule->protocol == PORT_UDP)
                        port_conntrack_flush(table->v6, rule->host_port);
        }
}

/* What one family goes through in an add. */
typedef struct Change {
        PortTable wish, before, after;
} Change;

static void change_init(Change *change, bool v6) {
        table_init(&change->wish, v6);
        table_init(&change->before, v6);
        table_init(&change->after, v6);
}

static void change_clear(Change *change) {
        table_clear(&change->wish);
        table_clear(&change->before);
        table_clear(&change->after);
}

static bool change_plan(const PortMapper *mapper, Change *change, GError **error) {
        if (change->wish.rules->len == 0)
                return true;
        if (!mapper->backend->load(&change->before, error))
                return false;
        for (unsigned i = 0; i < change->before.localnet->len; i++)
                g_ptr_array_add(change->after.localnet,
                                g_strdup(change->before.localnet->pdata[i]));
        if (!merge(&change->after, &change->before, error) ||
            !merge(&change->after, &change->wish, error))
                return false;
        if (!change->wish.v6)
                choose_localnet(&change->after, &change->wish);
        return true;
}

static bool change_apply(const PortMapper *mapper, Change *change, GError **error) {
        if (change->wish.rules->len == 0)
                return true;
        if (!mapper->backend->replace(&change->after, error))
                return false;
        switch_localnet(&change->after, true);
        flush_udp(&change->wish);
        return true;
}

/* Back to what was before the other family failed. */
static void change_undo(const PortMapper *mapper, Change *change) {
        g_autoptr(GError) failure = NULL;

        if (change->wish.rules->len > 0 && !mapper->backend->replace(&change->before, &failure))
                log_warning("ignoring: host ports stay mapped: %s", failure->message);
}

static bool add_locked(PortMapper *mapper, Change changes[FAMILIES], GError **error) {
        lock_guard(&mapper->lock);

        if (!choose_backend(mapper, error))
                return false;
        for (unsigned i = 0; i < FAMILIES; i++)
                if (!change_plan(mapper, &changes[i], error))
                        return false;
        if (!change_apply(mapper, &changes[0], error))
                return false;
        if (!change_apply(mapper, &changes[1], error)) {
                change_undo(mapper, &changes[0]);
                return false;
        }
        return true;
}

bool port_mapper_add(PortMapper *mapper, const char *sandbox_id, const char *const *ips,
                     const PortMap *maps, unsigned n_maps, GError **error) {
        g_autofree char *label = make_label(mapper, sandbox_id);
        Change changes[FAMILIES];
        bool done = true;

        if (mapper->disabled || n_maps == 0)
                return true;
        if (!id_is_valid(sandbox_id))
                return fail(error, ERROR_INVALID_ARGUMENT, "\"%s\" is no id of a sandbox",
                            sandbox_id);
        for (unsigned i = 0; i < FAMILIES; i++) {
                change_init(&changes[i], i == 1);
                done = done && wish_all(&changes[i].wish, label, ips, maps, n_maps, error);
        }
        done = done && add_locked(mapper, changes, error);
        for (unsigned i = 0; i < FAMILIES; i++)
                change_clear(&changes[i]);
        return done;
}

/* Whether the rules of this sandbox stay. */
typedef bool (*KeepFunc)(const char *sandbox_id, const void *data);

static bool remove_family(const PortMapper *mapper, bool v6, KeepFunc keep, const void *data,
                          GError **error) {
        g_auto(PortTable) table = { 0 }, gone = { 0 };

        table_init(&table, v6);
        table_init(&gone, v6);
        if (!mapper->backend->load(&table, error))
                return false;
        for (unsigned i = table.rules->len; i-- > 0;) {
                const PortRule *rule = table.rules->pdata[i];

                if (!keep(rule->sandbox_id, data))
                        g_ptr_array_add(gone.rules, g_ptr_array_steal_index(table.rules, i));
        }
        if (gone.rules->len == 0 && (table.rules->len > 0 || !table.exists))
                return true;
        if (table.rules->len == 0)
                switch_localnet(&table, false);
        if (!mapper->backend->replace(&table, error))
                return false;
        flush_udp(&gone);
        return true;
}

static bool remove_where(PortMapper *mapper, KeepFunc keep, const void *data, GError **error) {
        g_autoptr(GError) first = NULL;

        lock_guard(&mapper->lock);
        if (!choose_backend(mapper, error))
                return false;
        for (unsigned i = 0; i < FAMILIES; i++) {
                g_autoptr(GError) failure = NULL;

                if (!remove_family(mapper, i == 1, keep, data, &failure))
                        error_keep_first(&first, &failure);
        }
        if (!first)
                return true;
        g_propagate_error(error, g_steal_pointer(&first));
        return false;
}

static bool is_other(const char *label, const void *data) {
        return strncmp(label, (const char *) data, ID_LENGTH) != 0;
}

bool port_mapper_remove(PortMapper *mapper, const char *sandbox_id, GError **error) {
        return mapper->disabled || remove_where(mapper, is_other, sandbox_id, error);
}

/* Whom to ask about a sandbox of ours. */
typedef struct Owners {
        const char *ours;
        IdKnownFunc is_known;
        void *data;
} Owners;

/* Rules of another daemon in this network namespace are none of our business. */
static bool has_owner(const char *label, const void *data) {
        const Owners *owners = data;
        g_autofree char *id = g_strndup(label, ID_LENGTH);

        return !g_str_has_suffix(label, owners->ours) || owners->is_known(id, owners->data);
}

void port_mapper_collect(PortMapper *mapper, IdKnownFunc is_known, void *data) {
        const Owners owners = { mapper->owner, is_known, data };
        g_autoptr(GError) failure = NULL;

        if (!mapper->disabled && !remove_where(mapper, has_owner, &owners, &failure))
                log_warning("ignoring: host ports of forgotten sandboxes: %s", failure->message);
}
