/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/error.h"
#include "image/transport-private.h"

G_DEFINE_AUTOPTR_CLEANUP_FUNC(CURLU, curl_url_cleanup)

static CURLU *parse(const char *url) {
        CURLU *parsed = curl_url();

        if (parsed && curl_url_set(parsed, CURLUPART_URL, url, 0) == CURLUE_OK)
                return parsed;
        curl_url_cleanup(parsed);
        return NULL;
}

static char *get(CURLU *url, CURLUPart part, unsigned flags) {
        char *text = NULL;
        char *copy;

        if (curl_url_get(url, part, &text, flags) != CURLUE_OK)
                return NULL;
        copy = g_strdup(text);
        curl_free(text);
        return copy;
}

static char *get_origin(const char *url) {
        g_autoptr(CURLU) parsed = parse(url);
        g_autofree char *scheme = parsed ? get(parsed, CURLUPART_SCHEME, 0) : NULL;
        g_autofree char *host = parsed ? get(parsed, CURLUPART_HOST, 0) : NULL;
        g_autofree char *port = parsed ? get(parsed, CURLUPART_PORT, CURLU_DEFAULT_PORT) : NULL;
        g_autofree char *origin = NULL;

        if (!scheme || !host || !port)
                return NULL;
        origin = g_strconcat(scheme, "://", host, ":", port, NULL);
        return g_ascii_strdown(origin, -1);
}

bool transport_same_origin(const char *a, const char *b) {
        g_autofree char *first = get_origin(a);
        g_autofree char *second = get_origin(b);

        return first && second && g_str_equal(first, second);
}

char *transport_check_redirect(const char *from, const char *target, bool insecure,
                               GError **error) {
        g_autoptr(CURLU) parsed = parse(target);
        g_autofree char *scheme = parsed ? get(parsed, CURLUPART_SCHEME, 0) : NULL;
        g_autofree char *name = transport_redact(from);

        if (!scheme || (!g_str_equal(scheme, "https") && !g_str_equal(scheme, "http")))
                return fail_null(error, ERROR_UNKNOWN,
                                 "%s: redirected to what is no http or https URL",
                                 name);
        if (g_str_equal(scheme, "http") && g_str_has_prefix(from, "https:") && !insecure)
                return fail_null(error, ERROR_UNKNOWN,
                                 "%s: redirected from https to http, which is refused", name);
        curl_url_set(parsed, CURLUPART_USER, NULL, 0);
        curl_url_set(parsed, CURLUPART_PASSWORD, NULL, 0);
        curl_url_set(parsed, CURLUPART_FRAGMENT, NULL, 0);
        return get(parsed, CURLUPART_URL, 0);
}

char *transport_redact(const char *url) {
        g_autoptr(CURLU) parsed = parse(url);
        g_autofree char *scheme = parsed ? get(parsed, CURLUPART_SCHEME, 0) : NULL;
        g_autofree char *host = parsed ? get(parsed, CURLUPART_HOST, 0) : NULL;
        g_autofree char *port = parsed ? get(parsed, CURLUPART_PORT, 0) : NULL;
        g_autofree char *path = parsed ? get(parsed, CURLUPART_PATH, 0) : NULL;

        if (!scheme || !host)
                return g_strdup("(unreadable URL)");
        return g_strconcat(scheme, "://", host, port ? ":" : "", port ? port : "", path, NULL);
}

char *transport_escape(const char *text) {
        return g_uri_escape_string(text, NULL, FALSE);
}
