/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Console - the socket through which an OCI runtime hands over the terminal it made.
 */

#include <stdbool.h>

typedef struct Monitor Monitor;

void console_open(Monitor *monitor);
int console_receive(Monitor *monitor);
void console_close(Monitor *monitor);
