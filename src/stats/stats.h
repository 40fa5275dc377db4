/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Stats - numbers of cgroups, roots and interfaces as CRI wants them, taken when they are asked
 * for.
 *
 * Owner    The daemon; it keeps the last CPU sample of each container for the rate. Threads: any.
 * The answers live in the arena of the call. What cannot be read is left out.
 */

#include "base/arena.h"
#include "cri/types.h"
#include "pod/container.h"
#include "pod/sandbox.h"

typedef struct Stats Stats;

Stats *stats_new(PodContext *context);

/* NULL for a container that has ended: it uses nothing. */
CriContainerStats *stats_of_container(Stats *stats, Arena *arena, Container *container);
CriPodSandboxStats *stats_of_sandbox(Stats *stats, Arena *arena, Sandbox *sandbox);

/* stats-network.c: counters of every interface in a network namespace; NULL when it cannot be
 * entered. */
CriNetworkUsage *stats_read_network(Arena *arena, const char *netns, gint64 now_ns);
