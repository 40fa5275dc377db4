/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * PodContext - what sandboxes and containers need of the rest of the house.
 *
 * Owner    The daemon; lives longer than any sandbox. Threads: any; the members are set once at
 * start.
 */

#include "base/lock.h"
#include "config/config.h"
#include "images/pull.h"
#include "network/network.h"
#include "network/portmap.h"
#include "runtime/runtime.h"
#include "storage/store.h"

typedef struct Exits Exits;
typedef struct Registry Registry;

typedef struct PodContext {
        Config *config;
        Store *store;
        Images *images;
        Network *network;
        PortMapper *ports;
        RuntimeTable *runtimes;
        Registry *registry;
        Exits *exits;
        int state_dfd; /* <runroot>/crio: sandboxes/ID.json, containers/ID.json */
        int stop_fd;   /* readable once the daemon stops */
} PodContext;
