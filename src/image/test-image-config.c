/* SPDX-License-Identifier: Apache-2.0 */
#include "image/image-config.h"

#include <string.h>

#include "base/error.h"

#define DIGEST "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static ImageConfig *parse(const char *text, GError **error) {
        Digest digest;

        g_assert_true(digest_parse(DIGEST, &digest, NULL));
        return image_config_parse(text, strlen(text), &digest, error);
}

static void assert_list(GStrv list, const char *expected) {
        g_autofree char *text = g_strjoinv("|", list);

        g_assert_cmpstr(text, ==, expected);
}

static void test_whole(void) {
        static const char text[] =
                "{\"os\":\"linux\",\"architecture\":\"amd64\","
                "\"created\":\"2024-01-02T03:04:05.5Z\","
                "\"config\":{\"User\":\"1000:1000\",\"Env\":[\"A=b\",\"C=\"],"
                "\"Entrypoint\":[\"/run\"],"
                "\"Cmd\":[\"-x\",\"\"],\"WorkingDir\":\"/w\",\"StopSignal\":\"SIGINT\","
                "\"Volumes\":{\"/data/../../etc//x/.\":{},\"rel\":{}},\"Labels\":{\"k\":\"v\"}},"
                "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"" DIGEST "\",\"" DIGEST "\"]}}";
        g_autoptr(GError) error = NULL;
        g_autoptr(ImageConfig) config = parse(text, &error);
        const ImageRecord *record;

        g_assert_no_error(error);
        record = config->record;
        g_assert_cmpstr(record->id, ==, DIGEST + strlen("sha256:"));
        g_assert_cmpint(record->created_ns, ==, G_GINT64_CONSTANT(1704164645500000000));
        g_assert_cmpstr(record->user, ==, "1000:1000");
        g_assert_cmpstr(record->working_dir, ==, "/w");
        g_assert_cmpstr(record->stop_signal, ==, "SIGINT");
        assert_list(record->env, "A=b|C=");
        assert_list(record->entrypoint, "/run");
        assert_list(record->command, "-x|");
        assert_list(record->volumes, "/etc/x|/rel");
        assert_list(record->labels, "k|v");
        g_assert_cmpuint(config->n_diffs, ==, 2);
        g_assert_cmpstr(config->diff_digests[1].text, ==, DIGEST);
}

static void test_sparse(void) {
        static const char *const texts[] = {
                "{}", "{\"config\":null}", "{\"config\":{},\"rootfs\":null,\"created\":null}",
                "{\"config\":{\"Env\":null,\"Cmd\":null,\"User\":null,\"Volumes\":null,"
                "\"Labels\":null}}",
                "{\"created\":\"yesterday\"}", "{\"created\":\"0001-01-01T00:00:00Z\"}",
        };

        for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++) {
                g_autoptr(GError) error = NULL;
                g_autoptr(ImageConfig) config = parse(texts[i], &error);

                g_assert_no_error(error);
                g_assert_cmpstr(config->record->user, ==, "");
                g_assert_cmpuint(g_strv_length(config->record->env), ==, 0);
                g_assert_cmpint(config->record->created_ns, ==, 0);
                g_assert_cmpuint(config->n_diffs, ==, 0);
        }
}

static void assert_refused(const char *text) {
        g_autoptr(GError) error = NULL;

        if (parse(text, &error))
                g_error("taken: %.200s", text);
        g_assert_nonnull(error);
}

static void test_refused(void) {
        g_autofree char *huge = g_strnfill(128 * 1024 + 1, 'x');
        g_autofree char *user = g_strdup_printf("{\"config\":{\"User\":\"%s\"}}", huge);
        g_autofree char *env = g_strdup_printf("{\"config\":{\"Env\":[\"%s\"]}}", huge);
        g_autofree char *label = g_strdup_printf("{\"config\":{\"Labels\":{\"%s\":\"\"}}}", huge);
        g_autoptr(GString) many = g_string_new("{\"config\":{\"Env\":[\"a\"");
        g_autoptr(GString) diffs = g_string_new("{\"rootfs\":{\"diff_ids\":[\"" DIGEST "\"");

        assert_refused("");
        assert_refused("{\"config\":{\"User\":0}}");
        assert_refused("{\"config\":{\"Env\":\"A=b\"}}");
        assert_refused("{\"config\":{\"Env\":[1]}}");
        assert_refused("{\"config\":{\"Cmd\":[\"a\\u0000b\"]}}");
        assert_refused("{\"config\":{\"Labels\":{\"a\":1}}}");
        assert_refused("{\"config\":{\"Volumes\":{\"/..\":{}}}}");
        assert_refused("{\"config\":{\"Volumes\":{\"\":{}}}}");
        assert_refused("{\"rootfs\":{\"diff_ids\":[\"sha256:../x\"]}}");
        assert_refused("{\"rootfs\":{\"diff_ids\":[null]}}");
        assert_refused(user);
        assert_refused(env);
        assert_refused(label);
        for (unsigned i = 0; i < 10000; i++)
                g_string_append(many, ",\"a\"");
        g_string_append(many, "]}}");
        assert_refused(many->str);
        for (unsigned i = 0; i < 500; i++)
                g_string_append(diffs, ",\"" DIGEST "\"");
        g_string_append(diffs, "]}}");
        assert_refused(diffs->str);
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/image-config/whole", test_whole);
        g_test_add_func("/image-config/sparse", test_sparse);
        g_test_add_func("/image-config/refused", test_refused);
        return g_test_run();
}
