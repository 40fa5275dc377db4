/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* process-tree - a process with all that descends from it. Threads: any. */

#include <stdbool.h>
#include <sys/types.h>

#include <glib.h>

/* The parent of a process; 0 when it is gone. */
pid_t process_tree_parent(pid_t pid);

/* A number of /proc/PID/stat, counted as in proc(5) from 4 on; false when the process is gone. */
bool process_tree_field(pid_t pid, unsigned field, guint64 *ret_value);

/* SIGKILL @pid, which must be a child or grandchild of @ancestor, with its process group when it
 * leads one and all descendants, and wait until none of them runs any more, at most @deadline_usec.
 * They are stopped first, so that none can escape by a fork while the tree is read. Every one is
 * held by a pidfd: no stranger is hit. */
void process_tree_kill(pid_t pid, pid_t ancestor, gint64 deadline_usec);
