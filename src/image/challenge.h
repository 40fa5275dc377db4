/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Challenge - what a registry wants to be shown: the WWW-Authenticate headers of an answer.
 *
 * Owner    Whoever parsed it.
 */

#include <glib.h>
#include <stdbool.h>

typedef enum ChallengeScheme {
        CHALLENGE_NONE, /* nothing that we can answer */
        CHALLENGE_BASIC,
        CHALLENGE_BEARER,
} ChallengeScheme;

typedef struct Challenge {
        ChallengeScheme scheme;
        char *realm;   /* bearer: URL of the token server; NULL when absent, as those below */
        char *service;
        char *scope;
        char *error;
} Challenge;

/* The first challenge of all @headers (values, strings) that is basic or bearer. Never fails:
 * what cannot be read is no challenge. */
Challenge *challenge_parse(const GPtrArray *headers);
void challenge_free(Challenge *challenge);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Challenge, challenge_free)
