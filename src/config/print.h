/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* print - a configuration as TOML with comments, in a form that loads again. */

#include "config/config.h"

/* @defaults: every option with its default. Otherwise every option with its value, commented out
 * where that is the default. Free with g_free(). */
char *config_print(const Config *config, bool defaults);
