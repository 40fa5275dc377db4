/* SPDX-License-Identifier: Apache-2.0 */
#include "image/manifest.h"

#include <string.h>

#include "base/error.h"
#include "image/platform.h"

#define D(digit)                                                                                   \
        "sha256:" digit digit digit digit digit digit digit digit digit digit digit digit digit    \
                digit digit digit
#define DIGEST_A D("aaaa")
#define DIGEST_B D("bbbb")
#define DIGEST_C D("cccc")
#define DIGEST_D D("dddd")
#define OCI "application/vnd.oci.image."
#define CONFIG                                                                                     \
        "\"config\":{\"mediaType\":\"" OCI "config.v1+json\",\"digest\":\"" DIGEST_A               \
        "\",\"size\":7}"
#define LAYER(type, digest, size)                                                                  \
        "{\"mediaType\":\"" OCI "layer.v1.tar" type "\","                                          \
        "\"digest\":\"" digest "\",\"size\":" size "}"
#define IMAGE "{\"schemaVersion\":2," CONFIG ",\"layers\":["

static Manifest *parse(const char *text, const char *type, GError **error) {
        return manifest_parse(text, strlen(text), type, error);
}

static void assert_refused(const char *text, const char *type, const char *why) {
        g_autoptr(GError) error = NULL;

        if (parse(text, type, &error))
                g_error("taken: %s", text);
        if (!strstr(error->message, why))
                g_error("\"%s\" is not in \"%s\"", why, error->message);
}

static void test_image(void) {
        g_autoptr(GError) error = NULL;
        g_autoptr(Manifest) manifest =
                parse(IMAGE LAYER("+gzip", DIGEST_B, "5") "," LAYER("+zstd", DIGEST_C,
                                                                    "0") "," LAYER(
                              "", DIGEST_B, "5") "]}",
                      "application/json", &error);

        g_assert_no_error(error);
        g_assert_false(manifest->is_index);
        g_assert_cmpstr(manifest->config.digest.text, ==, DIGEST_A);
        g_assert_cmpuint(manifest->config.size, ==, 7);
        g_assert_cmpuint(manifest->n_layers, ==, 3);
        g_assert_cmpstr(manifest->layers[1].digest.text, ==, DIGEST_C);
        g_assert_cmpuint(manifest->layers[0].size, ==, 5);
}

static void test_refused(void) {
        g_autoptr(GString) many = g_string_new(IMAGE);

        assert_refused("", "", "not JSON");
        assert_refused("[]", "", "neither");
        assert_refused("{}", "", "neither");
        assert_refused(IMAGE "],\"manifests\":[]}", "", "two kinds");
        assert_refused(IMAGE "],\"fsLayers\":[]}", "", "two kinds");
        assert_refused("{\"schemaVersion\":1,\"fsLayers\":[]}", "", "schema version 1");
        assert_refused("{\"schemaVersion\":1," CONFIG ",\"layers\":[]}", "", "schema version 1");
        assert_refused("{" CONFIG ",\"layers\":[]}", "", "schema version");
        assert_refused(IMAGE "]}", OCI "index.v1+json", "contradicts");
        assert_refused("{\"schemaVersion\":2,\"manifests\":[],\"mediaType\":\"" OCI
                       "manifest.v1+json\"}", "", "contradicts");
        assert_refused("{\"schemaVersion\":2,\"mediaType\":\"text/html\"," CONFIG ","
        "\"layers\":[]}", "",
                       "contradicts");
        assert_refused("{\"schemaVersion\":2,\"layers\":[],\"config\":{\"mediaType\":"
                       "\"application/vnd.example+json\",\"digest\":\"" DIGEST_A "\",\"size\":2}}",
                       "", "artifact");
        assert_refused("{\"schemaVersion\":2," CONFIG "}", "", "layers");
        assert_refused("{\"schemaVersion\":2," CONFIG ",\"layers\":{}}", "", "layers");
        assert_refused(IMAGE LAYER("+gzip+encrypted", DIGEST_B, "5") "]}", "", "encrypted");
        assert_refused(IMAGE LAYER("+lzma", DIGEST_B, "5") "]}", "", "unknown type");
        assert_refused(IMAGE LAYER("+gzip", DIGEST_B, "-1") "]}", "", "size");
        assert_refused(IMAGE LAYER("+gzip", DIGEST_B, "99999999999999") "]}", "", "size");
        assert_refused(IMAGE LAYER("+gzip", DIGEST_B, "\"5\"") "]}", "", "size");
        assert_refused(IMAGE LAYER("+gzip", "sha256:../../etc", "5") "]}", "", "digest");
        assert_refused(IMAGE LAYER("+gzip", "md5:00", "5") "]}", "", "digest");
        assert_refused("{\"schemaVersion\":2,\"schemaVersion\":2," CONFIG ",\"layers\":[]}", "",
                       "twice");
        for (unsigned i = 0; i <= LAYERS_LIMIT; i++)
                g_string_append_printf(many, "%s%s", i ? "," : "", LAYER("", DIGEST_B, "5"));
        g_string_append(many, "]}");
        assert_refused(many->str, "", "at most 500");
}

