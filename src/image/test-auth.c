/* SPDX-License-Identifier: Apache-2.0 */
#include "image/auth.h"

#include <fcntl.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/tree.h"

static Json *json_of(const char *text) {
        Json *json = json_parse(text, strlen(text), "test", NULL);

        g_assert_nonnull(json);
        return json;
}

static char *encode(const char *pair) {
        return g_base64_encode((const guchar *) pair, strlen(pair));
}

static void test_request(void) {
        g_autofree char *pair = encode("user:pass:word");
        g_autofree char *text = g_strdup_printf("{\"auth\":\"%s\"}", pair);
        g_autoptr(Json) encoded = json_of(text);
        g_autoptr(Json) plain = json_of("{\"username\":\"u\",\"password\":\"p\",\"auth\":\"!\"}");
        g_autoptr(Json) tokens = json_of("{\"identity_token\":\"i\",\"registry_token\":\"r\"}");
        g_autoptr(Json) empty = json_of("{\"username\":\"\",\"auth\":\"\"}");
        g_autoptr(Credentials) first = NULL;
        g_autoptr(Credentials) second = NULL;
        g_autoptr(Credentials) third = NULL;
        Credentials *none = NULL;
        g_autofree char *basic = NULL;

        g_assert_true(credentials_from_request(encoded, &first, NULL));
        g_assert_cmpstr(first->username, ==, "user");
        g_assert_cmpstr(first->password, ==, "pass:word");
        basic = credentials_print_basic(first);
        g_assert_cmpstr(basic + strlen("Basic "), ==, pair);
        g_assert_true(credentials_from_request(plain, &second, NULL));
        g_assert_cmpstr(second->username, ==, "u");
        g_assert_true(credentials_from_request(tokens, &third, NULL));
        g_assert_cmpstr(third->identity_token, ==, "i");
        g_assert_cmpstr(third->registry_token, ==, "r");
        g_assert_true(credentials_from_request(empty, &none, NULL));
        g_assert_null(none);
        g_assert_true(credentials_from_request(NULL, &none, NULL));
        g_assert_null(none);
}

/* An error about credentials must not show them. */
static void test_request_refused(void) {
        g_autofree char *no_colon = encode("secretsecret");
        g_autofree char *no_colon_text = g_strdup_printf("{\"auth\":\"%s\"}", no_colon);
        const char *texts[] = { "{\"auth\":\"s3cr3t!\"}", no_colon_text,
                                "{\"username\":\"u\",\"password\":\"secret\\r\\nX: y\"}",
                                "{\"registry_token\":\"secret\\nX: y\"}" };

        for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++) {
                g_autoptr(Json) json = json_of(texts[i]);
                g_autoptr(GError) error = NULL;
                Credentials *credentials = NULL;

                g_assert_false(credentials_from_request(json, &credentials, &error));
                g_assert_error(error, ERROR_DOMAIN, ERROR_INVALID_ARGUMENT);
                g_assert_null(strstr(error->message, "secret"));
                g_assert_null(strstr(error->message, "s3cr3t"));
                g_assert_null(strstr(error->message, no_colon));
        }
}

/* The user name that is found in @auths, "" for none. */
static char *user_for(const Json *auths, const char *host, const char *path) {
        g_autoptr(Credentials) found = NULL;

        g_assert_true(credentials_find_in(auths, host, path, &found, NULL));
        return g_strdup(found && found->username ? found->username : "");
}

static void assert_user(const Json *auths, const char *host, const char *path,
                        const char *expected) {
        g_autofree char *user = user_for(auths, host, path);

        g_assert_cmpstr(user, ==, expected);
}

#define ENTRY(key, encoded) "\"" key "\":{\"auth\":\"" encoded "\"}"

static void test_lookup(void) {
        /* a:1 b:1 c:1 d:1 e:1 */
        g_autoptr(Json) auths = json_of("{" ENTRY("r.test/team/app", "YTox") "," ENTRY(
                "r.test/team", "Yjox") "," ENTRY("r.test", "Yzox") "," ENTRY(
                "https://index.docker.io/v1/", "ZDox") "," ENTRY("https://old.test/v2/",
                                                                 "ZTox") "}");

        assert_user(auths, "r.test", "team/app", "a");
        assert_user(auths, "r.test", "team/other", "b");
        assert_user(auths, "r.test", "team", "b");
        assert_user(auths, "r.test", "teams", "c");
        assert_user(auths, "r.test", "x", "c");
        assert_user(auths, "r.test:5000", "x", "");
        assert_user(auths, "evil-r.test", "x", "");
        assert_user(auths, "docker.io", "library/x", "d");
        assert_user(auths, "registry-1.docker.io", "library/x", "d");
        assert_user(auths, "old.test", "x", "e");
        assert_user(auths, "other.test", "x", "");
}

static void test_file(void) {
        g_autofree char *base = g_dir_make_tmp("auth-XXXXXX", NULL);
        g_autofree char *path = g_build_filename(base, "auth.json", NULL);
        static const char *const texts[] = {
                "{\"auths\":{\"r.test\":{\"auth\":\"dTpw\",\"identitytoken\":\"t\"}}}",
                "{\"credHelpers\":{\"r.test\":\"x\"}}",
                "{\"auths\":{\"r.test\":{\"auth\":\"c2VjcmV0\" \"broken\"}}}",
        };

        for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++) {
                g_autoptr(Credentials) found = NULL;
                g_autoptr(GError) error = NULL;

                g_assert_true(file_publish(AT_FDCWD, path, texts[i], strlen(texts[i]), 0600, NULL));
                g_assert_cmpint(credentials_find(path, "r.test", "x", &found, &error), ==, i == 0);
                if (i == 0)
                        g_assert_cmpstr(found->identity_token, ==, "t");
                else
                        g_assert_nonnull(strstr(error->message, "auth.json"));
                if (error)
                        g_assert_null(strstr(error->message, "c2VjcmV0"));
        }
        g_assert_true(tree_remove(AT_FDCWD, base, NULL));
        g_assert_false(credentials_find(path, "r.test", "x", &(Credentials *){ NULL }, NULL));
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/auth/request", test_request);
        g_test_add_func("/auth/request-refused", test_request_refused);
        g_test_add_func("/auth/lookup", test_lookup);
        g_test_add_func("/auth/file", test_file);
        return g_test_run();
}
