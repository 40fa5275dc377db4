/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * adopt - gives images that podman or the Go daemon brought into the store the record that our
 * daemon reads: their configuration is foreign bytes, so this is a worker's job.
 */

#include <glib.h>
#include <stdbool.h>

/* @text: {"root": ..., "images": [id, ...]}. An image that cannot be adopted is reported and passed
 * over; false only when nothing can be done at all. */
bool adopt_run(const char *text, size_t length, GError **error);
