/* SPDX-License-Identifier: Apache-2.0 */
#include "image/challenge.h"

#include <string.h>

#define TOKEN                                                                                      \
        "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

void challenge_free(Challenge *challenge) {
        if (!challenge)
                return;
        g_free(challenge->realm);
        g_free(challenge->service);
        g_free(challenge->scope);
        g_free(challenge->error);
        g_free(challenge);
}

static const char *skip(const char *at) {
        return at + strspn(at, " \t,");
}

/* A quoted string with its escapes, or a token; NULL when it does not end. */
static const char *parse_value(const char *at, char **ret_value) {
        g_autoptr(GString) value = g_string_new(NULL);

        if (*at != '"') {
                size_t length = strcspn(at, " \t,");

                *ret_value = g_strndup(at, length);
                return at + length;
        }
        for (at++; *at && *at != '"'; at++) {
                if (*at == '\\' && at[1])
                        at++;
                g_string_append_c(value, *at);
        }
        if (*at != '"')
                return NULL;
        *ret_value = g_string_free(g_steal_pointer(&value), FALSE);
        return at + 1;
}

static void keep(Challenge *challenge, const char *name, char *take_value) {
        char **slot = NULL;

        if (g_ascii_strcasecmp(name, "realm") == 0)
                slot = &challenge->realm;
        else if (g_ascii_strcasecmp(name, "service") == 0)
                slot = &challenge->service;
        else if (g_ascii_strcasecmp(name, "scope") == 0)
                slot = &challenge->scope;
        else if (g_ascii_strcasecmp(name, "error") == 0)
                slot = &challenge->error;
        if (!slot || *slot) {
                g_free(take_value);
                return;
        }
        *slot = take_value;
}

/* name=value pairs up to the next scheme or the end. */
static const char *parse_parameters(Challenge *challenge, const char *at) {
        for (at = skip(at); *at;) {
                size_t length = strspn(at, TOKEN);
                const char *after = at + length + strspn(at + length, " \t");
                g_autofree char *name = g_strndup(at, length);
                char *value = NULL;

                if (length == 0)
                        return NULL;
                if (*after != '=')
                        return at; /* a word alone: the next scheme */
                after++;
                at = parse_value(after + strspn(after, " \t"), &value);
                if (!at)
                        return NULL;
                keep(challenge, name, value);
                at = skip(at);
        }
        return at;
}

static ChallengeScheme scheme_of(const char *word) {
        if (g_ascii_strcasecmp(word, "basic") == 0)
                return CHALLENGE_BASIC;
        return g_ascii_strcasecmp(word, "bearer") == 0 ? CHALLENGE_BEARER : CHALLENGE_NONE;
}

static Challenge *parse_header(const char *text) {
        const char *at = skip(text);

        while (at && *at) {
                g_autoptr(Challenge) challenge = g_new0(Challenge, 1);
                size_t length = strspn(at, TOKEN);
                g_autofree char *word = g_strndup(at, length);

                if (length == 0)
                        return NULL;
                challenge->scheme = scheme_of(word);
                at = parse_parameters(challenge, at + length);
                if (challenge->scheme != CHALLENGE_NONE && at)
                        return g_steal_pointer(&challenge);
        }
        return NULL;
}

Challenge *challenge_parse(const GPtrArray *headers) {
        for (unsigned i = 0; i < headers->len; i++) {
                Challenge *challenge = parse_header(headers->pdata[i]);

                if (challenge)
                        return challenge;
        }
        return g_new0(Challenge, 1);
}
