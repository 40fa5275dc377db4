/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * cni-result - what an ADD printed, in any version of the format: 0.1 and 0.2 ("ip4", "ip6"), 0.3
 * and 0.4 (ips with "version"), 1.x.
 *
 * Threads  Any. A result is hostile until it was parsed here: every address in it is checked.
 */

#include <glib.h>
#include <stdbool.h>

#include "base/json.h"

/* Parse and bring into the form of @version, unchanged where it already has that form. @source
 * goes into errors. */
Json *cni_result_parse(const char *text, size_t length, const char *version, const char *source,
                       GError **error);

/* A copy in the form of @version; NULL when @result is of a version that we do not know. */
Json *cni_result_convert(const Json *result, const char *version, GError **error);

/* Addresses without prefix length, in order, in their shortest spelling; NULL when one is none. */
GStrv cni_result_addresses(const Json *result, GError **error);
