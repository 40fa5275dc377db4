/* SPDX-License-Identifier: Apache-2.0 */
#include "image/registry.h"

#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "image/cancel.h"
#include "image/manifest.h"
#include "image/registry-private.h"

#define ERROR_BODY_LIMIT (1024 * 1024)
#define BUSY_TRIES 5
#define BUSY_SECONDS 2
#define BUSY_SECONDS_MAX 60
#define CHALLENGE_TRIES 2
#define RESUME_BYTES (1024 * 1024)
#define RESUME_SECONDS 60

Registry *registry_new(const char *host, const char *path, bool insecure,
                       const Credentials *credentials) {
        Registry *registry = g_new0(Registry, 1);

        registry->host = g_strdup(g_str_equal(host, "docker.io") ? "registry-1.docker.io" : host);
        registry->path = g_strdup(path);
        registry->insecure = insecure;
        registry->credentials = credentials_copy(credentials);
        registry->certs_dir = registry_find_certs(host);
        lock_init(&registry->lock, LOCK_RANK_LEAF);
        return registry;
}

void registry_free(Registry *registry) {
        if (!registry)
                return;
        lock_clear(&registry->lock);
        g_free(registry->host);
        g_free(registry->path);
        g_free(registry->base);
        g_free(registry->certs_dir);
        credentials_free(registry->credentials);
        challenge_free(registry->challenge);
        g_free(registry->token);
        g_free(registry->more_scope);
        g_free(registry);
}

const char *registry_get_host(const Registry *registry) {
        return registry->host;
}

static bool ping(Registry *registry, Transport *transport, const char *scheme, GError **error) {
        g_autofree char *base = g_strconcat(scheme, "://", registry->host, "/v2/", NULL);
        TransportRequest request = { .url = base, .small = true, .insecure = registry->insecure,
                                     .certs_dir = registry->certs_dir };
        g_auto(TransportResponse) response = { 0 };
        g_autoptr(GBytes) body = transport_fetch(transport, &request, ERROR_BODY_LIMIT, &response,
                                                 error);

        if (!body)
                return false;
        if (response.status >= 500)
                return fail(error, ERROR_REGISTRY_UNAVAILABLE, "%s: HTTP %ld", base,
                            response.status);
        if (response.status != 200 && response.status != 401)
                return fail(error, ERROR_UNKNOWN, "%s: HTTP %ld: this is no image registry", base,
                            response.status);
        registry->base = g_steal_pointer(&base);
        registry->challenge = challenge_parse(response.challenges);
        return true;
}

bool registry_connect(Registry *registry, Transport *transport, GError **error) {
        g_autoptr(GError) first = NULL;

        if (ping(registry, transport, "https", &first))
                return true;
        if (!registry->insecure || g_error_matches(first, ERROR_DOMAIN, ERROR_CANCELLED)) {
                g_propagate_error(error, g_steal_pointer(&first));
                return false;
        }
        log_debug("%s does not speak https (%s), trying http", registry->host, first->message);
        return ping(registry, transport, "http", error);
}

/* Retry-After in seconds or as a date; the second answer is never above the limit. */
static guint busy_seconds(const char *retry_after, unsigned tries) {
        guint seconds = BUSY_SECONDS << tries;
        struct tm date = { 0 };
        char *end = NULL;
        guint64 number;

        if (!retry_after)
                return MIN(seconds, BUSY_SECONDS_MAX);
        number = g_ascii_strtoull(retry_after, &end, 10);
        if (end != retry_after && *end == '\0')
                return (guint) MIN(number, BUSY_SECONDS_MAX);
        if (strptime(retry_after, "%a, %d %b %Y %H:%M:%S GMT", &date)) {
                gint64 wait = (gint64) timegm(&date) - clock_now_ns() / 1000000000;

                return (guint) CLAMP(wait, 0, BUSY_SECONDS_MAX);
        }
        return MIN(seconds, BUSY_SECONDS_MAX);
}

/* One request with its authorization, asked again when the registry wants other authorization or
 * is busy. @request has no authorization yet. Any other status is the caller's. */
