/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * PortMapper - host ports that lead into sandboxes, by `nft -f -` (iptables-restore as the other
 * backend).
 *
 * Owner    The daemon. Threads: any; one transaction at a time.
 * Disk     The kernel's tables, nothing else. Rules carry the sandbox id, so removal needs only
 *          that.
 */

#include <glib.h>
#include <stdbool.h>

#include "base/id.h"

typedef enum PortProtocol {
        PORT_TCP,
        PORT_UDP,
        PORT_SCTP,
} PortProtocol;

typedef struct PortMap {
        PortProtocol protocol;
        guint16 host_port;
        guint16 container_port;
        const char *host_ip; /* "" = all */
} PortMap;

typedef struct PortMapper PortMapper;

/* Picks nft, else iptables, else fails saying what to install. @disabled: a mapper that does
 * nothing. @owner: any text that tells this daemon from another one on the same host, such as its
 * run root; only rules of that owner are collected. */
PortMapper *port_mapper_new(bool disabled, const char *owner, GError **error);
void port_mapper_free(PortMapper *mapper);

/* Map to the first IPv4 and the first IPv6 address of @ips; 127.0.0.1 works too (route_localnet
 * and masquerade). All or nothing. A port held by another sandbox is ALREADY_EXISTS naming it. */
bool port_mapper_add(PortMapper *mapper, const char *sandbox_id, const char *const *ips,
                     const PortMap *maps, unsigned n_maps, GError **error);

/* Nothing mapped: success. */
bool port_mapper_remove(PortMapper *mapper, const char *sandbox_id, GError **error);

/* Start-up: drop mappings of sandboxes that @is_known denies. */
void port_mapper_collect(PortMapper *mapper, IdKnownFunc is_known, void *data);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(PortMapper, port_mapper_free)
