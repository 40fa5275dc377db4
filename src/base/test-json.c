/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/error.h"
#include "base/json.h"

static Json *parse(const char *text, GError **error) {
        return json_parse(text, strlen(text), "test", error);
}

static void assert_refused(const char *text, const char *why) {
        g_autoptr(GError) error = NULL;
        g_autoptr(Json) json = parse(text, &error);

        g_assert_null(json);
        g_assert_error(error, ERROR_DOMAIN, ERROR_INVALID_ARGUMENT);
        g_assert_nonnull(strstr(error->message, why));
}

static void test_round_trip(void) {
        const char *text = "{\"a\":[1,-2.5e3,\"x\\n\\u00e9\"],\"b\":{\"c\":null,\"d\":true},"
                           "\"big\":18446744073709551615}";
        g_autoptr(Json) json = parse(text, NULL);
        g_autofree char *printed = NULL;

        g_assert_nonnull(json);
        printed = json_print(json, NULL);
        g_assert_cmpstr(printed, ==,
                "{\"a\":[1,-2.5e3,\"x\\n\xc3\xa9\"],\"b\":{\"c\":null,\"d\":true},"
                "\"big\":18446744073709551615}");
        g_assert_true(json_get_bool(json_get(json, "b"), "d", false));
        g_assert_cmpstr(json_number(json_get(json, "big")), ==, "18446744073709551615");
}

static void test_absent(void) {
        g_assert_null(json_get(NULL, "x"));
        g_assert_cmpint(json_get_int(NULL, "x", 7), ==, 7);
        g_assert_cmpuint(json_length(NULL), ==, 0);
}

static void test_refuses(void) {
        g_autoptr(GString) deep = g_string_new(NULL);

        assert_refused("{\"a\":1,\"b\":2,\"a\":3}", "twice");
        assert_refused("{\"a\":1} x", "not JSON");
        assert_refused("{\"a\":1", "not JSON");
        assert_refused("", "not JSON");
        assert_refused("\"\xff\"", "not JSON");
        assert_refused("\"a\\u0000b\"", "NUL");
        for (int i = 0; i < 100; i++)
                g_string_append_c(deep, '[');
        assert_refused(deep->str, "deeply");
}

static void test_build(void) {
        g_autoptr(Json) json = json_new_object();
        g_autofree char *printed = NULL;

        json_set_string(json, "a", "1");
        json_set_int(json, "b", 2);
        json_set_string(json, "a", "3");
        json_set_string(json, "none", NULL);
        json_append_string(json_need_array(json, "c"), "x");
        json_remove(json, "b");
        printed = json_print(json, NULL);
        g_assert_cmpstr(printed, ==, "{\"a\":\"3\",\"c\":[\"x\"]}");
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/json/round-trip", test_round_trip);
        g_test_add_func("/json/absent", test_absent);
        g_test_add_func("/json/refuses", test_refuses);
        g_test_add_func("/json/build", test_build);
        return g_test_run();
}
