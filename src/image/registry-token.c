/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "image/registry-private.h"

#define TOKEN_LIMIT (1024 * 1024)
#define TOKEN_SECONDS_MIN 60
#define TOKEN_MARGIN_SECONDS 5
#define DESCRIPTION_LIMIT 300

static const char *const certs_roots[] = { "/etc/containers/certs.d", "/etc/docker/certs.d" };

char *registry_find_certs(const char *host) {
        for (unsigned i = 0; i < G_N_ELEMENTS(certs_roots); i++) {
                g_autofree char *path = g_build_filename(certs_roots[i], host, NULL);

                if (access(path, X_OK) == 0)
                        return g_steal_pointer(&path);
        }
        return NULL;
}

static void blot_out(GString *text, const char *secret) {
        if (secret && strlen(secret) >= 4)
                g_string_replace(text, secret, "***", 0);
}

/* {"errors": [{"code": ..., "message": ...}]}, if it is that. */
char *registry_describe(const Registry *registry, GBytes *body) {
        size_t length = 0;
        const char *data = body ? g_bytes_get_data(body, &length) : NULL;
        g_autoptr(Json) json = data ? json_parse(data, length, "answer", NULL) : NULL;
        const Json *first = json_at(json_get(json, "errors"), 0);
        const char *code = json_get_string(first, "code");
        const char *message = json_get_string(first, "message");
        GString *text = g_string_new(NULL);

        if (!code && !message)
                message = json_get_string(json, "details");
        if (code || message)
                g_string_printf(text, ": %s%s%s", code ? code : "", code && message ? ": " : "",
                                message ? message : "");
        if (registry->credentials) {
                blot_out(text, registry->credentials->password);
                blot_out(text, registry->credentials->identity_token);
                blot_out(text, registry->credentials->registry_token);
        }
        blot_out(text, registry->token);
        g_string_truncate(text, MIN(text->len, DESCRIPTION_LIMIT));
        for (char *at = text->str; *at; at++)
                if (g_ascii_iscntrl(*at))
                        *at = ' ';
        return g_string_free(text, FALSE);
}

static void append_query(GString *query, const char *name, const char *value) {
        g_autofree char *escaped = NULL;

        if (!value || !*value)
                return;
        escaped = transport_escape(value);
        if (query->len > 0)
                g_string_append_c(query, '&');
        g_string_append_printf(query, "%s=%s", name, escaped);
}

static char *host_of(const char *url) {
        const char *start = strstr(url, "://");

        return start ? g_strndup(start + 3, strcspn(start + 3, "/?#")) : NULL;
}

/* A realm is a URL of the choice of the registry: it says where credentials go. Without TLS nobody
 * knows who another host is; being insecure itself says nothing about that one. */
static bool check_realm(const Registry *registry, const char *realm, GError **error) {
        g_autofree char *shown = realm ? transport_redact(realm) : NULL;
        g_autofree char *host = realm ? host_of(realm) : NULL;
        bool is_plain = realm && g_ascii_strncasecmp(realm, "http://", 7) == 0;
        bool is_own = host && g_str_equal(host, registry->host);

        if (!realm)
                return fail(error, ERROR_UNKNOWN,
                            "%s: asks for a token but names no token server", registry->host);
        if (g_ascii_strncasecmp(realm, "https://", 8) == 0 ||
            (is_plain && registry->insecure && (is_own || !registry->credentials)))
                return true;
        return fail(error, ERROR_PERMISSION_DENIED,
                    "%s: its token server %s is not reached by https, so it gets no credentials%s",
                    registry->host, shown,
                    is_own ? "; configure the registry as insecure if you trust the network"
                           : "");
}

/* What the challenge asks for; the copy is used without the lock. */
typedef struct TokenWish {
        char *realm;
        char *service;
        char *scope;
        char *more_scope;
} TokenWish;

static void token_wish_clear(TokenWish *wish) {
        g_free(wish->realm);
        g_free(wish->service);
        g_free(wish->scope);
        g_free(wish->more_scope);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TokenWish, token_wish_clear)

static char *print_query(const Registry *registry, const TokenWish *wish) {
        const Credentials *credentials = registry->credentials;
        GString *query = g_string_new(NULL);

        if (credentials && credentials->identity_token) {
                append_query(query, "grant_type", "refresh_token");
                append_query(query, "refresh_token", credentials->identity_token);
                append_query(query, "client_id", "cri-o");
        } else if (credentials) {
                append_query(query, "account", credentials->username);
        }
        append_query(query, "service", wish->service);
        append_query(query, "scope", wish->scope);
        append_query(query, "scope", wish->more_scope);
        return g_string_free(query, FALSE);
}

/* Certificates are verified even for an insecure registry, unless it is its own token server. */
static GBytes *ask_server(Registry *registry, Transport *transport, const TokenWish *wish,
                          TransportResponse *response, GError **error) {
        g_autofree char *query = print_query(registry, wish);
        g_autofree char *url = g_strconcat(wish->realm, strchr(wish->realm, '?') ? "&" : "?", query,
                                           NULL);
        g_autofree char *basic = credentials_print_basic(registry->credentials);
        g_autofree char *host = host_of(wish->realm);
        g_autofree char *certs = host ? registry_find_certs(host) : NULL;
        TransportRequest request = { .url = url, .authorization = basic, .small = true,
                                     .certs_dir = certs };

        request.insecure = registry->insecure && host &&
                           (g_str_equal(host, registry->host) ||
                            g_ascii_strncasecmp(wish->realm, "http://", 7) == 0);
        if (registry->credentials && registry->credentials->identity_token) {
                request.url = wish->realm;
                request.form = query;
                request.authorization = NULL;
        }
        return transport_fetch(transport, &request, TOKEN_LIMIT, response, error);
}

