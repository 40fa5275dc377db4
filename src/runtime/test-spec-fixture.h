/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What a test of specs needs: a rootfs of empty folders, a fake runtime that only tells its
 * features, an image and a wish to be changed. */

#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "base/tree.h"
#include "runtime/spec.h"
#include "runtime/test-config.h"

typedef struct Fixture {
        char *folder, *rootfs, *bundle, *runtime_path;
        TestConfig *test;
        RuntimeTable *table;
        ImageRecord image;
        CriContainerConfig wish;
        CriLinuxContainerConfig linux_config;
        CriLinuxContainerSecurityContext security;
        CriLinuxContainerResources resources;
        CriContainerMetadata metadata;
        SpecRequest request;
        SpecResult result;
} Fixture;

static const char fixture_features[] =
        "#!/bin/sh\n"
        "cat <<'END'\n"
        "{\"ociVersionMin\":\"1.0.0\",\"ociVersionMax\":\"1.1.0-rc.1\",\"mountOptions\":[\"ro\","
        "\"rro\"],"
        "\"linux\":{\"mountExtensions\":{\"idmap\":{\"enabled\":true}}},"
        "\"potentiallyUnsafeConfigAnnotations\":[\"org.example.danger.\",\"org.example.exact\"]}\n"
        "END\n";

static inline void fixture_make(const char *folder, const char *name, char **ret_path) {
        *ret_path = g_build_filename(folder, name, NULL);
        g_assert_cmpint(g_mkdir_with_parents(*ret_path, 0755), ==, 0);
}

static inline void fixture_write(const Fixture *fixture, const char *name, const char *text) {
        g_autofree char *path = g_build_filename(fixture->rootfs, name, NULL);
        g_autofree char *folder = g_path_get_dirname(path);

        g_assert_cmpint(g_mkdir_with_parents(folder, 0755), ==, 0);
        g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static inline void fixture_link(Fixture *fixture) {
        fixture->wish.linux = &fixture->linux_config;
        fixture->wish.metadata = &fixture->metadata;
        fixture->linux_config.security_context = &fixture->security;
        fixture->linux_config.resources = &fixture->resources;
        fixture->request = (SpecRequest){
                .config = &fixture->test->config,
                .runtime = runtime_table_find(fixture->table, "", NULL),
                .id = "0123456789abcdef",
                .name = "k8s_c_p_n_u_0",
                .sandbox_id = "fedcba9876543210",
                .sandbox_name = "k8s_p_n_u_0",
                .wish = &fixture->wish,
                .image = &fixture->image,
                .rootfs = fixture->rootfs,
                .bundle = fixture->bundle,
                .cgroup_path = "/crio-test-spec",
                .hostname = "host-of-pod",
                .log_path = "/var/log/x",
                .namespaces = {.net = "/run/netns/x", .ipc = "/run/ipcns/x", .uts = "/run/utsns/x"},
        };
}

static inline Fixture *fixture_new(void) {
        static char *words[] = {(char *)"/from-image", NULL};
        static char *more[] = {(char *)"image-arg", NULL};
        Fixture *fixture = g_new0(Fixture, 1);
        g_autofree char *etc = NULL;

        log_set_level(LOG_LEVEL_ERROR);
        fixture->folder = g_dir_make_tmp("crio-spec-XXXXXX", NULL);
        fixture_make(fixture->folder, "rootfs", &fixture->rootfs);
        fixture_make(fixture->folder, "bundle", &fixture->bundle);
        fixture_make(fixture->rootfs, "etc", &etc);
        fixture_write(fixture, "etc/passwd",
                "root:x:0:0:root:/root:/bin/sh\nweb:x:33:34::/srv:/bin/sh\n");
        fixture_write(fixture, "etc/group", "root:x:0:\nweb:x:34:\nextra:x:50:web\n");
        fixture->runtime_path = g_build_filename(fixture->folder, "fake", NULL);
        g_assert_true(g_file_set_contents(fixture->runtime_path, fixture_features, -1, NULL));
        g_assert_cmpint(chmod(fixture->runtime_path, 0755), ==, 0);
        fixture->test = test_config_new(fixture->folder);
        fixture->test->handler.runtime_path = fixture->runtime_path;
        fixture->table = runtime_table_new(&fixture->test->config, NULL);
        g_assert_nonnull(fixture->table);
        fixture->image = (ImageRecord){.id = (char *)"imageid",
                .entrypoint = words,
                .command = more,
                .user = (char *)"",
                .working_dir = (char *)"",
                .stop_signal = (char *)""};
        cri_container_config_init(&fixture->wish);
        cri_linux_container_config_init(&fixture->linux_config);
        cri_linux_container_security_context_init(&fixture->security);
        cri_linux_container_resources_init(&fixture->resources);
        cri_container_metadata_init(&fixture->metadata);
        fixture_link(fixture);
        return fixture;
}

static inline void fixture_free(Fixture *fixture) {
        spec_result_clear(&fixture->result);
        runtime_table_free(fixture->table);
        test_config_free(fixture->test);
        g_assert_true(tree_remove(AT_FDCWD, fixture->folder, NULL));
        g_free(fixture->folder);
        g_free(fixture->rootfs);
        g_free(fixture->bundle);
        g_free(fixture->runtime_path);
        g_free(fixture);
}

/* Build anew; the result replaces the last one. */
static inline const Json *fixture_build(Fixture *fixture) {
        GError *error = NULL;

        spec_result_clear(&fixture->result);
        fixture->result = (SpecResult){0};
        spec_build(&fixture->request, &fixture->result, &error);
        g_assert_no_error(error);
        return fixture->result.spec;
}

/* Expect a refusal of this kind that says @text. */
static inline void fixture_refuse(Fixture *fixture, ErrorCode code, const char *text) {
        g_autoptr(GError) error = NULL;

        spec_result_clear(&fixture->result);
        fixture->result = (SpecResult){0};
        g_assert_false(spec_build(&fixture->request, &fixture->result, &error));
        g_assert_nonnull(error);
        g_test_message("%s", error->message);
        g_assert_cmpint(error_get_code(error), ==, code);
        g_assert_nonnull(strstr(error->message, text));
}

static inline const Json *fixture_at(const Json *json, const char *path) {
        g_auto(GStrv) parts = g_strsplit(path, "/", -1);

        for (unsigned i = 0; parts[i]; i++)
                json = json_get(json, parts[i]);
        return json;
}

/* An array of strings as "a b c". */
static inline char *fixture_words(const Json *spec, const char *path) {
        const Json *array = fixture_at(spec, path);
        GString *text = g_string_new(NULL);

        for (size_t i = 0; i < json_length(array); i++)
                g_string_append_printf(text, "%s%s", i ? " " : "", json_string(json_at(array, i)));
        return g_string_free(text, FALSE);
}

static inline void fixture_expect(const Json *spec, const char *path, const char *words) {
        g_autofree char *text = fixture_words(spec, path);

        g_assert_cmpstr(text, ==, words);
}

/* The last mount at @target, or NULL. */
static inline const Json *fixture_mount(const Json *spec, const char *target) {
        const Json *mounts = json_get(spec, "mounts");

        for (size_t i = json_length(mounts); i > 0; i--)
                if (g_strcmp0(json_get_string(json_at(mounts, i - 1), "destination"), target) == 0)
                        return json_at(mounts, i - 1);
        return NULL;
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Fixture, fixture_free)
