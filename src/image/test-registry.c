/* SPDX-License-Identifier: Apache-2.0 */
#include "image/registry.h"

#include <string.h>

#include "base/error.h"
#include "image/registry-private.h"
#include "image/test-server.h"
#include "image/transport-private.h"

#define OK_HEAD "HTTP/1.1 200 OK\r\nConnection: close\r\n"
#define PASSWORD "pass-word-77"
#define BLOB_SIZE (3 * 1024 * 1024)
#define BROKEN_AT (BLOB_SIZE / 2)

typedef struct Fixture {
        Transport *transport;
        FakeServer *server;
        FakeServer *other; /* another host: token server, content network */
        const char *mode;  /* what the answering function of a test is to do */
        char *blob;
        Digest digest; /* of the blob */
} Fixture;

static char *reply(const char *status, const char *headers, const char *body) {
        return g_strdup_printf("HTTP/1.1 %s\r\nConnection: close\r\nContent-Length: %zu\r\n"
                               "%s\r\n%s", status, strlen(body), headers, body);
}

static bool asks(const char *request, const char *start) {
        return g_str_has_prefix(request, start);
}

static bool has(const char *request, const char *header) {
        g_autofree char *line = g_strconcat("\r\n", header, "\r\n", NULL);

        return strstr(request, line) != NULL;
}

static void set_up(Fixture *fixture, gconstpointer data) {
        g_autoptr(Hash) hash = hash_new();

        fixture->transport = transport_new();
        fixture->mode = data;
        fixture->blob = g_malloc(BLOB_SIZE + 1);
        for (unsigned i = 0; i < BLOB_SIZE; i++)
                fixture->blob[i] = (char) ('a' + (i * 7 + i / 251) % 26);
        fixture->blob[BLOB_SIZE] = '\0';
        hash_update(hash, fixture->blob, BLOB_SIZE);
        fixture->digest = hash_take(hash);
}

static void tear_down(Fixture *fixture, gconstpointer data) {
        transport_free(fixture->transport);
        g_clear_pointer(&fixture->server, fake_server_free);
        g_clear_pointer(&fixture->other, fake_server_free);
        g_free(fixture->blob);
}

static Registry *connect_to(Fixture *fixture, const Credentials *credentials) {
        g_autoptr(GError) error = NULL;
        Registry *registry = registry_new(fake_server_get_host(fixture->server), "team/app", true,
                                          credentials);

        registry_connect(registry, fixture->transport, &error);
        g_assert_no_error(error);
        return registry;
}

static void assert_fails(GError *error, ErrorCode code, const char *why) {
        g_assert_error(error, ERROR_DOMAIN, (int) code);
        if (!strstr(error->message, why))
                g_error("\"%s\" is not in \"%s\"", why, error->message);
        g_assert_null(strstr(error->message, PASSWORD));
}

static void assert_bytes(GBytes *bytes, const char *expected, size_t length) {
        g_assert_cmpuint(g_bytes_get_size(bytes), ==, length);
        g_assert_cmpint(memcmp(g_bytes_get_data(bytes, NULL), expected, length), ==, 0);
}

/* tokens */

static char *token_answer(const char *request, unsigned count, void *data) {
        Fixture *fixture = data;
        g_autofree char *body = g_strdup_printf("{\"access_token\":\"token%u\"}", count);

        if (g_str_equal(fixture->mode, "refused"))
                return reply("401 No", "", "{\"errors\":[{\"code\":\"UNAUTHORIZED\",\"message\":"
                                           "\"bad " PASSWORD " given\"}]}");
        return reply("200 OK", "", body);
}

/* The token server is another host or, for credentials, the registry itself. Wants the newest
 * token; "expired": after one manifest, a newer one. */
