/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * seccomp-profile - the object linux.seccomp of the OCI runtime specification.
 *
 * Threads  Any. Results belong to the caller: json_free().
 *
 * @caps are the capabilities that the container will have (bits as in capability.h): rules may ask
 * for them. Pass what it really gets, not what was asked for.
 */

#include <glib.h>
#include <stdbool.h>

#include "base/json.h"

/* Names of this machine and of those whose programs it runs too ("SCMP_ARCH_X86_64", ...), the own
 * one first; NULL at the end. Static. */
const char *const *seccomp_profile_architectures(void);

/* Our own profile (seccomp-profile.def). */
Json *seccomp_profile_default(guint64 caps);

/* A profile file, in the containers format (archMap, includes, excludes, minKernel) or in that of
 * the specification. An empty or relative path, a file that is missing, not regular, larger than
 * 1 MiB or not understood in any part is an error: there is no falling back to no filter.
 * @architectures: the machine to choose rules for, then its kin; NULL for this machine. */
bool seccomp_profile_load(const char *path, guint64 caps, const char *const *architectures,
                          Json **ret_profile, GError **error);

/* The same for JSON from elsewhere; @name goes into errors. */
bool seccomp_profile_parse(const Json *file, const char *name, guint64 caps,
                           const char *const *architectures, Json **ret_profile, GError **error);
