/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Transport - HTTP requests over kept-alive connections; libcurl is used in transport*.c only.
 *
 * Owner    Whoever made it; a TransportBody must be closed before its transport is freed.
 * Threads  One at a time; each worker has its own. transport_init() once before any thread.
 *
 * A redirect to another host, port or scheme loses the authorization, and one from https to http
 * is refused unless the request is insecure. Errors name the host and never a query or user name.
 * Everything stops when the worker is cancelled.
 */

#include <glib.h>
#include <stdbool.h>

#include "image/source.h"

typedef struct Transport Transport;
typedef struct TransportBody TransportBody;

typedef struct TransportRequest {
        const char *url;
        const char *authorization; /* value of the header; NULL: none */
        const char *const *accept; /* values of Accept headers; NULL: none */
        const char *form;          /* body of a POST; NULL: GET */
        bool insecure;             /* certificates are not verified */
        bool small;                /* two minutes of silence end it; a layer may be slow */
        guint64 offset;            /* > 0: Range from there to the end */
        const char *certs_dir;     /* certificates for this host; NULL: none */
} TransportRequest;

typedef struct TransportResponse {
        long status;
        char *content_type;    /* without parameters, lower case; "" when absent */
        GPtrArray *challenges; /* values of WWW-Authenticate */
        char *retry_after;     /* NULL when absent, as those below */
        char *content_range;
        gint64 content_length; /* -1 when unknown */
} TransportResponse;

void transport_response_clear(TransportResponse *response);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TransportResponse, transport_response_clear)

bool transport_init(GError **error);
Transport *transport_new(void);
void transport_free(Transport *transport);

/* The answer, whatever its status, with a body of at most @limit bytes. Network trouble is
 * REGISTRY_UNAVAILABLE. */
GBytes *transport_fetch(Transport *transport, const TransportRequest *request, size_t limit,
                        TransportResponse *ret_response, GError **error);

/* As above, but return once the headers are here. Close with transport_body_close(). */
TransportBody *transport_open(Transport *transport, const TransportRequest *request,
                              TransportResponse *ret_response, GError **error);

/* The next bytes, valid until the next call; 0 at the end; -1 with @error. */
ssize_t transport_body_read(TransportBody *body, const guint8 **ret_data, GError **error);
void transport_body_close(TransportBody *body);

/* All that is left of it, at most @limit bytes; RESOURCE_EXHAUSTED when it is more. */
GBytes *transport_body_read_all(TransportBody *body, size_t limit, GError **error);

/* "https://host:port/path" of a URL for people: no user, password, query or fragment. Free with
 * g_free(). */
char *transport_redact(const char *url);

/* Percent-encode a value for a query or form; free with g_free(). */
char *transport_escape(const char *text);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Transport, transport_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TransportBody, transport_body_close)
