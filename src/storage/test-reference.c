/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/error.h"
#include "storage/reference.h"

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define DIGEST "sha256:" HEX
#define X16 "xxxxxxxxxxxxxxxx"
#define X64 X16 X16 X16 X16
#define X128 X64 X64

static const struct {
        const char *text;
        const char *whole;
        const char *stored;
        bool is_short;
} good[] = {
        { "busybox", "docker.io/library/busybox", "docker.io/library/busybox:latest", true },
        { "busybox:1", "docker.io/library/busybox:1", "docker.io/library/busybox:1", true },
        { "a/b", "docker.io/a/b", "docker.io/a/b:latest", true },
        { "docker.io/busybox", "docker.io/library/busybox", "docker.io/library/busybox:latest",
          false },
        { "index.docker.io/a/b", "docker.io/a/b", "docker.io/a/b:latest", false },
        { "quay.io/busybox", "quay.io/busybox", "quay.io/busybox:latest", false },
        { "localhost/x", "localhost/x", "localhost/x:latest", false },
        { "localhost:5000/x:v1", "localhost:5000/x:v1", "localhost:5000/x:v1", false },
        { "host:80/x", "host:80/x", "host:80/x:latest", false },
        { "HOST/x", "HOST/x", "HOST/x:latest", false },
        { "[::1]:5000/x/y", "[::1]:5000/x/y", "[::1]:5000/x/y:latest", false },
        { "a.b/c@" DIGEST, "a.b/c@" DIGEST, "a.b/c@" DIGEST, false },
        { "a.b/c:t@" DIGEST, "a.b/c:t@" DIGEST, "a.b/c@" DIGEST, false },
        { "a.b/c_d/e__f/g-h/i--j/k.l", "a.b/c_d/e__f/g-h/i--j/k.l",
          "a.b/c_d/e__f/g-h/i--j/k.l:latest", false },
        { "x:A_b.c-D", "docker.io/library/x:A_b.c-D", "docker.io/library/x:A_b.c-D", true },
        { "x:" X128, "docker.io/library/x:" X128, "docker.io/library/x:" X128, true },
        { HEX "0", "docker.io/library/" HEX "0", "docker.io/library/" HEX "0:latest", true },
        { "localhostx/y", "docker.io/localhostx/y", "docker.io/localhostx/y:latest", true },
};

static const struct {
        const char *text;
        const char *why;
} bad[] = {
        { "", "empty" },
        { HEX, "image id" },
        { "Busybox", "lowercase" },
        { "a.b/C", "lowercase" },
        { "x:", "tag" },
        { "x:-a", "tag" },
        { "x:.a", "tag" },
        { "x:a b", "tag" },
        { "x:a:b", "tag" },
        { "x:" X128 "x", "tag" },
        { "x@", "digest" },
        { "x@sha256:abc", "digest" },
        { "x@sha256:" HEX "0", "digest" },
        { "x@SHA256:" HEX, "digest" },
        { "x@" DIGEST "@" DIGEST, "digest" },
        { "x@sha512:" HEX HEX, "only sha256" },
        { "x@" DIGEST ":t", "digest" },
        { "@" DIGEST, "repository" },
        { ":t", "repository" },
        { "/x", "repository" },
        { "a.b/", "repository" },
        { "a.b//x", "repository" },
        { "a.b/x/", "repository" },
        { "a.b/../x", "repository" },
        { "a.b/./x", "repository" },
        { "a.b/-x", "repository" },
        { "a.b/x-", "repository" },
        { "a.b/x..y", "repository" },
        { "a.b/x___y", "repository" },
        { "a.b/x_.y", "repository" },
        { "a.b/x y", "repository" },
        { "a.b/x\n", "repository" },
        { "a.b/x\xc3\xa9", "repository" },
        { " x", "repository" },
        { "docker://x", "registry" },
        { "-a.b/x", "registry" },
        { "a-.b/x", "registry" },
        { "a..b/x", "registry" },
        { ".a/x", "registry" },
        { "a.b./x", "registry" },
        { "a.b:/x", "registry" },
        { "a.b:0/x", "registry" },
        { "a.b:65536/x", "registry" },
        { "a.b:123456/x", "registry" },
        { "a.b:1x/x", "registry" },
        { "a.b@c/x", "digest" },
        { "user:pass@a.b/x", "digest" },
        { "[::1/x", "registry" },
        { "[]:5/x", "registry" },
        { "a.b/" X128 X64 X16 X16 X16 "/" X16, "255" },
        { X128 X128 X128 X128 X128, "too long" },
};

