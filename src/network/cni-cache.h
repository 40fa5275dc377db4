/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * CniEntry - the record of one attachment, as libcni keeps it, so that either daemon can take over
 * from the other.
 *
 * Owner    The caller. Threads: any; the calls for one sandbox are serial.
 * Disk     <cache>/NETWORK-SANDBOX-INTERFACE, mode 0600. An entry without "result" is an ADD that
 *          did not finish: a DEL is owed. The member "crio" is ours; it holds the name of the
 *          daemon that wrote the entry.
 */

#include <glib.h>
#include <stdbool.h>

#include "base/json.h"

typedef struct CniEntry {
        char *network;
        char *container_id;
        char *ifname;
        char *netns;  /* may be NULL */
        char *config; /* text of the whole list; NULL in entries of old writers */
        char *owner;  /* NULL in entries of other writers */
        Json *args;         /* array of pairs; may be NULL */
        Json *capabilities; /* object; may be NULL */
        Json *result;       /* NULL when the ADD did not finish */
} CniEntry;

void cni_entry_free(CniEntry *entry);

/* The directory is made when it is missing. */
bool cni_cache_store(const char *dir, const CniEntry *entry, GError **error);

/* @file is a name in @dir. An old entry, a bare result, gives an entry with result alone. */
CniEntry *cni_cache_load(const char *dir, const char *file, GError **error);

/* A missing one succeeds. */
bool cni_cache_remove(const char *dir, const char *file, GError **error);

char *cni_cache_file(const char *network, const char *container_id, const char *ifname);

/* The files of one sandbox, of whatever network; a missing directory is empty. NULL with @error. */
GPtrArray *cni_cache_find(const char *dir, const char *container_id, const char *ifname,
                          GError **error);

/* The network's name in such a file name. */
char *cni_cache_network(const char *file, const char *container_id, const char *ifname);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(CniEntry, cni_entry_free)