static char *bearer_answer(const char *request, unsigned count, void *data) {
        Fixture *fixture = data;
        FakeServer *realm = fixture->other ? fixture->other : fixture->server;
        g_autofree char *challenge = g_strdup_printf(
                "WWW-Authenticate: Bearer realm=\"http://%s/token\",service=\"s\"\r\n",
                fake_server_get_host(realm));
        bool expired = g_str_equal(fixture->mode, "expired") && count >= 2;

        if (asks(request, "GET /token") || asks(request, "POST /token"))
                return token_answer(request, 0, data);
        if (asks(request, "GET /v2/ ") || !has(request, expired ? "Authorization: Bearer token1"
                                                                : "Authorization: Bearer token0"))
                return reply("401 No", challenge, "");
        return reply("200 OK", "Content-Type: Text/X; charset=y\r\n", "hello");
}

static void start_bearer(Fixture *fixture, bool other) {
        if (other)
                fixture->other = fake_server_new(token_answer, fixture);
        fixture->server = fake_server_new(bearer_answer, fixture);
}

static const Credentials user = { .username = (char *) "user", .password = (char *) PASSWORD };

static void test_bearer(Fixture *fixture, gconstpointer data) {
        g_autoptr(Registry) registry = (start_bearer(fixture, false), connect_to(fixture, &user));
        g_autofree char *type = NULL;
        g_autoptr(GError) error = NULL;
        g_autoptr(GBytes) text = registry_get_manifest(registry, fixture->transport, "latest",
                                                       &type,
                                                       &error);
        g_autoptr(GPtrArray) asked = fake_server_get_requests(fixture->server);
        g_autofree char *basic = credentials_print_basic(&user);
        g_autofree char *header = g_strconcat("Authorization: ", basic, NULL);

        g_assert_no_error(error);
        assert_bytes(text, "hello", 5);
        g_assert_cmpstr(type, ==, "text/x");
        g_assert_cmpuint(asked->len, ==, 3);
        g_assert_true(asks(asked->pdata[1], "GET /token?account=user&service=s&"
                                            "scope=repository%3Ateam%2Fapp%3Apull HTTP"));
        g_assert_true(has(asked->pdata[1], header));
}

static void test_identity_token(Fixture *fixture, gconstpointer data) {
        const Credentials identity = { .identity_token = (char *) "id&" };
        g_autoptr(Registry) registry = (start_bearer(fixture, false), connect_to(fixture,
                                                                                 &identity));
        g_autofree char *type = NULL;
        g_autoptr(GBytes) text = registry_get_manifest(registry, fixture->transport, "latest",
                                                       &type,
                                                       NULL);
        g_autoptr(GPtrArray) asked = fake_server_get_requests(fixture->server);

        g_assert_nonnull(text);
        g_assert_true(asks(asked->pdata[1], "POST /token HTTP"));
        g_assert_nonnull(strstr(asked->pdata[1], "grant_type=refresh_token&refresh_token=id%26&"));
        g_assert_null(strstr(asked->pdata[1], "Authorization"));
}

/* A token may end in the middle of a pull. */
static void test_expired(Fixture *fixture, gconstpointer data) {
        g_autoptr(Registry) registry = (start_bearer(fixture, true), connect_to(fixture, NULL));

        for (unsigned i = 0; i < 2; i++) {
                g_autofree char *type = NULL;
                g_autoptr(GError) error = NULL;
                g_autoptr(GBytes) text = registry_get_manifest(registry, fixture->transport,
                                                               "latest", &type, &error);

                g_assert_no_error(error);
        }
}

/* A server that repeats our secrets does not get them into the error. */
static void test_refused(Fixture *fixture, gconstpointer data) {
        g_autoptr(Registry) registry = (start_bearer(fixture, false), connect_to(fixture, &user));
        g_autofree char *type = NULL;
        g_autoptr(GError) error = NULL;

        g_assert_null(registry_get_manifest(registry, fixture->transport, "latest", &type, &error));
        assert_fails(error, ERROR_PERMISSION_DENIED, "unauthorized");
        g_assert_nonnull(strstr(error->message, "bad *** given"));
}

