/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * daemon - builds everything from a finished configuration, runs the main loop, shuts down.
 */

#include "config/config.h"

/* Returns the exit status of the process. */
int daemon_run(Config *config);
