/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <pthread.h>

#include "base/lock.h"
#include "base/watch.h"
#include "network/cni-config.h"
#include "network/network.h"

struct Network {
        char *config_dir;
        GStrv plugin_dirs;
        char *default_network;
        char *cache_dir;
        char *owner;
        char *daemon_args; /* our own CNI_ARGS */

        /* main thread */
        GPtrArray *watches;
        guint rewatch; /* source that sets the watches up again */

        Lock lock; /* for all below; leaf */
        char *signature;    /* of the directories when they were read; NULL: read again */
        GPtrArray *configs; /* of CniConfig, all usable ones in the order of their files */
        CniConfig *current; /* the default one, or NULL */
        char *reason;       /* why there is none */
        GSList *waiters;    /* descriptors to write to when anything changed */

        bool status_good;    /* the last STATUS, or none was needed */
        CniConfig *asked;    /* what status_good is about */
        char *status_reason;
        bool asking;         /* the thread runs */
        bool thread_made;    /* it is to be joined */
        pthread_t thread;
        int stop_fd;

        /* the gate between GC and the rest */
        pthread_cond_t gate;
        unsigned running;
        bool collecting;
};

/* network-ready.c: which configuration, and may it be used */
void network_ready_init(Network *network);
void network_ready_clear(Network *network);
/* The default network, a new reference, or NULL with the reason. */
CniConfig *network_find_current(Network *network, char **ret_reason);
/* The same whether or not its STATUS is good. */
CniConfig *network_find_default(Network *network);
/* By name among the usable ones; NULL when there is none. */
CniConfig *network_find_named(Network *network, const char *name);
