/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * capability - names and masks of Linux capabilities. Threads: any.
 *
 * A mask has bit 1 << number for each capability.
 */

#include <glib.h>
#include <linux/capability.h>
#include <stdbool.h>

#define CAPABILITY_BIT(number) (G_GUINT64_CONSTANT(1) << (number))

/* All capabilities that both this kernel and this program know. */
guint64 capability_all(void);

/* Our own bounding set: nothing that we start can have more than this. */
guint64 capability_bounding(void);

/* Our own effective set. */
guint64 capability_effective(void);

/* "CAP_CHOWN"; NULL for a number without name. Static. */
const char *capability_get_name(unsigned number);

/* A name with or without "CAP_", in any case, or "ALL", as a mask; INVALID_ARGUMENT when it is
 * unknown to this program or to this kernel. */
bool capability_parse(const char *name, guint64 *ret_mask, GError **error);

/* The names of a mask in the order of their numbers; free with g_strfreev(). */
GStrv capability_names(guint64 mask);