static void test_good(void) {
        for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
                g_autoptr(GError) error = NULL;
                g_autoptr(ImageReference) reference = image_reference_parse(good[i].text, &error);
                g_autofree char *whole = NULL;
                g_autofree char *stored = NULL;

                g_assert_no_error(error);
                whole = image_reference_print(reference);
                stored = image_reference_print_stored(reference);
                g_assert_cmpstr(whole, ==, good[i].whole);
                g_assert_cmpstr(stored, ==, good[i].stored);
                g_assert_cmpint(image_reference_is_short(good[i].text), ==, good[i].is_short);
        }
}

/* What was stored must mean itself, or it could not be found again. */
static void test_stored_is_stable(void) {
        for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
                g_autoptr(ImageReference) reference = image_reference_parse(good[i].stored, NULL);
                g_autofree char *again = image_reference_print_stored(reference);

                g_assert_cmpstr(again, ==, good[i].stored);
        }
}

static void test_bad(void) {
        for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autoptr(GError) error = NULL;

                if (image_reference_parse(bad[i].text, &error))
                        g_error("\"%s\" was taken for a name", bad[i].text);
                g_assert_error(error, ERROR_DOMAIN, ERROR_INVALID_ARGUMENT);
                g_assert_true(g_str_has_prefix(error->message, "invalid reference format"));
                if (!strstr(error->message, bad[i].why))
                        g_error("\"%s\": %s", bad[i].text, error->message);
        }
}

static void test_parts(void) {
        g_autoptr(ImageReference) reference = image_reference_parse("a.b:1/c/d:t@" DIGEST, NULL);
        g_autofree char *repository = image_reference_print_repository(reference);
        g_autofree char *tagged = image_reference_print_tagged(reference);

        g_assert_cmpstr(reference->domain, ==, "a.b:1");
        g_assert_cmpstr(reference->path, ==, "c/d");
        g_assert_cmpstr(reference->tag, ==, "t");
        g_assert_true(reference->has_digest);
        g_assert_cmpstr(digest_hex(&reference->digest), ==, HEX);
        g_assert_cmpstr(repository, ==, "a.b:1/c/d");
        g_assert_cmpstr(tagged, ==, "a.b:1/c/d:t");
}

static void test_digest(void) {
        static const char *const refused[] = { "", "sha256:", HEX, "sha256:" HEX "a", " " DIGEST,
                                               DIGEST " ", "sha256:" X64, "sha256/" HEX };
        Digest digest = { "untouched" };

        for (size_t i = 0; i < G_N_ELEMENTS(refused); i++)
                g_assert_false(digest_parse(refused[i], &digest, NULL));
        g_assert_false(digest_parse(NULL, &digest, NULL));
        g_assert_cmpstr(digest.text, ==, "untouched");
        g_assert_true(digest_parse(DIGEST, &digest, NULL));
        g_assert_cmpstr(digest.text, ==, DIGEST);
        digest = digest_of("abc", 3);
        g_assert_cmpstr(digest.text, ==, "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb4"
                                         "10ff61f20015ad");
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/reference/good", test_good);
        g_test_add_func("/reference/stored-is-stable", test_stored_is_stable);
        g_test_add_func("/reference/bad", test_bad);
        g_test_add_func("/reference/parts", test_parts);
        g_test_add_func("/digest", test_digest);
        return g_test_run();
}
