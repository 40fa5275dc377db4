/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Listener - the Unix socket; sorts connections by their first bytes.
 *
 * Owner    The server. Threads: main thread only.
 */

#include <glib.h>
#include <stdbool.h>

typedef struct Listener Listener;

/* @is_http2: the client preface was seen. @fd is non-blocking and consumed. */
typedef void (*ListenerFunc)(void *data, int fd, bool is_http2);

Listener *listener_new(const char *path, ListenerFunc func, void *data, GError **error);
/* ALREADY_EXISTS when somebody serves @path; a dead socket is removed. */
bool listener_probe(const char *path, GError **error);
void listener_free(Listener *listener); /* closes and unlinks */
