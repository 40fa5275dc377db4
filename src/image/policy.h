/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Policy - the host's containers-policy.json: which images may be pulled.
 *
 * Owner    Whoever loaded it. Requirements that accept or reject are carried out; those that
 *          demand a signature are understood and refuse the image, since signatures cannot be
 *          checked yet.
 */

#include <glib.h>
#include <stdbool.h>

#include "storage/reference.h"

typedef struct Policy Policy;

/* @namespace_dir/@name_space.json if that exists; else @file, which must; else the user's, then
 * the host's file; else everything is accepted. All may be NULL or "". */
Policy *policy_load(const char *file, const char *namespace_dir, const char *name_space,
                    GError **error);

/* The text of one such file; @name goes into errors. */
Policy *policy_parse(const char *text, size_t length, const char *name, GError **error);
void policy_free(Policy *policy);

/* False with SIGNATURE_VALIDATION_FAILED when the image may not be pulled. */
bool policy_check(const Policy *policy, const ImageReference *reference, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Policy, policy_free)
