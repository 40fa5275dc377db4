/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Exit - what is left to do when the container is gone, in the order callers rely on.
 *
 * Disk     <persist-dir>/exit, then <exit-dir>/<cid>: the exit status in decimal, published whole.
 */

#include <stdnoreturn.h>

typedef struct Monitor Monitor;

void exit_lower_oom_score(Monitor *monitor);
void exit_restore_oom_score(const Monitor *monitor);

noreturn void exit_finish(Monitor *monitor);
noreturn void exit_leave(Monitor *monitor, int status);
