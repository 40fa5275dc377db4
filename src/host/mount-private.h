/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "host/mount.h"

/* The way of kernels before 6.7, for its test. */
bool mount_overlay_classic(const MountOverlay *overlay, const char *target, GError **error);
