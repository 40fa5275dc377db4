/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

/* Whether the kernel's list has the profile. */
bool apparmor_list_has(const char *list, const char *name);
