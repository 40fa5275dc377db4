/* SPDX-License-Identifier: Apache-2.0 */
#include "image/challenge.h"

static Challenge *parse(const char *first, const char *second) {
        g_autoptr(GPtrArray) headers = g_ptr_array_new();

        g_ptr_array_add(headers, (void *) first);
        if (second)
                g_ptr_array_add(headers, (void *) second);
        return challenge_parse(headers);
}

static void test_bearer(void) {
        g_autoptr(Challenge) challenge =
                parse("Bearer realm=\"https://auth.test/token\",service=\"registry.test\","
                      "scope=\"repository:a/b:pull,push\", error=insufficient_scope", NULL);

        g_assert_cmpint(challenge->scheme, ==, CHALLENGE_BEARER);
        g_assert_cmpstr(challenge->realm, ==, "https://auth.test/token");
        g_assert_cmpstr(challenge->service, ==, "registry.test");
        g_assert_cmpstr(challenge->scope, ==, "repository:a/b:pull,push");
        g_assert_cmpstr(challenge->error, ==, "insufficient_scope");
}

static void test_escapes(void) {
        g_autoptr(Challenge) challenge = parse("bEaReR REALM = \"a\\\"b, c=d\\\\\" , service=x",
                                               NULL);

        g_assert_cmpint(challenge->scheme, ==, CHALLENGE_BEARER);
        g_assert_cmpstr(challenge->realm, ==, "a\"b, c=d\\");
        g_assert_cmpstr(challenge->service, ==, "x");
}

static void test_first_known(void) {
        g_autoptr(Challenge) other = parse("Negotiate, Digest realm=\"d\", Basic realm=\"b\"",
                                           "Bearer realm=\"t\"");
        g_autoptr(Challenge) second = parse("Negotiate", "Bearer realm=\"t\"");
        g_autoptr(Challenge) once = parse("Bearer realm=\"one\",realm=\"two\"", NULL);

        g_assert_cmpint(other->scheme, ==, CHALLENGE_BASIC);
        g_assert_cmpstr(other->realm, ==, "b");
        g_assert_cmpint(second->scheme, ==, CHALLENGE_BEARER);
        g_assert_cmpstr(once->realm, ==, "one");
}

static void test_unreadable(void) {
        static const char *const texts[] = { "", ",,,", "Bearer realm=\"open", "=", "Bearer =x",
                                             "\"\"", "Bearer realm", "Bearer \x01" };

        for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++) {
                g_autoptr(Challenge) challenge = parse(texts[i], NULL);

                g_assert_null(challenge->realm);
        }
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/challenge/bearer", test_bearer);
        g_test_add_func("/challenge/escapes", test_escapes);
        g_test_add_func("/challenge/first-known", test_first_known);
        g_test_add_func("/challenge/unreadable", test_unreadable);
        return g_test_run();
}
