/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Rotation of a log at its size limit: PATH becomes PATH.1, that PATH.2, up to --log-max-files.
 */

#include <stdbool.h>

#include "conmon/options.h"

bool log_rotate_is_allowed(const Options *options, const char *path);
bool log_rotate(const Options *options, const char *path, int fd);
