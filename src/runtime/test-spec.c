/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>

#include "runtime/stop-signal.h"
#include "runtime/test-spec-fixture.h"

static char *command[] = {(char *)"cmd", (char *)"one"};
static char *arguments[] = {(char *)"arg"};

static void test_args(void) {
        g_autoptr(Fixture) fixture = fixture_new();

        fixture_expect(fixture_build(fixture), "process/args", "/from-image image-arg");
        fixture->wish.n_args = 1;
        fixture->wish.args = arguments;
        fixture_expect(fixture_build(fixture), "process/args", "/from-image arg");
        fixture->wish.n_command = 2;
        fixture->wish.command = command;
        fixture_expect(fixture_build(fixture), "process/args", "cmd one arg");
        fixture->wish.n_args = 0;
        fixture_expect(fixture_build(fixture), "process/args", "cmd one");
        fixture->wish.n_command = 0;
        fixture->image.entrypoint = NULL;
        fixture_expect(fixture_build(fixture), "process/args", "image-arg");
        fixture->image.command = NULL;
        fixture_refuse(fixture, ERROR_INVALID_ARGUMENT, "no command specified");
        g_assert_false(spec_check(&fixture->request, NULL));
}

static const char *find_env(const Json *spec, const char *name) {
        const Json *env = fixture_at(spec, "process/env");
        const char *found = NULL;
        unsigned count = 0;

        for (size_t i = 0; i < json_length(env); i++) {
                const char *entry = json_string(json_at(env, i));

                if (g_str_has_prefix(entry, name) && entry[strlen(name)] == '=') {
                        found = entry + strlen(name) + 1;
                        count++;
                }
        }
        g_assert_cmpuint(count, <=, 1);
        return found;
}

static void set_env(Fixture *fixture, CriKeyValue *pair, CriKeyValue **list, const char *key,
        const char *value, size_t length) {
        cri_key_value_init(pair);
        pair->key = (char *)key;
        pair->value.data = (uint8_t *)value;
        pair->value.len = length;
        list[0] = pair;
        fixture->wish.n_envs = 1;
        fixture->wish.envs = list;
}

static void test_env(void) {
        static char *defaults[] = {
                (char *)"A=default", (char *)"B=default", (char *)"C=default", NULL};
        static char *image[] = {
                (char *)"B=image", (char *)"C=image", (char *)"novalue", (char *)"=empty", NULL};
        g_autoptr(Fixture) fixture = fixture_new();
        CriKeyValue pair, *list[1];
        const Json *spec;

        fixture->test->config.default_env = defaults;
        fixture->image.env = image;
        set_env(fixture, &pair, list, "C", "wish", 4);
        fixture->wish.tty = true;
        spec = fixture_build(fixture);
        g_assert_cmpstr(find_env(spec, "A"), ==, "default");
        g_assert_cmpstr(find_env(spec, "B"), ==, "image");
        g_assert_cmpstr(find_env(spec, "C"), ==, "wish");
        g_assert_cmpstr(find_env(spec, "HOSTNAME"), ==, "host-of-pod");
        g_assert_cmpstr(find_env(spec, "TERM"), ==, "xterm");
        g_assert_cmpstr(find_env(spec, "HOME"), ==, "/root");
        g_assert_nonnull(find_env(spec, "PATH"));
        g_assert_null(find_env(spec, "novalue"));
        fixture->wish.tty = false;
        g_assert_null(find_env(fixture_build(fixture), "TERM"));
}

