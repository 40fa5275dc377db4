/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * FakeServer - a web server on loopback for tests: every connection is one request, a function
 * answers.
 *
 * Threads  One of its own, which calls the function.
 */

#include <glib.h>

typedef struct FakeServer FakeServer;

/* The whole answer with its head, or NULL to hang up. @request: head and body. @count: requests
 * before this one. */
typedef char *(*FakeAnswer)(const char *request, unsigned count, void *data);

FakeServer *fake_server_new(FakeAnswer answer, void *data);
void fake_server_free(FakeServer *server);

/* "127.0.0.1:port", borrowed. */
const char *fake_server_get_host(const FakeServer *server);

/* What was asked so far, one string for each request; a copy. */
GPtrArray *fake_server_get_requests(FakeServer *server);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(FakeServer, fake_server_free)
