/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/error.h"
#include "storage/image-record.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void set_list(GStrv *list, const char *a, const char *b) {
        const char *const texts[] = { a, b, NULL };

        g_strfreev(*list);
        *list = g_strdupv((GStrv) texts);
}

static void set_text(char **text, const char *to) {
        g_free(*text);
        *text = g_strdup(to);
}

static ImageRecord *make_record(void) {
        ImageRecord *record = image_record_new();

        set_text(&record->id, ID);
        set_text(&record->user, "1000:\"x\"");
        set_text(&record->stop_signal, "SIGQUIT");
        set_text(&record->os, "linux");
        record->created_ns = G_GINT64_CONSTANT(1700000000123456789);
        set_list(&record->env, "A=b\n", "C=");
        set_list(&record->labels, "key", "");
        set_list(&record->digests, "a.b/c@sha256:" ID, NULL);
        set_list(&record->names, "a.b/c:1", NULL);
        return record;
}

static void test_round_trip(void) {
        g_autoptr(ImageRecord) record = make_record();
        g_autoptr(ImageRecord) again = NULL;
        g_autoptr(GError) error = NULL;
        g_autofree char *text = NULL;
        size_t length;

        text = image_record_print(record, &length);
        again = image_record_parse(text, length, "r", &error);
        g_assert_no_error(error);
        g_assert_cmpstr(again->id, ==, record->id);
        g_assert_cmpstr(again->user, ==, record->user);
        g_assert_cmpstr(again->stop_signal, ==, "SIGQUIT");
        g_assert_cmpstr(again->working_dir, ==, "");
        g_assert_cmpint(again->created_ns, ==, record->created_ns);
        g_assert_cmpstrv(again->env, record->env);
        g_assert_cmpstrv(again->labels, record->labels);
        g_assert_cmpstrv(again->digests, record->digests);
        g_assert_cmpuint(g_strv_length(again->command), ==, 0);
        /* These are in the index, not here. */
        g_assert_cmpuint(g_strv_length(again->names), ==, 0);
        g_assert_cmpuint(g_strv_length(again->layers), ==, 0);
}

static void test_refused(void) {
        static const char *const texts[] = {
                "", "[]", "{}", "{\"version\":1}", "{\"version\":1,\"id\":\"abc\"}",
                "{\"version\":2,\"id\":\"" ID "\"}", "{\"version\":1,\"id\":\"../../etc\"}",
                "{\"version\":1,\"id\":\"" ID "\",\"labels\":[\"odd\"]}",
        };

        for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
                g_autoptr(GError) error = NULL;

                g_assert_null(image_record_parse(texts[i], strlen(texts[i]), "r", &error));
                g_assert_nonnull(error);
        }
}

static void test_wrong_types(void) {
        const char *text = "{\"version\":1,\"id\":\"" ID "\",\"user\":5,\"env\":\"x\","
                           "\"created\":[]}";
        g_autoptr(ImageRecord) record = image_record_parse(text, strlen(text), "r", NULL);

        g_assert_nonnull(record);
        g_assert_cmpstr(record->user, ==, "");
        g_assert_cmpuint(g_strv_length(record->env), ==, 0);
        g_assert_cmpint(record->created_ns, ==, 0);
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/image-record/round-trip", test_round_trip);
        g_test_add_func("/image-record/refused", test_refused);
        g_test_add_func("/image-record/wrong-types", test_wrong_types);
        return g_test_run();
}