static void test_env_hostile(void) {
        g_autoptr(Fixture) fixture = fixture_new();
        CriKeyValue pair, *list[1];

        set_env(fixture, &pair, list, "", "x", 1);
        fixture_refuse(fixture, ERROR_INVALID_ARGUMENT, "envs[0].key");
        set_env(fixture, &pair, list, "A=B", "x", 1);
        fixture_refuse(fixture, ERROR_INVALID_ARGUMENT, "envs[0].key");
        set_env(fixture, &pair, list, "A", "\xff", 1);
        fixture_refuse(fixture, ERROR_INVALID_ARGUMENT, "envs[0].value");
        set_env(fixture, &pair, list, "A", "x\0y", 3);
        fixture_refuse(fixture, ERROR_INVALID_ARGUMENT, "envs[0].value");
        set_env(fixture, &pair, list, "A\xff", "x", 1);
        fixture_refuse(fixture, ERROR_INVALID_ARGUMENT, "UTF-8");
        set_env(fixture, &pair, list, "A", NULL, 0);
        g_assert_cmpstr(find_env(fixture_build(fixture), "A"), ==, "");
}

static char *read_bundle_file(const Fixture *fixture, const char *name) {
        g_autofree char *path = g_build_filename(fixture->bundle, name, NULL);
        char *text = NULL;

        g_file_get_contents(path, &text, NULL, NULL);
        return text;
}

/* A HOME with a second line would be a second entry of passwd, with any uid. */
static void test_home(void) {
        static const char *const bad[] = {
                "/x\nr::0:0::/:/bin/sh", "/x\r", "\r\n", "/\x01", "/\x7f"};
        g_autoptr(Fixture) fixture = fixture_new();
        CriInt64Value user = CRI_INT64_VALUE_INIT;
        CriKeyValue pair, *list[1];
        g_autofree char *passwd = NULL;
        g_autofree char *huge = g_strnfill(100000, 'x');

        user.value = 1000;
        for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
                set_env(fixture, &pair, list, "HOME", bad[i], strlen(bad[i]));
                fixture->security.run_as_user = NULL;
                fixture_refuse(fixture, ERROR_INVALID_ARGUMENT, "invalid HOME environment");
                fixture->security.run_as_user = &user;
                fixture_refuse(fixture, ERROR_INVALID_ARGUMENT, "invalid HOME environment");
        }
        set_env(fixture, &pair, list, "HOME", "/a:b", 4);
        fixture_refuse(fixture, ERROR_INVALID_ARGUMENT, "colon");
        set_env(fixture, &pair, list, "HOME", huge, 100000);
        fixture_refuse(fixture, ERROR_INVALID_ARGUMENT, "4096");
        set_env(fixture, &pair, list, "HOME", "/a\\nb", 5);
        fixture_build(fixture);
        passwd = read_bundle_file(fixture, "passwd");
        g_assert_true(g_str_has_suffix(passwd, "\n1000:x:1000:0:1000 user:/a\\nb:/sbin/nologin\n"));
        g_assert_nonnull(fixture_mount(fixture->result.spec, "/etc/passwd"));
}

/* The working directory stands for HOME where there is none, and is checked the same. */
static void test_home_from_cwd(void) {
        g_autoptr(Fixture) fixture = fixture_new();
        CriInt64Value user = CRI_INT64_VALUE_INIT;
        g_autofree char *passwd = NULL;

        user.value = 1000;
        fixture->security.run_as_user = &user;
        fixture->image.working_dir = (char *)"/a:b";
        fixture_refuse(fixture, ERROR_INVALID_ARGUMENT, "working directory");
        fixture->image.working_dir = (char *)"/a\nb";
        fixture_refuse(fixture, ERROR_INVALID_ARGUMENT, "control");
        fixture->image.working_dir = (char *)"/srv/app";
        g_assert_cmpstr(find_env(fixture_build(fixture), "HOME"), ==, "/srv/app");
        passwd = read_bundle_file(fixture, "passwd");
        g_assert_true(g_str_has_suffix(passwd, ":/srv/app:/sbin/nologin\n"));
}

