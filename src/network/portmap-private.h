/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the port mapper and its two backends share. A backend reads what the kernel holds of ours
 * for one address family, and puts another state in its place in one transaction; what that state
 * should be is decided in portmap.c alone.
 */

#include <glib.h>
#include <stdbool.h>

#include "network/portmap.h"

typedef struct PortRule {
        PortProtocol protocol;
        char *host_ip; /* "" = every address of the host */
        guint16 host_port;
        char *ip;
        guint16 port;
        char *sandbox_id;
} PortRule;

typedef struct PortTable {
        bool v6;
        bool exists;         /* set by load: there is something of ours, be it empty */
        GPtrArray *rules;    /* of PortRule */
        GPtrArray *localnet; /* IPv4: interfaces on which we switched route_localnet on */
} PortTable;

typedef struct PortBackend {
        const char *name;
        /* Whether tools and kernel can do it. */
        bool (*probe)(GError **error);
        /* Append to the empty lists of @table. */
        bool (*load)(PortTable *table, GError **error);
        /* Make it so; without rules nothing of ours stays. */
        bool (*replace)(const PortTable *table, GError **error);
} PortBackend;

extern const PortBackend port_backend_nft;
extern const PortBackend port_backend_iptables;

PortMapper *port_mapper_new_with(const PortBackend *backend, const char *owner);

/* A rule of what a backend read; NULL when it makes no sense. All strings are copied. */
PortRule *port_rule_new(int number, const char *host_ip, gint64 host_port, const char *ip,
                        gint64 port, const char *sandbox_id);
/* The protocol's number in the IP header. */
int port_protocol_number(PortProtocol protocol);
const char *port_protocol_name(PortProtocol protocol);

/* Run a tool by its name with @input on stdin; @ret_output may be NULL. A failure has its stderr.
 * */
bool port_tool_run(const char *const *argv, const char *input, char **ret_output, GError **error);

/* portmap-route.c */

/* The interface that packets to @ip leave by; NULL when there is no route, or a name that cannot be
 * put into a rule. Free with g_free(). */
char *port_route_find(const char *ip);
/* Whether packets from 127.0.0.0/8 may leave by it. */
bool port_localnet_is_on(const char *interface);
void port_localnet_set(const char *interface, bool on);

/* portmap-conntrack.c: forget the connections to a UDP port of the host, which would otherwise go
 * where they went before. Failure is logged. */
void port_conntrack_flush(bool v6, guint16 host_port);
