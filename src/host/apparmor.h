/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* apparmor - what the kernel knows of profiles. Threads: any. */

#include <glib.h>
#include <stdbool.h>

/* Whether AppArmor is on; asked once. */
bool apparmor_is_enabled(void);

/* Whether the kernel has a profile of this name now. UNKNOWN as an error when the list cannot be
 * read. */
bool apparmor_has_profile(const char *name, bool *ret_has, GError **error);
