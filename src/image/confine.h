/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * confine - gives up what a pull does not need, before the first foreign byte is read.
 *
 * Threads  Before any other thread exists; what is given up is given up for all that follow.
 *
 * Afterwards: no new privileges; the capabilities to write files of any owner and kind, and no
 * other; the image store writable, the files that name resolution and TLS need readable, the rest
 * of the file system not there (where the kernel has Landlock); no program can be run, nothing
 * mounted, traced or signalled.
 */

#include <glib.h>
#include <stdbool.h>

bool confine_self(const char *store_root, GError **error);

/* The four parts, for tests. */
/* true without Landlock in the kernel, too */
bool confine_files(const char *store_root, GError **error);
bool confine_capabilities(GError **error);
bool confine_calls(GError **error);
void confine_limits(void);