static void expect_ids(Fixture *fixture, gint64 uid, gint64 gid, const char *groups) {
        const Json *user = fixture_at(fixture_build(fixture), "process/user");
        g_autoptr(GString) text = g_string_new(NULL);

        g_assert_cmpint(json_get_int(user, "uid", -1), ==, uid);
        g_assert_cmpint(json_get_int(user, "gid", -1), ==, gid);
        for (size_t i = 0; i < json_length(json_get(user, "additionalGids")); i++)
                g_string_append_printf(text, "%s%s", i ? " " : "",
                        json_number(json_at(json_get(user, "additionalGids"), i)));
        g_assert_cmpstr(text->str, ==, groups);
        g_assert_cmpuint(fixture->result.uid, ==, uid);
        g_assert_cmpuint(fixture->result.gid, ==, gid);
}

static void test_user(void) {
        g_autoptr(Fixture) fixture = fixture_new();
        CriLinuxContainerSecurityContext *security = &fixture->security;
        CriInt64Value user = CRI_INT64_VALUE_INIT;
        CriInt64Value group = CRI_INT64_VALUE_INIT;
        gint64 groups[] = {9, 34, 9};

        expect_ids(fixture, 0, 0, "0");
        fixture->image.user = (char *)"web";
        expect_ids(fixture, 33, 34, "34 50");
        fixture->image.user = (char *)"web:extra";
        expect_ids(fixture, 33, 50, "50");
        fixture->image.user = (char *)"web";
        security->n_supplemental_groups = 3;
        security->supplemental_groups = groups;
        expect_ids(fixture, 33, 34, "34 9 50");
        security->supplemental_groups_policy = CRI_SUPPLEMENTAL_GROUPS_POLICY_Strict;
        expect_ids(fixture, 33, 34, "34 9");
        user.value = 33;
        group.value = 77;
        security->run_as_user = &user;
        security->run_as_group = &group;
        expect_ids(fixture, 33, 77, "77 9 34");
        security->run_as_user = NULL;
        security->run_as_username = (char *)"root";
        expect_ids(fixture, 0, 77, "77 9 34");
}

static void test_user_refused(void) {
        g_autoptr(Fixture) fixture = fixture_new();
        CriLinuxContainerSecurityContext *security = &fixture->security;
        CriInt64Value value = CRI_INT64_VALUE_INIT;
        CriInt64Value group = CRI_INT64_VALUE_INIT;
        gint64 groups[] = {-1};

        security->run_as_group = &group;
        fixture_refuse(fixture, ERROR_INVALID_ARGUMENT, "run_as_group is specified without");
        fixture->image.user = (char *)"web";
        fixture_refuse(fixture, ERROR_INVALID_ARGUMENT, "run_as_group is specified without");
        security->run_as_user = &value;
        security->run_as_username = (char *)"web";
        fixture_refuse(fixture, ERROR_INVALID_ARGUMENT, "exclude each other");
        security->run_as_username = (char *)"";
        value.value = -1;
        fixture_refuse(fixture, ERROR_INVALID_ARGUMENT, "run_as_user");
        value.value = G_GINT64_CONSTANT(4294967295);
        fixture_refuse(fixture, ERROR_INVALID_ARGUMENT, "run_as_user");
        value.value = G_GINT64_CONSTANT(4294967296);
        fixture_refuse(fixture, ERROR_INVALID_ARGUMENT, "run_as_user");
        value.value = 0;
        group.value = G_GINT64_CONSTANT(4294967296);
        fixture_refuse(fixture, ERROR_INVALID_ARGUMENT, "run_as_group");
        security->run_as_group = NULL;
        security->n_supplemental_groups = 1;
        security->supplemental_groups = groups;
        fixture_refuse(fixture, ERROR_INVALID_ARGUMENT, "supplemental_groups");
        groups[0] = G_GINT64_CONSTANT(4294967296);
        fixture_refuse(fixture, ERROR_INVALID_ARGUMENT, "supplemental_groups");
        security->n_supplemental_groups = 0;
        security->supplemental_groups_policy = (CriSupplementalGroupsPolicy)9;
        fixture_refuse(fixture, ERROR_INVALID_ARGUMENT, "supplemental_groups_policy");
}

