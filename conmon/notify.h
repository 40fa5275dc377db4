/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Notify - passes the container's sd-notify messages on to the service manager of the host.
 *
 * Owner    Embedded in the Monitor.
 * Threads  One.
 * Disk     <bundle>/notify/notify.sock, which the container sees through a mount.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conmon/text.h"

typedef struct Monitor Monitor;

typedef struct Notify {
        int listen_fd;
        int host_fd;
} Notify;

/* notify_filter() - adds the lines of @message that may leave the container to @ret_lines */
void notify_filter(const char *message, size_t length, Text *ret_lines);

void notify_init(Notify *notify);
void notify_open(Monitor *monitor);
void notify_on_message(Monitor *monitor, unsigned index, uint32_t events);