static void assert_no_token(Fixture *fixture, Registry *registry, FakeServer *server) {
        g_autoptr(GPtrArray) asked = NULL;
        g_autofree char *type = NULL;
        g_autoptr(GError) error = NULL;

        g_assert_null(registry_get_manifest(registry, fixture->transport, "latest", &type, &error));
        assert_fails(error, ERROR_PERMISSION_DENIED, "not reached by https");
        asked = fake_server_get_requests(server);
        for (guint i = 0; i < asked->len; i++)
                g_assert_null(strstr(asked->pdata[i], "token"));
}

/* The password does not go where everybody on the way can read it, unless the host says so. */
static void test_plain_realm(Fixture *fixture, gconstpointer data) {
        g_autoptr(Registry) registry = (start_bearer(fixture, false), connect_to(fixture, &user));

        registry->insecure = false;
        assert_no_token(fixture, registry, fixture->server);
}

/* And then to that registry only: who another one is cannot be told. */
static void test_other_realm(Fixture *fixture, gconstpointer data) {
        g_autoptr(Registry) registry = (start_bearer(fixture, true), connect_to(fixture, &user));

        assert_no_token(fixture, registry, fixture->other);
}

static char *basic_answer(const char *request, unsigned count, void *data) {
        g_autofree char *basic = credentials_print_basic(&user);
        g_autofree char *header = g_strconcat("Authorization: ", basic, NULL);

        if (has(request, header))
                return reply("200 OK", "", "hello");
        return reply("401 No", "WWW-Authenticate: Basic realm=\"x\"\r\n", "");
}

static void test_basic(Fixture *fixture, gconstpointer data) {
        g_autoptr(Registry) registry = NULL;
        g_autoptr(Registry) anonymous = NULL;
        g_autoptr(GBytes) text = NULL;
        g_autofree char *type = NULL;
        g_autoptr(GError) error = NULL;

        fixture->server = fake_server_new(basic_answer, fixture);
        registry = connect_to(fixture, &user);
        anonymous = connect_to(fixture, NULL);
        text = registry_get_manifest(registry, fixture->transport, "latest", &type, NULL);
        g_assert_nonnull(text);
        g_assert_null(registry_get_manifest(anonymous, fixture->transport, "latest", &type,
                                            &error));
        assert_fails(error, ERROR_PERMISSION_DENIED, "no credentials were given");
}

/* statuses and limits */

static char *status_answer(const char *request, unsigned count, void *data) {
        Fixture *fixture = data;
        g_autofree char *big = NULL;

        if (asks(request, "GET /v2/ "))
                return reply("200 OK", "", "");
        if (g_str_equal(fixture->mode, "busy"))
                return count < 4 ? reply("429 Busy", "Retry-After: 0\r\n", "")
                                 : reply("200 OK", "", "hello");
        if (g_str_equal(fixture->mode, "always-busy"))
                return reply("429 Busy", "Retry-After: Thu, 01 Jan 1970 00:00:00 GMT\r\n", "");
        if (g_str_equal(fixture->mode, "big")) {
                big = g_strnfill(4 * 1024 * 1024 + 1, ' ');
                return reply("200 OK", "", big);
        }
        return reply(fixture->mode, "",
                     "{\"errors\":[{\"code\":\"X\",\"message\":\"two\\nlines\"}]}");
}

static GBytes *get_status(Fixture *fixture, GError **error) {
        g_autoptr(Registry) registry = NULL;
        g_autofree char *type = NULL;

        fixture->server = fake_server_new(status_answer, fixture);
        registry = connect_to(fixture, NULL);
        return registry_get_manifest(registry, fixture->transport, "latest", &type, error);
}

static void test_busy(Fixture *fixture, gconstpointer data) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GBytes) text = get_status(fixture, &error);

        g_assert_no_error(error);
}

static void test_always_busy(Fixture *fixture, gconstpointer data) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GPtrArray) asked = NULL;

        g_assert_null(get_status(fixture, &error));
        assert_fails(error, ERROR_REGISTRY_UNAVAILABLE, "HTTP 429");
        asked = fake_server_get_requests(fixture->server);
        g_assert_cmpuint(asked->len, ==, 7);
}

