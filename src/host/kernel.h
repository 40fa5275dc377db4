/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* kernel - what this kernel can do and what it lets us do; asked once. Threads: any. */

#include <glib.h>
#include <stdbool.h>

/* By uname(); for what cannot be asked in another way. */
bool kernel_is_at_least(unsigned major, unsigned minor);
const char *kernel_get_release(void); /* static */

bool kernel_has_filesystem(const char *type); /* now: a module may come later */
bool kernel_has_recursive_readonly(void);     /* mount_setattr(), 5.12 */
bool kernel_has_idmapped_mounts(void);        /* the same call; each file system has a say too */
bool kernel_has_overlay_volatile(void);       /* 5.10 */
bool kernel_has_overlay_append(void);         /* fsconfig "lowerdir+", 6.7 */

/* The nearest oom_score_adj to @wanted that we can give to a process of ours: without
 * CAP_SYS_RESOURCE in the first user namespace nothing below our own value is allowed. Never
 * outside -1000..1000. */
int oom_score_adj_clamp(int wanted);
