/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * report - what the daemon is told: one line of JSON on stdout for each message.
 *
 * Threads  Any; a line is one write(). When nobody reads any more, the worker is cancelled.
 */

#include <glib.h>
#include <stdbool.h>

/* Another descriptor than stdout; borrowed. */
void report_set_fd(int fd);

void report_progress(const char *digest, guint64 offset, guint64 size);
void report_reuse(const char *digest); /* of the content: a layer that is here already */
void report_result(const char *image_id, const char *image_ref);
void report_adopted(const char *image_id, const GError *problem); /* NULL: it was */
void report_error(const GError *error);
