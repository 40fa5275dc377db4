/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "host/selinux-label.h"

/* The parts of the work that need no SELinux in the kernel, for their tests. */

/* A context of the policy with the wished parts put in. @level NULL keeps that of @base. A part
 * with characters that no part may have is refused. */
bool selinux_label_compose(const char *base, const SelinuxWish *wish, const char *level,
                           char **ret_label, GError **error);

/* The value of "key = "value"" in the text of lxc_contexts; NULL when it is not there. */
char *selinux_label_find_base(const char *text, const char *key);

/* A level with two categories that are free, and are taken now. */
bool selinux_label_pick(const char *sensitivity, char **ret_level, GError **error);

bool selinux_label_is_protected(const char *path);
bool selinux_label_set(const char *path, const char *label, bool recursive, GError **error);