static void test_stop_signal(void) {
        g_autoptr(Fixture) fixture = fixture_new();

        fixture_build(fixture);
        g_assert_cmpint(fixture->result.stop_signal, ==, SIGTERM);
        fixture->image.stop_signal = (char *)"SIGQUIT";
        fixture_build(fixture);
        g_assert_cmpint(fixture->result.stop_signal, ==, SIGQUIT);
        fixture->wish.stop_signal = CRI_SIGNAL_SIGNAL_SIGUSR1;
        fixture_build(fixture);
        g_assert_cmpint(fixture->result.stop_signal, ==, SIGUSR1);
        fixture->wish.stop_signal = (CriSignal)1000;
        fixture_refuse(fixture, ERROR_INVALID_ARGUMENT, "stop_signal");

        g_assert_cmpint(stop_signal_parse("9"), ==, 9);
        g_assert_cmpint(stop_signal_parse("term"), ==, SIGTERM);
        g_assert_cmpint(stop_signal_parse("SIGRTMIN+3"), ==, 37);
        g_assert_cmpint(stop_signal_parse("RTMAX-2"), ==, 62);
        g_assert_cmpint(stop_signal_parse("SIGRTMIN+31"), ==, -1);
        g_assert_cmpint(stop_signal_parse("SIGRTMAX-31"), ==, -1);
        g_assert_cmpint(stop_signal_parse("0"), ==, -1);
        g_assert_cmpint(stop_signal_parse("65"), ==, -1);
        g_assert_cmpint(stop_signal_parse("-9"), ==, -1);
        g_assert_cmpint(stop_signal_parse(""), ==, -1);
        for (int cri = CRI_SIGNAL_SIGNAL_SIGABRT; cri <= CRI_SIGNAL_SIGNAL_SIGRTMAX; cri++) {
                int number = stop_signal_from_cri((CriSignal)cri);

                g_assert_cmpint(number, >, 0);
                g_assert_cmpint(stop_signal_from_cri(stop_signal_to_cri(number)), ==, number);
        }
}

static void test_working_dir(void) {
        static const char *const bad[] = {"relative", "/proc/self/fd/7", "/proc/1/../self/fd",
                "/proc/self/fd/../fd/3/x", "/proc/self/fdinfo", "/link/3", "/a\nb"};
        g_autoptr(Fixture) fixture = fixture_new();
        g_autofree char *link = g_build_filename(fixture->rootfs, "link", NULL);
        g_autofree char *made = g_build_filename(fixture->rootfs, "srv/deep/er", NULL);
        struct stat status;

        g_assert_cmpint(symlink("/proc/self/fd", link), ==, 0);
        fixture_write(fixture, "proc/self/fd/.keep", "");
        for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
                fixture->wish.working_dir = (char *)bad[i];
                fixture_refuse(fixture, ERROR_INVALID_ARGUMENT, "working_dir");
        }
        fixture->wish.working_dir = (char *)"/srv/./deep/../deep/er";
        g_assert_cmpstr(json_get_string(fixture_at(fixture_build(fixture), "process"), "cwd"), ==,
                "/srv/deep/er");
        g_assert_cmpint(stat(made, &status), ==, 0);
}