static char *read_token(Registry *registry, GBytes *body, gint64 *ret_seconds, GError **error) {
        size_t length;
        const char *data = g_bytes_get_data(body, &length);
        g_autoptr(Json) json = json_parse(data ? data : "", length, "token", NULL);
        const char *token = json_get_string(json, "token");

        if (!token || !*token)
                token = json_get_string(json, "access_token");
        if (!token || !*token || strpbrk(token, "\r\n"))
                return fail_null(error, ERROR_UNKNOWN, "%s: its token server sent no token",
                                 registry->host);
        *ret_seconds = CLAMP(json_get_int(json, "expires_in", 0), TOKEN_SECONDS_MIN, 86400);
        return g_strdup(token);
}

static char *fetch_token(Registry *registry, Transport *transport, const TokenWish *wish,
                         gint64 *ret_seconds, GError **error) {
        g_auto(TransportResponse) response = { 0 };
        g_autofree char *shown = NULL;
        g_autofree char *said = NULL;
        g_autoptr(GBytes) body = NULL;

        if (!check_realm(registry, wish->realm, error))
                return NULL;
        shown = transport_redact(wish->realm);
        body = ask_server(registry, transport, wish, &response, error);
        if (!body) {
                g_prefix_error(error, "%s: token: ", registry->host);
                return NULL;
        }
        if (response.status == 200)
                return read_token(registry, body, ret_seconds, error);
        said = registry_describe(registry, body);
        if (response.status == 401 || response.status == 403)
                return fail_null(error, ERROR_PERMISSION_DENIED,
                                 "%s: unauthorized: the token server %s refuses %s (HTTP %ld)%s",
                                 registry->host, shown,
                                 registry->credentials ? "these credentials"
                                                       : "access without credentials",
                                 response.status, said);
        return fail_null(error, ERROR_UNKNOWN, "%s: the token server %s answers HTTP %ld%s",
                         registry->host, shown, response.status, said);
}

/* Copies what is known; the scheme that has to be answered. */
static ChallengeScheme read_state(Registry *registry, TokenWish *wish, char **ret_token) {
        lock_guard(&registry->lock);

        if (registry->token && clock_monotonic_usec() < registry->token_end_usec)
                *ret_token = g_strdup(registry->token);
        if (!registry->challenge)
                return CHALLENGE_NONE;
        wish->realm = g_strdup(registry->challenge->realm);
        wish->service = g_strdup(registry->challenge->service);
        wish->scope = g_strdup_printf("repository:%s:pull", registry->path);
        wish->more_scope = g_strdup(registry->more_scope);
        return registry->challenge->scheme;
}

static void keep_token(Registry *registry, const char *token, gint64 seconds) {
        lock_guard(&registry->lock);

        g_free(registry->token);
        registry->token = g_strdup(token);
        registry->token_end_usec = clock_deadline_usec(seconds - TOKEN_MARGIN_SECONDS);
}

bool registry_authorize(Registry *registry, Transport *transport, char **ret_value,
                        GError **error) {
        g_auto(TokenWish) wish = { 0 };
        g_autofree char *token = NULL;
        gint64 seconds = 0;
        ChallengeScheme scheme;

        *ret_value = NULL;
        if (registry->credentials && registry->credentials->registry_token) {
                *ret_value = g_strconcat("Bearer ", registry->credentials->registry_token, NULL);
                return true;
        }
        scheme = read_state(registry, &wish, &token);
        if (scheme == CHALLENGE_BASIC)
                *ret_value = credentials_print_basic(registry->credentials);
        if (scheme != CHALLENGE_BEARER)
                return true;
        if (!token) {
                token = fetch_token(registry, transport, &wish, &seconds, error);
                if (!token)
                        return false;
                keep_token(registry, token, seconds);
        }
        *ret_value = g_strconcat("Bearer ", token, NULL);
        return true;
}

bool registry_take_challenge(Registry *registry, const TransportResponse *response,
                             const char *used) {
        g_autoptr(Challenge) challenge = challenge_parse(response->challenges);
        lock_guard(&registry->lock);

        if (challenge->scheme == CHALLENGE_NONE ||
            (registry->credentials && registry->credentials->registry_token))
                return false;
        if (challenge->scheme == CHALLENGE_BASIC && (used || !registry->credentials))
                return false;
        if (g_strcmp0(challenge->error, "insufficient_scope") == 0 && challenge->scope) {
                g_free(registry->more_scope);
                registry->more_scope = g_strdup(challenge->scope);
        }
        /* Another thread may have a newer one already. */
        if (used && registry->token && g_str_has_suffix(used, registry->token))
                g_clear_pointer(&registry->token, g_free);
        challenge_free(registry->challenge);
        registry->challenge = g_steal_pointer(&challenge);
        return true;
}
