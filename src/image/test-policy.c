/* SPDX-License-Identifier: Apache-2.0 */
#include "image/policy.h"

#include <fcntl.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/tree.h"

#define DIGEST "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ACCEPT "[{\"type\":\"insecureAcceptAnything\"}]"
#define REJECT "[{\"type\":\"reject\"}]"
#define SIGNED                                                                                     \
        "[{\"type\":\"signedBy\",\"keyType\":\"GPGKeys\",\"keyPath\":\"/key\"}]"

static Policy *parse(const char *text, GError **error) {
        return policy_parse(text, strlen(text), "policy.json", error);
}

static void assert_allowed(const Policy *policy, const char *name, bool expected) {
        g_autoptr(ImageReference) reference = image_reference_parse(name, NULL);
        g_autoptr(GError) error = NULL;

        if (policy_check(policy, reference, &error) != expected)
                g_error("%s is %s", name, expected ? "refused" : "allowed");
        if (!expected)
                g_assert_error(error, ERROR_DOMAIN, ERROR_SIGNATURE_VALIDATION_FAILED);
}

static void test_scopes(void) {
        g_autoptr(GError) error = NULL;
        g_autoptr(Policy) policy = parse(
                "{\"default\":" REJECT ",\"transports\":{\"docker\":{"
                "\"a.test:80\":" ACCEPT ",\"a.test:80/bad\":" REJECT ","
                "\"a.test:80/bad/good:1\":" ACCEPT
                ",\"*.wild.test\":" ACCEPT ",\"*.deep.wild.test\":" REJECT ",\"b.test/x@" DIGEST
                "\":" ACCEPT ",\"docker.io/library/busybox\":" ACCEPT "},"
                "\"atomic\":{\"\":" ACCEPT "}}}", &error);

        g_assert_no_error(error);
        assert_allowed(policy, "a.test:80/x", true);
        assert_allowed(policy, "a.test/x", false);
        assert_allowed(policy, "a.test:80/bad", false);
        assert_allowed(policy, "a.test:80/bad/x", false);
        assert_allowed(policy, "a.test:80/badly/x", true);
        assert_allowed(policy, "a.test:80/bad/good:1", true);
        assert_allowed(policy, "a.test:80/bad/good:2", false);
        assert_allowed(policy, "one.wild.test:99/x", true);
        assert_allowed(policy, "one.deep.wild.test/x", false);
        assert_allowed(policy, "wild.test/x", false);
        assert_allowed(policy, "b.test/x@" DIGEST, true);
        assert_allowed(policy, "b.test/x", false);
        assert_allowed(policy, "busybox", true);
        assert_allowed(policy, "c.test/x", false);
}

static void test_transport_default(void) {
        g_autoptr(Policy) policy = parse("{\"default\":" REJECT
                                         ",\"transports\":{\"docker\":{\"\":" ACCEPT "}}}", NULL);

        assert_allowed(policy, "any.test/x", true);
}

/* All requirements have to accept, and one that we cannot check does not. */
static void test_requirements(void) {
        g_autoptr(Policy) both = parse("{\"default\":[{\"type\":\"insecureAcceptAnything\"},"
                                       "{\"type\":\"reject\"}]}", NULL);
        g_autoptr(Policy) is_signed = parse("{\"default\":" SIGNED "}", NULL);
        g_autoptr(ImageReference) reference = image_reference_parse("a.test/x", NULL);
        g_autoptr(GError) error = NULL;

        assert_allowed(both, "a.test/x", false);
        g_assert_false(policy_check(is_signed, reference, &error));
        g_assert_error(error, ERROR_DOMAIN, ERROR_SIGNATURE_VALIDATION_FAILED);
        g_assert_nonnull(strstr(error->message, "signedBy"));
        g_assert_nonnull(strstr(error->message, "not supported yet"));
}

static void test_strict(void) {
        static const char *const texts[] = {
                "", "[]", "{}", "{\"default\":[]}", "{\"default\":{}}",
                "{\"default\":[{\"type\":\"accept\"}]}", "{\"default\":[{}]}", "{\"default\":[5]}",
                "{\"default\":[{\"type\":\"reject\",\"x\":1}]}",
                "{\"default\":[{\"type\":\"signedBy\",\"keypath\":\"/x\"}]}",
                "{\"default\":" ACCEPT ",\"extra\":1}",
                "{\"default\":" ACCEPT ",\"default\":" REJECT "}",
                "{\"default\":" ACCEPT ",\"transports\":[]}",
                "{\"default\":" ACCEPT ",\"transports\":{\"docker\":[]}}",
                "{\"default\":" ACCEPT ",\"transports\":{\"docker\":{\"a.test\":[]}}}",
                "{\"transports\":{\"docker\":{\"\":" ACCEPT "}}}",
        };

        for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++)
                if (parse(texts[i], NULL))
                        g_error("taken: %s", texts[i]);
}

static void write_file(const char *folder, const char *name, const char *text) {
        g_autofree char *path = g_build_filename(folder, name, NULL);

        g_assert_true(file_publish(AT_FDCWD, path, text, strlen(text), 0644, NULL));
}

static void test_files(void) {
        g_autofree char *base = g_dir_make_tmp("policy-XXXXXX", NULL);
        g_autofree char *file = g_build_filename(base, "policy.json", NULL);
        g_autofree char *missing = g_build_filename(base, "missing.json", NULL);
        g_autoptr(Policy) general = NULL;
        g_autoptr(Policy) other = NULL;
        g_autoptr(Policy) own = NULL;

        write_file(base, "policy.json", "{\"default\":" REJECT "}");
        write_file(base, "team.json", "{\"default\":" ACCEPT "}");
        general = policy_load(file, base, "", NULL);
        other = policy_load(file, base, "other", NULL);
        own = policy_load(file, base, "team", NULL);
        assert_allowed(general, "a.test/x", false);
        assert_allowed(other, "a.test/x", false);
        assert_allowed(own, "a.test/x", true);
        g_assert_null(policy_load(missing, NULL, NULL, NULL));
        g_assert_null(policy_load(file, base, "../policy", NULL));
        g_assert_null(policy_load(file, base, "..", NULL));
        g_assert_true(tree_remove(AT_FDCWD, base, NULL));
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/policy/scopes", test_scopes);
        g_test_add_func("/policy/transport-default", test_transport_default);
        g_test_add_func("/policy/requirements", test_requirements);
        g_test_add_func("/policy/strict", test_strict);
        g_test_add_func("/policy/files", test_files);
        return g_test_run();
}