static void test_not_found(Fixture *fixture, gconstpointer data) {
        g_autoptr(GError) error = NULL;

        g_assert_null(get_status(fixture, &error));
        assert_fails(error, ERROR_NOT_FOUND, "manifest latest: not found: X: two lines");
}

static void test_unavailable(Fixture *fixture, gconstpointer data) {
        g_autoptr(GError) error = NULL;

        g_assert_null(get_status(fixture, &error));
        assert_fails(error, ERROR_REGISTRY_UNAVAILABLE, "HTTP 503");
}

static void test_big(Fixture *fixture, gconstpointer data) {
        g_autoptr(GError) error = NULL;

        g_assert_null(get_status(fixture, &error));
        assert_fails(error, ERROR_RESOURCE_EXHAUSTED, "larger than 4194304");
}

static void test_nobody(Fixture *fixture, gconstpointer data) {
        g_autoptr(Registry) registry = registry_new("127.0.0.1:1", "x", true, NULL);
        g_autoptr(GError) error = NULL;

        g_assert_false(registry_connect(registry, fixture->transport, &error));
        assert_fails(error, ERROR_REGISTRY_UNAVAILABLE, "127.0.0.1:1");
}

/* A registry that is not configured as insecure is never asked by plain http. */
static void test_secure(Fixture *fixture, gconstpointer data) {
        g_autoptr(Registry) registry = NULL;
        g_autoptr(GPtrArray) asked = NULL;
        g_autoptr(GError) error = NULL;

        fixture->server = fake_server_new(status_answer, fixture);
        registry = registry_new(fake_server_get_host(fixture->server), "x", false, &user);
        g_assert_false(registry_connect(registry, fixture->transport, &error));
        assert_fails(error, ERROR_REGISTRY_UNAVAILABLE, "https://");
        asked = fake_server_get_requests(fixture->server);
        g_assert_cmpuint(asked->len, ==, 0);
}

/* redirects */

static char *far_answer(const char *request, unsigned count, void *data) {
        Fixture *fixture = data;
        g_autofree char *back = NULL;

        if (!g_str_equal(fixture->mode, "there-and-back"))
                return reply("200 OK", "", fixture->blob);
        back = g_strdup_printf("Location: http://%s/back\r\n",
                               fake_server_get_host(fixture->server));
        return reply("307 There", back, "");
}

static char *redirect_answer(const char *request, unsigned count, void *data) {
        Fixture *fixture = data;
        g_autofree char *far = g_strdup_printf("Location: http://u:p@%s/far?secret=1\r\n",
                                               fake_server_get_host(fixture->other));

        if (asks(request, "GET /v2/ "))
                return basic_answer(request, count, data);
        if (g_str_equal(fixture->mode, "loop"))
                return reply("302 Loop", "Location: /loop\r\n", "");
        if (g_str_equal(fixture->mode, "file"))
                return reply("302 File", "Location: file:///etc/passwd\r\n", "");
        if (asks(request, "GET /near ") || asks(request, "GET /back "))
                return reply("200 OK", "", fixture->blob);
        if (g_str_equal(fixture->mode, "near"))
                return reply("301 Near", "Location: /near\r\n", "");
        return reply("302 Far", far, "");
}

static GBytes *get_redirected(Fixture *fixture, GError **error) {
        g_autoptr(Registry) registry = NULL;

        fixture->other = fake_server_new(far_answer, fixture);
        fixture->server = fake_server_new(redirect_answer, fixture);
        registry = connect_to(fixture, &user);
        return registry_get_blob(registry, fixture->transport, &fixture->digest, BLOB_SIZE, error);
}

