/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * bundle - the folder that an OCI runtime is given.
 *
 * Disk     <bundle>/config.json, mode 0600: it holds the container's environment. Threads: any.
 */

#include <glib.h>
#include <stdbool.h>

#include "base/json.h"

#define BUNDLE_SPEC_LIMIT ((size_t)32 * 1024 * 1024)

/* Publish the spec; the folder exists. */
bool bundle_write(const char *bundle, const Json *spec, GError **error);

/* Read it back; NULL with @error. */
Json *bundle_read(const char *bundle, GError **error);
