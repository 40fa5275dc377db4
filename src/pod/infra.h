/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * infra - the pause process that holds a shared PID namespace open; the last two stages of a
 * sandbox that needs one, nothing for all others.
 */

#include <glib.h>
#include <stdbool.h>

bool infra_root_up(void *sandbox, GError **error);
bool infra_root_down(void *sandbox, GError **error);
bool infra_up(void *sandbox, GError **error);
bool infra_down(void *sandbox, GError **error);
