/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* command - the sub-commands that need no daemon. */

#include "config/arguments.h"

/* Run it if it is one of them; @ret_status is the exit status. False: it is another one. */
bool config_command(const Arguments *arguments, int *ret_status);