/* Links of the image lead nowhere but into the image. */
static void test_canary(void) {
        g_autoptr(Fixture) fixture = fixture_new();
        g_autofree char *canary = g_build_filename(fixture->folder, "canary", NULL);
        g_autofree char *work = g_build_filename(fixture->rootfs, "work", NULL);
        g_autofree char *volume = g_build_filename(fixture->rootfs, "volume", NULL);
        g_autofree char *mtab_path = g_build_filename(fixture->rootfs, "etc/mtab", NULL);
        g_autofree char *mtab = NULL;
        char *volumes[] = {(char *)"/volume/inside", (char *)"/../../../../tmp/x", (char *)"",
                (char *)"/", (char *)"/proc/1", (char *)"relative", NULL};
        g_autoptr(GDir) folder = NULL;

        g_assert_cmpint(mkdir(canary, 0755), ==, 0);
        g_assert_cmpint(symlink(canary, work), ==, 0);
        g_assert_cmpint(symlink("../canary", volume), ==, 0);
        fixture->image.volumes = volumes;
        fixture->wish.working_dir = (char *)"/work/inside";
        /* The links dangle inside the image, so this fails; what matters is what is not made. */
        spec_build(&fixture->request, &fixture->result, NULL);
        folder = g_dir_open(canary, 0, NULL);
        g_assert_null(g_dir_read_name(folder));
        g_assert_cmpint(unlink(work), ==, 0);
        g_assert_cmpint(unlink(volume), ==, 0);
        fixture_build(fixture);
        g_assert_true(g_file_test(volume, G_FILE_TEST_IS_DIR));
        mtab = g_file_read_link(mtab_path, NULL);
        g_assert_cmpstr(mtab, ==, "/proc/mounts");
        g_dir_rewind(folder);
        g_assert_null(g_dir_read_name(folder));
}

/* An image whose /etc is the host's. */
static void test_linked_etc(void) {
        g_autoptr(Fixture) fixture = fixture_new();
        g_autofree char *canary = g_build_filename(fixture->folder, "canary", NULL);
        g_autofree char *etc = g_build_filename(fixture->rootfs, "etc", NULL);
        CriInt64Value user = CRI_INT64_VALUE_INIT;
        g_autoptr(GDir) folder = NULL;

        g_assert_true(tree_remove(AT_FDCWD, etc, NULL));
        g_assert_cmpint(mkdir(canary, 0755), ==, 0);
        g_assert_cmpint(symlink(canary, etc), ==, 0);
        user.value = 1000;
        fixture->security.run_as_user = &user;
        fixture_build(fixture);
        g_assert_null(fixture_mount(fixture->result.spec, "/etc/passwd"));
        folder = g_dir_open(canary, 0, NULL);
        g_assert_null(g_dir_read_name(folder));
}

static void test_linked_places(void) {
        static const char *const names[] = {"proc", "sys", "dev"};

        for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
                g_autoptr(Fixture) fixture = fixture_new();
                g_autofree char *path = g_build_filename(fixture->rootfs, names[i], NULL);

                g_assert_cmpint(symlink("/tmp", path), ==, 0);
                fixture_refuse(fixture, ERROR_INVALID_ARGUMENT, names[i]);
        }
}

static void test_unbuilt(void) {
        g_autoptr(Fixture) fixture = fixture_new();
        CriWindowsContainerConfig windows = CRI_WINDOWS_CONTAINER_CONFIG_INIT;
        CriNamespaceOption namespaces = CRI_NAMESPACE_OPTION_INIT;
        CriUserNamespace userns = CRI_USER_NAMESPACE_INIT;
        CriCDIDevice device = CRI_CDIDEVICE_INIT;
        CriCDIDevice *devices[] = {&device};
        CriStringPair pair = CRI_STRING_PAIR_INIT;
        CriStringPair *pairs[] = {&pair};

        fixture->wish.windows = &windows;
        fixture_refuse(fixture, ERROR_INVALID_ARGUMENT, "windows");
        fixture->wish.windows = NULL;
        fixture->wish.n_cdi_devices = 1;
        fixture->wish.cdi_devices = devices;
        fixture_refuse(fixture, ERROR_UNIMPLEMENTED, "CDI_devices");
        fixture->wish.n_cdi_devices = 0;
        pair.key = (char *)"cdi.k8s.io/x";
        fixture->wish.n_annotations = 1;
        fixture->wish.annotations = pairs;
        fixture_refuse(fixture, ERROR_UNIMPLEMENTED, "cdi.k8s.io/x");
        fixture->wish.n_annotations = 0;
        namespaces.userns_options = &userns;
        fixture->security.namespace_options = &namespaces;
        fixture_refuse(fixture, ERROR_UNIMPLEMENTED, "userns_options");
        userns.mode = CRI_NAMESPACE_MODE_CONTAINER;
        fixture_refuse(fixture, ERROR_INVALID_ARGUMENT, "userns_options");
        userns.mode = CRI_NAMESPACE_MODE_TARGET;
        fixture_refuse(fixture, ERROR_INVALID_ARGUMENT, "userns_options");
        userns.mode = CRI_NAMESPACE_MODE_NODE;
        fixture_build(fixture);
}

