/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/lock.h"
#include "image/challenge.h"
#include "image/registry.h"

struct Registry {
        char *host; /* docker.io's own is replaced by the one that serves it */
        char *path;
        char *base; /* scheme://host/v2/, once connected */
        char *certs_dir;
        bool insecure;
        Credentials *credentials; /* NULL: none */

        Lock lock;
        Challenge *challenge; /* the last one */
        char *token;          /* NULL: none yet */
        gint64 token_end_usec;
        char *more_scope; /* what the registry asked for on top */
};

/* registry-token */

/* The value of the Authorization header for the next request, NULL in it when none; a token is
 * fetched when there is none that holds. */
bool registry_authorize(Registry *registry, Transport *transport, char **ret_value, GError **error);

/* A 401 came: take its challenge and forget the token that was used. False when asking again is
 * of no use. */
bool registry_take_challenge(Registry *registry, const TransportResponse *response,
                             const char *used);

/* Directory with certificates for a host; NULL when there is none. Free with g_free(). */
char *registry_find_certs(const char *host);

/* What a registry says of its failure, for people: no secrets of ours, one line, short. Free with
 * g_free(). */
char *registry_describe(const Registry *registry, GBytes *body);
