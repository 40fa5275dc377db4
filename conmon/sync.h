/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Sync - the pipes on which the caller waits for answers and on which it lets us go on.
 *
 * One answer is one write: a caller's packet socket keeps the borders.
 */

#include <stdbool.h>
#include <stddef.h>

typedef struct Monitor Monitor;

void sync_open(Monitor *monitor);
void sync_wait_start(Monitor *monitor);
void sync_send(Monitor *monitor, int *fd, int number, const char *message, size_t length);
