/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * tree - remove a directory tree that may have been made by somebody hostile.
 *
 * Constant number of descriptors and bounded memory, whatever the depth; nothing is followed and no
 * other file system is entered (a mount inside is an error).
 */

#include <glib.h>
#include <stdbool.h>

/* Remove @name in @dfd with all that is in it. A missing name succeeds. */
bool tree_remove(int dfd, const char *name, GError **error);
