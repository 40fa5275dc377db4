/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Message - what the monitor says about itself: to stderr and, with --syslog, to /dev/log.
 *
 * A message is a list of strings that ends in NULL; the macros add it.
 */

#include <stdbool.h>
#include <stdnoreturn.h>

typedef struct Monitor Monitor;

typedef enum MessageLevel {
        MESSAGE_ERROR,
        MESSAGE_WARNING,
        MESSAGE_INFO,
        MESSAGE_DEBUG,
        MESSAGE_TRACE,
} MessageLevel;

bool message_level_parse(const char *name, MessageLevel *ret_level);

void message_send(Monitor *monitor, MessageLevel level, const char *first, ...)
        __attribute__((sentinel));
noreturn void message_die(Monitor *monitor, const char *first, ...) __attribute__((sentinel));

#define warn(monitor, ...) message_send(monitor, MESSAGE_WARNING, __VA_ARGS__, NULL)
#define debug(monitor, ...) message_send(monitor, MESSAGE_DEBUG, __VA_ARGS__, NULL)
#define die(monitor, ...) message_die(monitor, __VA_ARGS__, NULL)