static void test_redirect_far(Fixture *fixture, gconstpointer data) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GBytes) blob = get_redirected(fixture, &error);
        g_autoptr(GPtrArray) far = fake_server_get_requests(fixture->other);
        g_autoptr(GPtrArray) near = fake_server_get_requests(fixture->server);

        g_assert_no_error(error);
        g_assert_cmpuint(far->len, ==, 1);
        g_assert_null(strstr(far->pdata[0], "Authorization"));
        g_assert_nonnull(strstr(near->pdata[1], "Authorization"));
        if (near->len > 2) /* there and back again: it does not return */
                g_assert_null(strstr(near->pdata[2], "Authorization"));
}

static void test_redirect_near(Fixture *fixture, gconstpointer data) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GBytes) blob = get_redirected(fixture, &error);
        g_autoptr(GPtrArray) near = fake_server_get_requests(fixture->server);

        g_assert_no_error(error);
        g_assert_nonnull(strstr(near->pdata[2], "Authorization"));
}

static void test_redirect_loop(Fixture *fixture, gconstpointer data) {
        g_autoptr(GError) error = NULL;

        g_assert_null(get_redirected(fixture, &error));
        assert_fails(error, ERROR_UNKNOWN, "more than 5 redirects");
}

static void test_redirect_file(Fixture *fixture, gconstpointer data) {
        g_autoptr(GError) error = NULL;

        g_assert_null(get_redirected(fixture, &error));
        assert_fails(error, ERROR_UNKNOWN, "no http or https");
}

/* blobs that break */

static char *broken(const Fixture *fixture) {
        return g_strdup_printf(OK_HEAD "Content-Length: %u\r\n\r\n%.*s", BLOB_SIZE, BROKEN_AT,
                               fixture->blob);
}

static char *rest(const Fixture *fixture, unsigned begin, unsigned end) {
        return g_strdup_printf("HTTP/1.1 206 Rest\r\nConnection: close\r\n"
                               "Content-Range: bytes %u-%u/%u\r\nContent-Length: %u\r\n\r\n%s",
                               begin, end, BLOB_SIZE, BLOB_SIZE - BROKEN_AT,
                               fixture->blob + BROKEN_AT);
}

static char *blob_answer(const char *request, unsigned count, void *data) {
        Fixture *fixture = data;
        g_autofree char *range = g_strdup_printf("Range: bytes=%u-", BROKEN_AT);

        if (asks(request, "GET /v2/ "))
                return reply("200 OK", "", "");
        if (g_str_equal(fixture->mode, "other-bytes"))
                fixture->blob[BLOB_SIZE / 2] = '!';
        if (g_str_equal(fixture->mode, "longer"))
                return g_strdup_printf(OK_HEAD "\r\n%smore", fixture->blob);
        if (g_str_equal(fixture->mode, "other-length"))
                return reply("200 OK", "", fixture->blob + 1);
        if (g_str_equal(fixture->mode, "other-bytes"))
                return reply("200 OK", "", fixture->blob);
        if (!has(request, range))
                return broken(fixture);
        if (g_str_equal(fixture->mode, "all-again"))
                return reply("200 OK", "", fixture->blob);
        if (g_str_equal(fixture->mode, "elsewhere"))
                return rest(fixture, BROKEN_AT - 1, BLOB_SIZE - 1);
        if (g_str_equal(fixture->mode, "breaks-again"))
                return g_strdup_printf("HTTP/1.1 206 Rest\r\nConnection: close\r\nContent-Range: "
                                       "bytes %u-%u/%u\r\nContent-Length: %u\r\n\r\n%.100s",
                                       BROKEN_AT, BLOB_SIZE - 1, BLOB_SIZE, BLOB_SIZE - BROKEN_AT,
                                       fixture->blob + BROKEN_AT);
        return rest(fixture, BROKEN_AT, BLOB_SIZE - 1);
}

static GBytes *get_blob(Fixture *fixture, GError **error) {
        g_autoptr(Registry) registry = NULL;

        fixture->server = fake_server_new(blob_answer, fixture);
        registry = connect_to(fixture, NULL);
        return registry_get_blob(registry, fixture->transport, &fixture->digest, BLOB_SIZE, error);
}