static TransportBody *registry_open(Registry *registry, Transport *transport,
                                    TransportRequest *request, TransportResponse *response,
                                    GError **error) {
        unsigned challenges = 0;
        unsigned busy = 0;

        request->insecure = registry->insecure;
        request->certs_dir = registry->certs_dir;
        for (;;) {
                g_autofree char *authorization = NULL;
                g_autoptr(TransportBody) body = NULL;
                bool again = false;

                if (!registry_authorize(registry, transport, &authorization, error))
                        return NULL;
                request->authorization = authorization;
                body = transport_open(transport, request, response, error);
                request->authorization = NULL;
                if (!body)
                        return NULL;
                if (response->status == 401 && challenges++ < CHALLENGE_TRIES)
                        again = registry_take_challenge(registry, response, authorization);
                if (response->status == 429 && busy < BUSY_TRIES) {
                        again = true;
                        if (!cancel_wait(busy_seconds(response->retry_after, busy++), error))
                                return NULL;
                }
                if (!again)
                        return g_steal_pointer(&body);
        }
}

/* Say what an answer other than the wanted one means. */
static bool fail_status(const Registry *registry, const char *what, TransportBody *body,
                        long status,
                        GError **error) {
        g_autoptr(GBytes) text = transport_body_read_all(body, ERROR_BODY_LIMIT, NULL);
        g_autofree char *said = registry_describe(registry, text);

        if (status == 401 || status == 403)
                return fail(error, ERROR_PERMISSION_DENIED,
                            "%s: %s: unauthorized (HTTP %ld)%s; %s", registry->host, what, status,
                            said,
                            registry->credentials
                                    ? "the credentials are not good for this repository, or it "
                                      "does not exist"
                                    : "no credentials were given: set an image pull secret or the "
                                      "auth file");
        if (status == 404)
                return fail(error, ERROR_NOT_FOUND, "%s: %s: not found%s", registry->host, what,
                            said);
        if (status == 429 || status >= 500)
                return fail(error, ERROR_REGISTRY_UNAVAILABLE, "%s: %s: HTTP %ld%s", registry->host,
                            what, status, said);
        return fail(error, ERROR_UNKNOWN, "%s: %s: HTTP %ld%s", registry->host, what, status, said);
}

GBytes *registry_get_manifest(Registry *registry, Transport *transport, const char *tag_or_digest,
                              char **ret_content_type, GError **error) {
        g_autofree char *url = g_strconcat(registry->base, registry->path, "/manifests/",
                                           tag_or_digest, NULL);
        g_autofree char *what = g_strconcat("manifest ", tag_or_digest, NULL);
        TransportRequest request = { .url = url, .accept = manifest_media_types, .small = true };
        g_auto(TransportResponse) response = { 0 };
        g_autoptr(TransportBody) body = registry_open(registry, transport, &request, &response,
                                                      error);
        g_autoptr(GBytes) text = NULL;

        if (body && response.status != 200) {
                fail_status(registry, what, body, response.status, error);
                return NULL;
        }
        text = body ? transport_body_read_all(body, MANIFEST_LIMIT, error) : NULL;
        if (!text) {
                g_prefix_error(error, "%s: ", what);
                return NULL;
        }
        *ret_content_type = g_strdup(response.content_type);
        return g_steal_pointer(&text);
}

typedef struct BlobSource {
        Source source;
        Registry *registry;
        Transport *transport;
        TransportBody *body;
        char *url;
        char *what;
        guint64 size;
        guint64 offset;        /* what was handed out */
        guint64 resumed_at;    /* offset of the last new connection */
        gint64 resumed_usec;   /* and its time; 0: there was none */
} BlobSource;

static bool check_range(const BlobSource *blob, const TransportResponse *response, GError **error) {
        g_autofree char *expected =
                g_strdup_printf("bytes %" G_GUINT64_FORMAT "-%" G_GUINT64_FORMAT "/", blob->offset,
                                blob->size - 1);

        if (response->status == 206 && response->content_range &&
            g_str_has_prefix(response->content_range, expected))
                return true;
        return fail(error, ERROR_REGISTRY_UNAVAILABLE,
                    "%s: %s: the connection broke and the registry cannot go on at byte %"
                    G_GUINT64_FORMAT, blob->registry->host, blob->what, blob->offset);
}

static bool blob_connect(BlobSource *blob, GError **error) {
        TransportRequest request = { .url = blob->url, .offset = blob->offset };
        g_auto(TransportResponse) response = { 0 };

        g_clear_pointer(&blob->body, transport_body_close);
        blob->body = registry_open(blob->registry, blob->transport, &request, &response, error);
        if (!blob->body)
                return false;
        if (response.status != 200 && response.status != 206)
                return fail_status(blob->registry, blob->what, blob->body, response.status, error);
        if (blob->offset > 0)
                return check_range(blob, &response, error);
        if (response.content_length >= 0 && (guint64) response.content_length != blob->size)
                return fail(error, ERROR_UNKNOWN,
                            "%s: %s: has %" G_GINT64_FORMAT " bytes, its manifest says %"
                            G_GUINT64_FORMAT, blob->registry->host, blob->what,
                            response.content_length, blob->size);
        return true;
}