static void test_resources(void) {
        g_autoptr(Fixture) fixture = fixture_new();
        CriLinuxContainerResources *resources = &fixture->resources;
        const Json *made;

        fixture->test->handler.container_min_memory = 500 * 1024;
        resources->memory_limit_in_bytes = 500 * 1024 - 1;
        fixture_refuse(fixture, ERROR_INVALID_ARGUMENT,
                "set memory limit 511999 too low; should be at least "
                "512000 bytes");
        resources->memory_limit_in_bytes = 1 << 20;
        resources->memory_swap_limit_in_bytes = 1 << 19;
        fixture_refuse(fixture, ERROR_INVALID_ARGUMENT, "cannot be lower than memory limit");
        resources->memory_swap_limit_in_bytes = 0;
        resources->cpuset_cpus = (char *)"0-1\n";
        fixture_refuse(fixture, ERROR_INVALID_ARGUMENT, "cpuset_cpus");
        resources->cpuset_cpus = (char *)"0-1";
        resources->cpu_shares = -5;
        fixture_refuse(fixture, ERROR_INVALID_ARGUMENT, "cpu_shares");
        resources->cpu_shares = 512;
        resources->cpu_quota = 10000;
        resources->cpu_period = 100000;
        fixture->test->config.pids_limit = 99;
        made = fixture_at(fixture_build(fixture), "linux/resources");
        g_assert_cmpint(json_get_int(json_get(made, "cpu"), "shares", 0), ==, 512);
        g_assert_cmpint(json_get_int(json_get(made, "cpu"), "quota", 0), ==, 10000);
        g_assert_cmpint(json_get_int(json_get(made, "cpu"), "period", 0), ==, 100000);
        g_assert_cmpstr(json_get_string(json_get(made, "cpu"), "cpus"), ==, "0-1");
        g_assert_cmpint(json_get_int(json_get(made, "memory"), "limit", 0), ==, 1 << 20);
        g_assert_cmpint(json_get_int(json_get(made, "pids"), "limit", 0), ==, 99);
        /* The rule that denies all devices was not lost. */
        g_assert_false(json_get_bool(json_at(json_get(made, "devices"), 0), "allow", true));
}

static void test_hugepages(void) {
        g_autoptr(Fixture) fixture = fixture_new();
        CriHugepageLimit limit = CRI_HUGEPAGE_LIMIT_INIT;
        CriHugepageLimit *limits[] = {&limit};

        fixture->resources.n_hugepage_limits = 1;
        fixture->resources.hugepage_limits = limits;
        limit.page_size = (char *)"../2MB";
        fixture_refuse(fixture, ERROR_INVALID_ARGUMENT, "page size");
        limit.page_size = (char *)"2MBx";
        fixture_refuse(fixture, ERROR_INVALID_ARGUMENT, "page size");
        limit.page_size = (char *)"2MB";
        fixture_build(fixture);
}

