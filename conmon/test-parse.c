/* SPDX-License-Identifier: Apache-2.0 */
#include <glib.h>
#include <string.h>

#include "conmon/control.h"
#include "conmon/notify.h"
#include "conmon/oom.h"
#include "conmon/text.h"

/* the smaller parsers and writers: text, JSON, control lines, notifications, counters */

static void test_text(void) {
        char buffer[8];
        Text text = text_over(buffer, sizeof(buffer));

        text_add(&text, "abc");
        text_add_number(&text, -12);
        g_assert_cmpstr(text.data, ==, "abc-12");
        text_add(&text, "xy");
        g_assert_true(text.cut);
        g_assert_cmpstr(text.data, ==, "abc-12");
        /* once something is missing nothing follows it */
        text_add(&text, "x");
        g_assert_cmpstr(text.data, ==, "abc-12");
}

static void test_number(void) {
        char buffer[32];
        Text text = text_over(buffer, sizeof(buffer));
        int64_t number = 7;

        text_add_number(&text, INT64_MIN);
        g_assert_cmpstr(text.data, ==, "-9223372036854775808");
        g_assert_true(number_parse("-12", &number));
        g_assert_cmpint(number, ==, -12);
        g_assert_false(number_parse("", &number));
        g_assert_false(number_parse("1x", &number));
        g_assert_false(number_parse("9223372036854775808", &number));
        g_assert_cmpint(number, ==, -12);
}

static void test_json(void) {
        static const char raw[] = "a\"b\\c/d\n\r\t\b\f\x01\x1f\x7f\xc3\xa4\xff\0z";
        char buffer[128];
        Text text = text_over(buffer, sizeof(buffer));

        text_add_json(&text, raw, sizeof(raw) - 1);
        g_assert_cmpstr(text.data, ==,
                "a\\\"b\\\\c\\/d\\n\\r\\t\\b\\f\\u0001\\u001f\\u007f\xc3\xa4\xff\\u0000z");
}

/* an escape is there whole or not at all */
static void test_json_cut(void) {
        char buffer[8];
        Text text = text_over(buffer, sizeof(buffer));

        text_add_json(&text, "ab\x01", 3);
        g_assert_cmpstr(text.data, ==, "ab");
        g_assert_true(text.cut);
}

static void test_arena(void) {
        char memory[64] = "";
        Arena arena = { .data = memory, .size = sizeof(memory) };
        char *first = arena_join(&arena, "a", "", "bc", NULL);

        g_assert_cmpstr(first, ==, "abc");
        g_assert_cmpstr(arena_join(&arena, "x", NULL), ==, "x");
        g_assert_cmpstr(first, ==, "abc");
}

static void test_control(void) {
        static const char *refused[] = {
                "", "1", "1 2", "1 2 3 4", "1 2 3x", "1 2 -3", "1 1001 3", "1 2 99999999999",
                "x 2 3", "1,2,3", "1 2 +3", "12345678901234567890 1 1", "1  ",
        };
        int numbers[3] = { 0 };

        g_assert_true(control_parse("1 24 80", 3, numbers));
        g_assert_cmpint(numbers[0], ==, 1);
        g_assert_cmpint(numbers[1], ==, 24);
        g_assert_cmpint(numbers[2], ==, 80);
        g_assert_true(control_parse(" 2  0\t0 \r", 3, numbers));
        g_assert_true(control_parse("1 1000 0", 3, numbers));
        g_assert_true(control_parse("30 100", 2, numbers));
        g_assert_cmpint(numbers[1], ==, 100);
        for (size_t i = 0; i < G_N_ELEMENTS(refused); i++) {
                g_test_message("%s", refused[i]);
                g_assert_false(control_parse(refused[i], 3, numbers));
        }
}

static void assert_filtered(const char *message, const char *expected) {
        char buffer[256];
        Text lines = text_over(buffer, sizeof(buffer));

        notify_filter(message, strlen(message), &lines);
        g_assert_cmpstr(lines.data, ==, expected);
}

static void test_notify(void) {
        assert_filtered("READY=1", "READY=1\n");
        assert_filtered("READY=1\nMAINPID=1\nSTATUS=a b\n", "READY=1\nSTATUS=a b\n");
        assert_filtered("READY=11\nREADY=\nWATCHDOG=trigger\nWATCHDOG=x", "WATCHDOG=trigger\n");
        assert_filtered("ERRNO=2\nBUSERROR=x\nMONOTONIC_USEC=5\nRELOADING=1\nSTOPPING=1\n"
                "WATCHDOG=1",
                "ERRNO=2\nBUSERROR=x\nMONOTONIC_USEC=5\nRELOADING=1\nSTOPPING=1\nWATCHDOG=1\n");
        assert_filtered("FDSTORE=1\nxREADY=1\n\n", "");
        assert_filtered("", "");
}

static void test_oom(void) {
        g_assert_cmpint(oom_count("low 0\nmax 7\noom 9\noom_kill 3\noom_group_kill 1\n"), ==, 3);
        g_assert_cmpint(oom_count("oom_kill_disable 1\nunder_oom 0\noom_kill 12\n"), ==, 12);
        g_assert_cmpint(oom_count("oom_kill_disable 1\nunder_oom 0\n"), ==, 0);
        g_assert_cmpint(oom_count(""), ==, 0);
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/text/bounds", test_text);
        g_test_add_func("/text/number", test_number);
        g_test_add_func("/text/json", test_json);
        g_test_add_func("/text/json-cut", test_json_cut);
        g_test_add_func("/arena/join", test_arena);
        g_test_add_func("/control/parse", test_control);
        g_test_add_func("/notify/filter", test_notify);
        g_test_add_func("/oom/count", test_oom);
        return g_test_run();
}