static bool may_resume(const BlobSource *blob) {
        return blob->resumed_usec == 0 || blob->offset - blob->resumed_at >= RESUME_BYTES ||
               clock_monotonic_usec() - blob->resumed_usec >= RESUME_SECONDS * USEC_PER_SEC;
}

/* The connection broke with @problem: go on where it did, unless it breaks again and again. */
static bool blob_resume(BlobSource *blob, GError **problem, GError **error) {
        if (!may_resume(blob) || blob->offset == blob->size ||
            !g_error_matches(*problem, ERROR_DOMAIN, ERROR_REGISTRY_UNAVAILABLE)) {
                g_propagate_error(error, g_steal_pointer(problem));
                return false;
        }
        log_info("%s: going on at byte %" G_GUINT64_FORMAT, (*problem)->message, blob->offset);
        g_clear_error(problem);
        if (!cancel_wait(1, error))
                return false;
        blob->resumed_at = blob->offset;
        blob->resumed_usec = clock_monotonic_usec();
        return blob_connect(blob, error);
}

/* 1 with more data, 0 at the end of all, -1 with @problem. */
static int blob_step(BlobSource *blob, const guint8 **ret_data, size_t *ret_length,
                     GError **problem) {
        ssize_t count = transport_body_read(blob->body, ret_data, problem);

        if (count > 0 && (guint64) count > blob->size - blob->offset) {
                fail(problem, ERROR_UNKNOWN,
                     "%s: %s: is larger than the %" G_GUINT64_FORMAT " bytes of its manifest",
                     blob->registry->host, blob->what, blob->size);
                return -1;
        }
        if (count == 0 && blob->offset < blob->size) {
                fail(problem, ERROR_REGISTRY_UNAVAILABLE,
                     "%s: %s: ended at byte %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT,
                     blob->registry->host, blob->what, blob->offset, blob->size);
                return -1;
        }
        *ret_length = count > 0 ? (size_t) count : 0;
        blob->offset += *ret_length;
        return count < 0 ? -1 : count > 0;
}

static ssize_t blob_read(Source *source, const guint8 **ret_data, GError **error) {
        BlobSource *blob = (BlobSource *) source;

        for (;;) {
                g_autoptr(GError) problem = NULL;
                size_t length;
                int more = blob_step(blob, ret_data, &length, &problem);

                if (more > 0)
                        return (ssize_t) length;
                if (more == 0)
                        return 0;
                if (!blob_resume(blob, &problem, error))
                        return -1;
        }
}

static void blob_free(Source *source) {
        BlobSource *blob = (BlobSource *) source;

        transport_body_close(blob->body);
        g_free(blob->url);
        g_free(blob->what);
        g_free(blob);
}

Source *registry_open_blob(Registry *registry, Transport *transport, const Digest *digest,
                           guint64 size, GError **error) {
        BlobSource *blob = g_new0(BlobSource, 1);

        blob->source = (Source) { blob_read, blob_free };
        blob->registry = registry;
        blob->transport = transport;
        blob->url = g_strconcat(registry->base, registry->path, "/blobs/", digest->text, NULL);
        blob->what = g_strconcat("blob ", digest->text, NULL);
        blob->size = size;
        if (blob_connect(blob, error))
                return &blob->source;
        blob_free(&blob->source);
        return NULL;
}

GBytes *registry_get_blob(Registry *registry, Transport *transport, const Digest *digest,
                          guint64 size, GError **error) {
        g_autoptr(Source) source = registry_open_blob(registry, transport, digest, size, error);
        g_autoptr(GByteArray) all = g_byte_array_new();
        g_autoptr(Hash) hash = hash_new();
        const guint8 *data;
        ssize_t count = source ? 1 : -1;
        Digest found;

        while (count > 0) {
                count = source_read(source, &data, error);
                if (count > 0)
                        g_byte_array_append(all, data, (guint) count);
        }
        if (count < 0)
                return NULL;
        hash_update(hash, all->data, all->len);
        found = hash_take(hash);
        if (!digest_equal(&found, digest))
                return fail_null(error, ERROR_UNKNOWN,
                                 "%s: blob %s: its bytes have the digest %s: the registry or "
                                 "something on the way changed them",
                                 registry->host, digest->text, found.text);
        return g_byte_array_free_to_bytes(g_steal_pointer(&all));
}