/* The frame that everything else hangs in. */
static void test_frame(void) {
        g_autoptr(Fixture) fixture = fixture_new();
        const Json *spec = fixture_build(fixture);
        const Json *namespaces = fixture_at(spec, "linux/namespaces");

        g_assert_cmpstr(json_get_string(spec, "ociVersion"), ==, "1.1.0");
        g_assert_null(json_get_string(spec, "hostname"));
        g_assert_cmpstr(json_get_string(json_get(spec, "root"), "path"), ==, fixture->rootfs);
        g_assert_cmpstr(
                json_get_string(json_get(spec, "linux"), "cgroupsPath"), ==, "/crio-test-spec");
        g_assert_cmpstr(json_get_string(json_at(namespaces, 0), "type"), ==, "pid");
        g_assert_null(json_get_string(json_at(namespaces, 0), "path"));
        g_assert_cmpstr(json_get_string(json_at(namespaces, 1), "path"), ==, "/run/netns/x");
        fixture->request.namespaces = (SpecNamespaces){.net = "host", .ipc = "host", .pid = "host"};
        spec = fixture_build(fixture);
        namespaces = fixture_at(spec, "linux/namespaces");
        g_assert_cmpstr(json_get_string(json_at(namespaces, 0), "type"), ==, "uts");
        g_assert_cmpstr(json_get_string(json_at(namespaces, 1), "type"), ==, "mount");
        g_assert_cmpstr(json_get_string(spec, "hostname"), ==, "host-of-pod");
}

static void test_rlimits(void) {
        static char *limits[] = {(char *)"nofile=1024:2048", NULL};
        static char *wrong[] = {(char *)"nofile", NULL};
        g_autoptr(Fixture) fixture = fixture_new();
        const Json *limit;

        fixture->test->config.default_ulimits = limits;
        limit = json_at(fixture_at(fixture_build(fixture), "process/rlimits"), 0);
        g_assert_cmpstr(json_get_string(limit, "type"), ==, "RLIMIT_NOFILE");
        g_assert_cmpint(json_get_int(limit, "soft", 0), ==, 1024);
        g_assert_cmpint(json_get_int(limit, "hard", 0), ==, 2048);
        fixture->test->config.default_ulimits = wrong;
        fixture_refuse(fixture, ERROR_INVALID_ARGUMENT, "default_ulimits");
}

static void test_infra(void) {
        g_autoptr(Fixture) fixture = fixture_new();
        g_auto(SpecResult) result = {0};
        GError *error = NULL;

        fixture->test->config.pause_command = (char *)"/pause -v";
        fixture->request.wish = NULL;
        spec_build_infra(&fixture->request, &result, &error);
        g_assert_no_error(error);
        fixture_expect(result.spec, "process/args", "/pause -v");
        fixture_expect(result.spec, "process/capabilities/bounding", "");
        g_assert_true(json_get_bool(json_get(result.spec, "root"), "readonly", false));
        g_assert_true(json_get_bool(json_get(result.spec, "process"), "noNewPrivileges", false));
        g_assert_cmpstr(json_get_string(json_get(result.spec, "annotations"),
                                "io.kubernetes.cri-o.ContainerType"),
                ==, "sandbox");
        spec_result_clear(&result);
        result = (SpecResult){0};
        fixture->test->config.pause_command = (char *)"";
        g_assert_true(spec_build_infra(&fixture->request, &result, NULL));
        fixture_expect(result.spec, "process/args", "/from-image image-arg");
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/spec/args", test_args);
        g_test_add_func("/spec/env", test_env);
        g_test_add_func("/spec/env-hostile", test_env_hostile);
        g_test_add_func("/spec/home", test_home);
        g_test_add_func("/spec/home-from-cwd", test_home_from_cwd);
        g_test_add_func("/spec/user", test_user);
        g_test_add_func("/spec/user-refused", test_user_refused);
        g_test_add_func("/spec/stop-signal", test_stop_signal);
        g_test_add_func("/spec/working-dir", test_working_dir);
        g_test_add_func("/spec/canary", test_canary);
        g_test_add_func("/spec/linked-etc", test_linked_etc);
        g_test_add_func("/spec/linked-places", test_linked_places);
        g_test_add_func("/spec/unbuilt", test_unbuilt);
        g_test_add_func("/spec/resources", test_resources);
        g_test_add_func("/spec/hugepages", test_hugepages);
        g_test_add_func("/spec/frame", test_frame);
        g_test_add_func("/spec/rlimits", test_rlimits);
        g_test_add_func("/spec/infra", test_infra);
        return g_test_run();
}