static void test_config_limit(void) {
        assert_refused("{\"schemaVersion\":2,\"layers\":[],\"config\":{\"mediaType\":\"" OCI
                       "config.v1+json\",\"digest\":\"" DIGEST_A "\",\"size\":4194305}}", "",
                       "size");
}

#define ENTRY(digest, platform)                                                                    \
        "{\"mediaType\":\"" OCI "manifest.v1+json\",\"size\":9,"                                   \
        "\"digest\":\"" digest "\"" platform "}"
#define PLATFORM(os, architecture, variant)                                                        \
        ",\"platform\":{\"os\":\"" os "\",\"architecture\":\"" architecture                        \
        "\",\"variant\":\"" variant "\"}"
#define ZSTD ",\"annotations\":{\"io.github.containers.compression.zstd\":\"true\"}"
#define INDEX "{\"schemaVersion\":2,\"mediaType\":\"" OCI "index.v1+json\",\"manifests\":["
#define LIST                                                                                       \
        "{\"schemaVersion\":2,\"mediaType\":"                                                      \
        "\"application/vnd.docker.distribution.manifest.list.v2+json\",\"manifests\":["

/* Entries in @text; @expected: the digest, NULL when none fits. */
static void assert_chosen(const char *text, const char *architecture, const char *variant,
                          const char *expected) {
        g_autoptr(GError) error = NULL;
        g_autoptr(Manifest) index = parse(text, "", &error);
        g_autoptr(Platform) platform = platform_new("linux", architecture, variant);
        const ManifestEntry *entry;

        g_assert_no_error(error);
        entry = platform_choose(platform, index, &error);
        if (expected) {
                g_assert_no_error(error);
                g_assert_cmpstr(entry->descriptor.digest.text, ==, expected);
                return;
        }
        g_assert_null(entry);
        g_assert_error(error, ERROR_DOMAIN, ERROR_NOT_FOUND);
}

static void test_platform(void) {
        static const char index[] = INDEX ENTRY(DIGEST_A, PLATFORM("unknown", "unknown", ""))
                "," ENTRY(DIGEST_B, PLATFORM("linux", "arm", "v6")) "," ENTRY(
                        DIGEST_C, PLATFORM("linux", "arm", "v7")) "," ENTRY(
                        DIGEST_D, PLATFORM("linux", "amd64", "")) "]}";

        assert_chosen(index, "amd64", "", DIGEST_D);
        assert_chosen(index, "arm", "v8", DIGEST_C);
        assert_chosen(index, "arm", "v7", DIGEST_C);
        assert_chosen(index, "arm", "v6", DIGEST_B);
        assert_chosen(index, "arm", "v5", NULL);
        assert_chosen(index, "arm", "", DIGEST_C);
        assert_chosen(index, "arm64", "v8", NULL);
        assert_chosen(INDEX "]}", "amd64", "", NULL);
}

static void test_platform_ties(void) {
        assert_chosen(INDEX ENTRY(DIGEST_A, PLATFORM("linux", "amd64", "")) "," ENTRY(
                              DIGEST_B, PLATFORM("linux", "amd64", "") ZSTD) "]}",
                      "amd64", "", DIGEST_B);
        assert_chosen(INDEX ENTRY(DIGEST_A, PLATFORM("linux", "amd64", "")) "," ENTRY(
                              DIGEST_B, PLATFORM("linux", "amd64", "")) "]}",
                      "amd64", "", DIGEST_A);
        assert_chosen(INDEX ENTRY(DIGEST_A, "") "," ENTRY(DIGEST_B, PLATFORM("linux", "amd64",
                                                                             "")) "]}",
                      "amd64", "", DIGEST_B);
        assert_chosen(INDEX ENTRY(DIGEST_A, "") "," ENTRY(DIGEST_B, PLATFORM("linux", "arm",
                                                                             "")) "]}",
                      "amd64", "", DIGEST_A);
        assert_chosen(INDEX ENTRY(DIGEST_A, PLATFORM("linux", "amd64", "v3")) "]}", "amd64", "",
                      NULL);
        assert_chosen(INDEX ENTRY(DIGEST_A, PLATFORM("windows", "amd64", "")) "]}", "amd64", "",
                      NULL);
        assert_chosen(LIST "{\"size\":9,\"digest\":\"" DIGEST_A "\"}]}", "amd64", "", NULL);
}

static void test_index_refused(void) {
        assert_refused(INDEX ENTRY("sha256:..", "") "]}", "", "digest");
        assert_refused(INDEX "{\"digest\":\"" DIGEST_A "\",\"size\":4194305}]}", "", "size");
        assert_refused("{\"schemaVersion\":2,\"manifests\":5}", "", "no list");
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/manifest/image", test_image);
        g_test_add_func("/manifest/refused", test_refused);
        g_test_add_func("/manifest/config-limit", test_config_limit);
        g_test_add_func("/manifest/index-refused", test_index_refused);
        g_test_add_func("/platform/choose", test_platform);
        g_test_add_func("/platform/ties", test_platform_ties);
        return g_test_run();
}
