/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/error.h"
#include "base/toml.h"

static Toml *parse(const char *text) {
        g_autoptr(GError) error = NULL;
        Toml *toml = toml_parse(text, strlen(text), "t", &error);

        g_assert_no_error(error);
        return toml;
}

static void assert_refused(const char *text, const char *where_and_why) {
        g_autoptr(GError) error = NULL;
        g_autoptr(Toml) toml = toml_parse(text, strlen(text), "t", &error);

        if (toml)
                g_error("\"%s\" was taken", text);
        g_assert_error(error, ERROR_DOMAIN, ERROR_INVALID_ARGUMENT);
        if (!strstr(error->message, where_and_why))
                g_error("\"%s\" does not have \"%s\"", error->message, where_and_why);
}

static void test_values(void) {
        g_autoptr(Toml) toml =
                parse("a = \"x\\ty\\u00e9\" # c\r\nb = 'C:\\n'\nc = 1_000\nd = 0xff\n"
                      "e = true\nf = 1.5e3\ng = 1979-05-27 07:32:00Z\n"
                      "h = \"\"\"\none\ntwo \\\n   three\"\"\"\n\"q k\".z = 1\n");
        gint64 number;
        bool truth;

        g_assert_cmpstr(toml_string(toml_get(toml, "a")), ==, "x\ty\xc3\xa9");
        g_assert_cmpstr(toml_string(toml_get(toml, "b")), ==, "C:\\n");
        g_assert_true(toml_int(toml_get(toml, "c"), &number));
        g_assert_cmpint(number, ==, 1000);
        g_assert_true(toml_int(toml_get(toml, "d"), &number));
        g_assert_cmpint(number, ==, 255);
        g_assert_true(toml_bool(toml_get(toml, "e"), &truth) && truth);
        g_assert_cmpint(toml_get_type(toml_get(toml, "f")), ==, TOML_FLOAT);
        g_assert_cmpint(toml_get_type(toml_get(toml, "g")), ==, TOML_DATE);
        g_assert_cmpstr(toml_string(toml_get(toml, "h")), ==, "one\ntwo three");
        g_assert_nonnull(toml_get(toml_get(toml, "q k"), "z"));
}

/* What minikube's sed programs leave behind. */
static void test_trailing_comma(void) {
        g_autoptr(Toml) toml = parse("[crio.runtime]\ndefault_sysctls = [\n"
                                     "  \"net.ipv4.ip_unprivileged_port_start=0\",\n]\n");
        const Toml *list = toml_get(toml_get(toml_get(toml, "crio"), "runtime"), "default_sysctls");

        g_assert_cmpuint(toml_length(list), ==, 1);
        g_assert_cmpint(toml_get_line(list), ==, 2);
}

static void test_byte_order_mark(void) {
        g_autoptr(Toml) toml = parse("\xef\xbb\xbf"
                                     "a = 1");

        g_assert_nonnull(toml_get(toml, "a"));
}

static void test_many_values(void) {
        g_autoptr(GString) text = g_string_new("a = [");

        for (int i = 0; i < 30000; i++)
                g_string_append(text, "1,");
        g_string_append(text, "]");
        assert_refused(text->str, "more than");
}

static void test_tables(void) {
        g_autoptr(Toml) toml = parse("[[registry]]\nprefix = \"a\"\n[[registry.mirror]]\n"
                                     "location = \"m\"\n[[registry]]\nprefix = \"b\"\n"
                                     "[x.y]\nz = {p = 1, q.r = 2}\n[x]\nw = []\n");
        const Toml *registry = toml_get(toml, "registry");
        const Toml *z = toml_get(toml_get(toml_get(toml, "x"), "y"), "z");

        g_assert_cmpuint(toml_length(registry), ==, 2);
        g_assert_cmpuint(toml_length(toml_get(toml_at(registry, 0), "mirror")), ==, 1);
        g_assert_cmpstr(toml_string(toml_get(toml_at(registry, 1), "prefix")), ==, "b");
        g_assert_nonnull(toml_get(toml_get(z, "q"), "r"));
}

static void test_refuses(void) {
        g_autoptr(GString) deep = g_string_new("a = ");

        assert_refused("a = 1\na = 2", "t:2:5: \"a\" is set twice (first on line 1)");
        assert_refused("a = yes", "t:1:8: \"yes\" is no value");
        assert_refused("a = \"x", "t:1:7: the file ends inside a string");
        assert_refused("a = \"x\ny\"", "line ends inside a string");
        assert_refused("a = [1 2]", "expected in the list");
        assert_refused("[a]\n[a]", "stands here and on line");
        assert_refused("a = {b = 1}\n[a]\nc = 1", "already a table");
        assert_refused("a = 1\n[a.b]", "already an integer");
        assert_refused("= 1", "a key was expected");
        assert_refused("a = 1 b = 2", "line should have ended");
        assert_refused("a = 01", "no value");
        assert_refused("a = 1__0", "underscore");
        assert_refused("a = \"\\x\"", "escape sequence");
        assert_refused("a = \"\\u0000\"", "no such character");
        assert_refused("a = 9223372036854775808", "no value");
        assert_refused("a = \"\xff\"", "UTF-8");
        assert_refused("[[a]]\n[a]", "already a list");
        assert_refused("a = {b = 1,}", "no comma");
        for (int i = 0; i < 40; i++)
                g_string_append_c(deep, '[');
        assert_refused(deep->str, "nested too deeply");
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/toml/values", test_values);
        g_test_add_func("/toml/trailing-comma", test_trailing_comma);
        g_test_add_func("/toml/byte-order-mark", test_byte_order_mark);
        g_test_add_func("/toml/many-values", test_many_values);
        g_test_add_func("/toml/tables", test_tables);
        g_test_add_func("/toml/refuses", test_refuses);
        return g_test_run();
}
