/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * cancel - one flag for the whole worker: a signal, a caller that went away, or the first failure
 * of a layer makes every thread stop at its next chunk.
 *
 * Threads  Any, signal handlers too.
 */

#include <glib.h>
#include <stdbool.h>

/* Once, before any thread: SIGTERM and SIGINT set the flag from then on. */
bool cancel_init(GError **error);

void cancel_set(void);
bool cancel_is_set(void);

/* Readable once the flag is set; -1 before cancel_init(). Borrowed. */
int cancel_get_fd(void);

/* Wait @seconds, or less when the flag is set: then false with CANCELLED. */
bool cancel_wait(guint seconds, GError **error);

/* False with CANCELLED when the flag is set. */
bool cancel_check(GError **error);