static void test_resume(Fixture *fixture, gconstpointer data) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GBytes) blob = get_blob(fixture, &error);
        g_autoptr(GPtrArray) asked = fake_server_get_requests(fixture->server);

        g_assert_no_error(error);
        assert_bytes(blob, fixture->blob, BLOB_SIZE);
        g_assert_cmpuint(asked->len, ==, 3);
}

static void test_no_resume(Fixture *fixture, gconstpointer data) {
        g_autoptr(GPtrArray) asked = NULL;
        g_autoptr(GError) error = NULL;

        g_assert_null(get_blob(fixture, &error));
        assert_fails(error, ERROR_REGISTRY_UNAVAILABLE, fixture->digest.text);
        asked = fake_server_get_requests(fixture->server);
        g_assert_cmpuint(asked->len, ==, 3);
}

static void test_other(Fixture *fixture, gconstpointer data) {
        g_autoptr(GError) error = NULL;

        g_assert_null(get_blob(fixture, &error));
        assert_fails(error, ERROR_UNKNOWN, fixture->digest.text);
}

static void test_urls(void) {
        static const struct { const char *url, *expected; } redacted[] = {
                { "https://user:secret@a.test:80/x?token=secret#secret", "https://a.test:80/x" },
                { "https://a.test", "https://a.test/" }, { "not a url", "(unreadable URL)" },
        };
        g_autofree char *stripped = transport_check_redirect("http://a.test",
                                                             "http://u:p@b.test/x?q#f",
                                                             true, NULL);

        for (unsigned i = 0; i < G_N_ELEMENTS(redacted); i++) {
                g_autofree char *text = transport_redact(redacted[i].url);

                g_assert_cmpstr(text, ==, redacted[i].expected);
        }
        g_assert_cmpstr(stripped, ==, "http://b.test/x?q");
        g_assert_null(transport_check_redirect("https://a.test", "http://a.test/", false, NULL));
        g_assert_null(transport_check_redirect("https://a.test", "ftp://a.test/", true, NULL));
        g_assert_true(transport_same_origin("https://a.test/x", "https://A.test:443/y"));
        g_assert_false(transport_same_origin("https://a.test/x", "http://a.test:443/x"));
        g_assert_false(transport_same_origin("https://a.test/x", "https://a.test:444/x"));
        g_assert_false(transport_same_origin("https://a.test/x", "https://a.test.evil/x"));
}

#define ADD(name, func, mode) g_test_add("/registry/" name, Fixture, mode, set_up, func, tear_down)

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_assert_true(transport_init(NULL));
        ADD("bearer", test_bearer, "");
        ADD("identity-token", test_identity_token, "");
        ADD("expired", test_expired, "expired");
        ADD("refused", test_refused, "refused");
        ADD("plain-realm", test_plain_realm, "");
        ADD("other-realm", test_other_realm, "");
        ADD("basic", test_basic, "");
        ADD("busy", test_busy, "busy");
        ADD("always-busy", test_always_busy, "always-busy");
        ADD("not-found", test_not_found, "404 None");
        ADD("unavailable", test_unavailable, "503 Down");
        ADD("big", test_big, "big");
        ADD("nobody", test_nobody, "");
        ADD("secure", test_secure, "404 None");
        ADD("redirect-far", test_redirect_far, "far");
        ADD("redirect-there-and-back", test_redirect_far, "there-and-back");
        ADD("redirect-near", test_redirect_near, "near");
        ADD("redirect-loop", test_redirect_loop, "loop");
        ADD("redirect-file", test_redirect_file, "file");
        ADD("resume", test_resume, "");
        ADD("resume-all-again", test_no_resume, "all-again");
        ADD("resume-elsewhere", test_no_resume, "elsewhere");
        ADD("resume-breaks-again", test_no_resume, "breaks-again");
        ADD("longer", test_other, "longer");
        ADD("other-length", test_other, "other-length");
        ADD("other-bytes", test_other, "other-bytes");
        g_test_add_func("/transport/urls", test_urls);
        return g_test_run();
}
