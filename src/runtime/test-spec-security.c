/* SPDX-License-Identifier: Apache-2.0 */
#include <linux/capability.h>

#include "host/apparmor.h"
#include "host/capability.h"
#include "runtime/spec-private.h"
#include "runtime/test-spec-fixture.h"

#define DEFAULTS                                                                                   \
        "CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER CAP_FSETID CAP_KILL CAP_SETGID CAP_SETUID "         \
        "CAP_SETPCAP CAP_NET_BIND_SERVICE"

static char *net_raw[] = {(char *)"net_raw"};
static char *chown_name[] = {(char *)"CAP_CHOWN"};
static char *all[] = {(char *)"all"};
static char *unknown[] = {(char *)"FLY"};
static char *all_and_one[] = {(char *)"ALL", (char *)"NET_RAW"};

static char *grantable(guint64 without) {
        g_auto(GStrv) names = capability_names(capability_all() & capability_bounding() & ~without);

        return g_strjoinv(" ", names);
}

static void expect_sets(Fixture *fixture, const char *held, const char *ambient) {
        const Json *spec = fixture_build(fixture);

        fixture_expect(spec, "process/capabilities/bounding", held);
        fixture_expect(spec, "process/capabilities/effective", held);
        fixture_expect(spec, "process/capabilities/permitted", held);
        fixture_expect(spec, "process/capabilities/inheritable", ambient);
        fixture_expect(spec, "process/capabilities/ambient", ambient);
}

static void test_capabilities(void) {
        g_autoptr(Fixture) fixture = fixture_new();
        CriCapability wish = CRI_CAPABILITY_INIT;
        g_autofree char *everything = grantable(0);
        g_autofree char *but_chown = grantable(CAPABILITY_BIT(CAP_CHOWN));

        expect_sets(fixture, DEFAULTS, "");
        fixture->security.capabilities = &wish;
        expect_sets(fixture, DEFAULTS, "");
        wish.n_add_capabilities = 1;
        wish.add_capabilities = net_raw;
        expect_sets(fixture, DEFAULTS " CAP_NET_RAW", "");
        wish.n_drop_capabilities = 1;
        wish.drop_capabilities = all;
        expect_sets(fixture, "CAP_NET_RAW", "");
        wish.add_capabilities = all;
        wish.drop_capabilities = chown_name;
        expect_sets(fixture, but_chown, "");
        wish.n_drop_capabilities = 0;
        expect_sets(fixture, everything, "");
        wish.n_add_capabilities = 2;
        wish.add_capabilities = all_and_one;
        wish.n_drop_capabilities = 1;
        wish.drop_capabilities = all;
        expect_sets(fixture, "CAP_NET_RAW", "");
        wish.n_add_capabilities = 1;
        wish.add_capabilities = unknown;
        fixture_refuse(fixture, ERROR_INVALID_ARGUMENT, "FLY");
        wish.n_add_capabilities = 0;
        wish.n_drop_capabilities = 1;
        wish.drop_capabilities = unknown;
        fixture_refuse(fixture, ERROR_INVALID_ARGUMENT, "FLY");
}

static void test_ambient(void) {
        g_autoptr(Fixture) fixture = fixture_new();
        CriCapability wish = CRI_CAPABILITY_INIT;
        const Json *spec;

        fixture->security.capabilities = &wish;
        wish.n_add_ambient_capabilities = 1;
        wish.add_ambient_capabilities = net_raw;
        expect_sets(fixture, DEFAULTS " CAP_NET_RAW", "CAP_NET_RAW");
        wish.n_add_ambient_capabilities = 0;
        fixture->test->config.add_inheritable_capabilities = true;
        spec = fixture_build(fixture);
        fixture_expect(spec, "process/capabilities/inheritable", DEFAULTS);
        fixture_expect(spec, "process/capabilities/ambient", "");
}

static void test_privileged(void) {
        static char *paths[] = {(char *)"/proc/kcore"};
        g_autoptr(Fixture) fixture = fixture_new();
        g_autofree char *everything = grantable(0);
        const Json *spec, *rule;
        CriSecurityProfile profile = CRI_SECURITY_PROFILE_INIT;

        fixture->security.privileged = true;
        fixture->security.n_masked_paths = 1;
        fixture->security.masked_paths = paths;
        fixture->security.seccomp = &profile;
        fixture_refuse(
                fixture, ERROR_PERMISSION_DENIED, "no privileged container allowed in sandbox");
        g_assert_false(spec_check(&fixture->request, NULL));
        fixture->request.sandbox_privileged = true;
        expect_sets(fixture, everything, "");
        spec = fixture->result.spec;
        g_assert_null(fixture_at(spec, "linux/maskedPaths"));
        g_assert_null(fixture_at(spec, "linux/seccomp"));
        rule = json_at(fixture_at(spec, "linux/resources/devices"), 0);
        g_assert_true(json_get_bool(rule, "allow", false));
        g_assert_cmpuint(json_length(fixture_at(spec, "linux/devices")), >, 3);
        fixture->test->handler.privileged_without_host_devices = true;
        g_assert_cmpuint(json_length(fixture_at(fixture_build(fixture), "linux/devices")), ==, 0);
}

static bool list_has(const Json *list, const char *word) {
        for (size_t i = 0; i < json_length(list); i++)
                if (g_strcmp0(json_string(json_at(list, i)), word) == 0)
                        return true;
        return false;
}

static void test_paths(void) {
        static char *masked[] = {(char *)"/proc/kcore"};
        static char *relative[] = {(char *)"proc"};
        g_autoptr(Fixture) fixture = fixture_new();
        const Json *list;

        g_assert_cmpuint(
                json_length(fixture_at(fixture_build(fixture), "linux/maskedPaths")), ==, 0);
        fixture->security.n_masked_paths = 1;
        fixture->security.masked_paths = masked;
        fixture->security.n_readonly_paths = 1;
        fixture->security.readonly_paths = masked;
        list = fixture_at(fixture_build(fixture), "linux/maskedPaths");
        g_assert_true(list_has(list, "/proc/kcore"));
        g_assert_true(list_has(list, "/proc/interrupts"));
        g_assert_true(list_has(list, "/sys/devices/virtual/powercap"));
        fixture_expect(fixture->result.spec, "linux/readonlyPaths", "/proc/kcore");
        fixture->security.masked_paths = relative;
        fixture_refuse(fixture, ERROR_INVALID_ARGUMENT, "maskedPaths");
}

static void test_seccomp(void) {
        g_autoptr(Fixture) fixture = fixture_new();
        CriSecurityProfile profile = CRI_SECURITY_PROFILE_INIT;
        g_autofree char *path = g_build_filename(fixture->folder, "profile.json", NULL);
        static const char *const bad[] = {
                "", "relative.json", "localhost/relative", "/no/such/file"};

        g_assert_null(fixture_at(fixture_build(fixture), "linux/seccomp"));
        fixture->security.seccomp = &profile;
        g_assert_cmpstr(json_get_string(fixture_at(fixture_build(fixture), "linux/seccomp"),
                                "defaultAction"),
                ==, "SCMP_ACT_ERRNO");
        profile.profile_type = CRI_SECURITY_PROFILE_PROFILE_TYPE_Unconfined;
        g_assert_null(fixture_at(fixture_build(fixture), "linux/seccomp"));
        profile.profile_type = CRI_SECURITY_PROFILE_PROFILE_TYPE_Localhost;
        for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autoptr(GError) error = NULL;

                profile.localhost_ref = (char *)bad[i];
                g_assert_false(spec_build(&fixture->request, &fixture->result, &error));
                g_assert_nonnull(error);
        }
        g_assert_true(g_file_set_contents(
                path, "{\"defaultAction\":\"SCMP_ACT_KILL\",\"syscalls\":[]}", -1, NULL));
        profile.localhost_ref = path;
        g_assert_cmpstr(json_get_string(fixture_at(fixture_build(fixture), "linux/seccomp"),
                                "defaultAction"),
                ==, "SCMP_ACT_KILL");
        profile.profile_type = CRI_SECURITY_PROFILE_PROFILE_TYPE_RuntimeDefault;
        fixture->test->config.seccomp_profile = path;
        g_assert_cmpstr(json_get_string(fixture_at(fixture_build(fixture), "linux/seccomp"),
                                "defaultAction"),
                ==, "SCMP_ACT_KILL");
        profile.profile_type = (CriSecurityProfileProfileType)9;
        fixture_refuse(fixture, ERROR_INVALID_ARGUMENT, "seccomp");
}

/* The older field, a word, is honoured where the newer one is missing. */
static void test_old_fields(void) {
        g_autoptr(Fixture) fixture = fixture_new();

        G_GNUC_BEGIN_IGNORE_DEPRECATIONS
        fixture->security.seccomp_profile_path = (char *)"runtime/default";
        g_assert_nonnull(fixture_at(fixture_build(fixture), "linux/seccomp"));
        fixture->security.seccomp_profile_path = (char *)"unconfined";
        g_assert_null(fixture_at(fixture_build(fixture), "linux/seccomp"));
        fixture->security.seccomp_profile_path = (char *)"localhost/relative";
        fixture_refuse(fixture, ERROR_INVALID_ARGUMENT, "localhost");
        fixture->security.seccomp_profile_path = (char *)"nonsense";
        fixture_refuse(fixture, ERROR_INVALID_ARGUMENT, "nonsense");
        fixture->security.seccomp_profile_path = (char *)"";
        fixture->security.apparmor_profile = (char *)"localhost/no-such-profile";
        fixture_refuse(fixture, ERROR_FAILED_PRECONDITION, "no-such-profile");
        fixture->security.apparmor_profile = (char *)"unconfined";
        fixture_build(fixture);
        G_GNUC_END_IGNORE_DEPRECATIONS
}

static void test_apparmor(void) {
        g_autoptr(Fixture) fixture = fixture_new();
        CriSecurityProfile profile = CRI_SECURITY_PROFILE_INIT;

        fixture->security.apparmor = &profile;
        profile.profile_type = CRI_SECURITY_PROFILE_PROFILE_TYPE_Localhost;
        fixture_refuse(fixture, ERROR_INVALID_ARGUMENT, "apparmor");
        profile.localhost_ref = (char *)"localhost/no-such-profile";
        fixture_refuse(fixture, ERROR_FAILED_PRECONDITION, "no-such-profile");
        profile.profile_type = CRI_SECURITY_PROFILE_PROFILE_TYPE_Unconfined;
        fixture_build(fixture);
        profile.profile_type = CRI_SECURITY_PROFILE_PROFILE_TYPE_RuntimeDefault;
        if (!apparmor_is_enabled())
                fixture_build(fixture);
}

static void test_no_new_privileges(void) {
        g_autoptr(Fixture) fixture = fixture_new();

        g_assert_false(json_get_bool(
                fixture_at(fixture_build(fixture), "process"), "noNewPrivileges", true));
        fixture->security.no_new_privs = true;
        g_assert_true(json_get_bool(
                fixture_at(fixture_build(fixture), "process"), "noNewPrivileges", false));
}

/* Devices */

static void test_devices(void) {
        g_autoptr(Fixture) fixture = fixture_new();
        CriDevice device = CRI_DEVICE_INIT;
        CriDevice *devices[] = {&device};
        CriInt64Value user = CRI_INT64_VALUE_INIT;
        const Json *made, *rule;

        fixture->wish.n_devices = 1;
        fixture->wish.devices = devices;
        device.host_path = (char *)"/dev/null";
        device.container_path = (char *)"/dev/nothing";
        device.permissions = (char *)"r";
        user.value = 33;
        fixture->security.run_as_user = &user;
        made = json_at(fixture_at(fixture_build(fixture), "linux/devices"), 0);
        g_assert_cmpstr(json_get_string(made, "path"), ==, "/dev/nothing");
        g_assert_cmpint(json_get_int(made, "major", 0), ==, 1);
        g_assert_cmpint(json_get_int(made, "minor", 0), ==, 3);
        g_assert_cmpint(json_get_int(made, "uid", -1), ==, 0);
        rule = json_at(fixture_at(fixture->result.spec, "linux/resources/devices"), 1);
        g_assert_cmpstr(json_get_string(rule, "access"), ==, "r");
        g_assert_true(json_get_bool(rule, "allow", false));
        fixture->test->config.device_ownership_from_security_context = true;
        made = json_at(fixture_at(fixture_build(fixture), "linux/devices"), 0);
        g_assert_cmpint(json_get_int(made, "uid", -1), ==, 33);
}

static void test_devices_refused(void) {
        static const struct {
                const char *host, *container, *access;
        } cases[] = {
                {"/dev/null", "/dev/null", "rx"},
                {"/", "/dev/x", "rwm"},
                {"/proc", "/dev/x", "rwm"},
                {"/sys", "/dev/x", "rwm"},
                {"/etc/passwd", "/dev/x", "rwm"},
                {"/dev/null", "/proc/x", "rwm"},
                {"/dev/null", "/sys/x", "rwm"},
                {"/dev/null", "/", "rwm"},
                {"/dev/null", "relative", "rwm"},
                {"relative", "/dev/x", "rwm"},
                {"/dev/no-such-device", "/dev/x", "r"},
                {"/usr", "/dev/x", "rwm"},
        };
        g_autoptr(Fixture) fixture = fixture_new();
        CriDevice device = CRI_DEVICE_INIT;
        CriDevice *devices[] = {&device};

        fixture->wish.n_devices = 1;
        fixture->wish.devices = devices;
        for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(GError) error = NULL;

                device.host_path = (char *)cases[i].host;
                device.container_path = (char *)cases[i].container;
                device.permissions = (char *)cases[i].access;
                g_assert_false(spec_build(&fixture->request, &fixture->result, &error));
                g_assert_nonnull(strstr(error->message, "device"));
        }
}

/* By annotation only what the handler and the list of devices both allow. */
static void test_annotated_devices(void) {
        static char *allowed[] = {(char *)"/dev/null", NULL};
        static char *handler[] = {(char *)"devices.crio.io", NULL};
        g_autoptr(Fixture) fixture = fixture_new();
        CriStringPair pair = CRI_STRING_PAIR_INIT;
        CriStringPair *pairs[] = {&pair};

        pair.key = (char *)"devices.crio.io";
        pair.value = (char *)"/dev/null:/dev/one:r";
        fixture->wish.n_annotations = 1;
        fixture->wish.annotations = pairs;
        g_assert_cmpuint(json_length(fixture_at(fixture_build(fixture), "linux/devices")), ==, 0);
        fixture->test->handler.allowed_annotations = handler;
        fixture_refuse(fixture, ERROR_PERMISSION_DENIED, "allowed_devices");
        fixture->test->config.allowed_devices = allowed;
        g_assert_cmpuint(json_length(fixture_at(fixture_build(fixture), "linux/devices")), ==, 1);
        pair.value = (char *)"/dev/null,/dev/zero";
        fixture_refuse(fixture, ERROR_PERMISSION_DENIED, "allowed_devices");
}

/* Annotations */

static const char *const forbidden[] = {
        "userns-mode.crio.io",
        "devices.crio.io",
        "shm-size.crio.io",
        "unified-cgroup.crio.io",
        "cgroup2-mount-hierarchy-rw.crio.io",
        "umask.crio.io",
        "seccomp-profile.crio.io",
        "seccomp-notifier-action.crio.io",
        "link-logs.crio.io",
        "disable-fips.crio.io",
        "try-skip-volume-selinux-label.crio.io",
        "platform-runtime-path.crio.io",
        "cpu-load-balancing.crio.io",
        "cpu-quota.crio.io",
        "irq-load-balancing.crio.io",
        "cpu-c-states.crio.io",
        "cpu-freq-governor.crio.io",
        "cpu-shared.crio.io",
        "io.kubernetes.cri-o.userns-mode",
        "io.kubernetes.cri-o.Devices",
        "io.kubernetes.cri-o.ShmSize",
        "io.kubernetes.cri-o.UnifiedCgroup",
        "io.kubernetes.cri-o.ContainerID",
        "io.kubernetes.cri-o.LogPath",
        "io.containers.trace-syscall",
        "io.kubernetes.cri.rdt-class",
        "org.opencontainers.image.stopSignal",
        "bundle",
        "org.systemd.property.ExecStartPre",
        "org.criu.config",
        "run.oci.keep_original_groups",
        "run.oci.hooks.stderr",
        "krun.cpus",
        "module.wasm.image/variant",
        "org.example.danger.x",
        "org.example.exact",
        "io.container.manager",
};

/* Plain, and with a container's name behind them; in the end none of it is there, whatever stands
 * around it. */
static void test_annotations(void) {
        static char *none[] = {NULL};
        g_autoptr(Fixture) fixture = fixture_new();
        CriStringPair pairs[2 * G_N_ELEMENTS(forbidden) + 1];
        CriStringPair *list[G_N_ELEMENTS(pairs)];
        g_autofree char *text = NULL;
        const Json *annotations;

        for (unsigned i = 0; i < G_N_ELEMENTS(pairs); i++) {
                cri_string_pair_init(&pairs[i]);
                list[i] = &pairs[i];
                pairs[i].value = (char *)"POISON";
                if (i < 2 * G_N_ELEMENTS(forbidden))
                        pairs[i].key =
                                g_strdup_printf("%s%s", forbidden[i / 2], i % 2 ? "/ctr" : "");
        }
        pairs[G_N_ELEMENTS(pairs) - 1].key = g_strdup("example.com/mine");
        pairs[G_N_ELEMENTS(pairs) - 1].value = (char *)"kept";
        fixture->wish.n_annotations = G_N_ELEMENTS(pairs);
        fixture->wish.annotations = list;
        fixture->test->handler.allowed_annotations = none;
        text = json_print(fixture_build(fixture), NULL);
        g_assert_null(strstr(text, "POISON"));
        annotations = json_get(fixture->result.spec, "annotations");
        g_assert_cmpstr(json_get_string(annotations, "example.com/mine"), ==, "kept");
        g_assert_cmpstr(json_get_string(annotations, "io.container.manager"), ==, "cri-o");
        g_assert_cmpstr(json_get_string(annotations, "io.kubernetes.cri-o.Annotations"), ==,
                "{\"example.com/mine\":\"kept\"}");
        for (unsigned i = 0; i < G_N_ELEMENTS(pairs); i++)
                g_free(pairs[i].key);
}

/* A handler may let some through; ours still cannot be forged. */
static void test_annotations_allowed(void) {
        static char *allowed[] = {(char *)"run.oci.", (char *)"io.kubernetes.cri-o.", NULL};
        g_autoptr(Fixture) fixture = fixture_new();
        CriStringPair pairs[3] = {CRI_STRING_PAIR_INIT, CRI_STRING_PAIR_INIT, CRI_STRING_PAIR_INIT};
        CriStringPair *list[] = {&pairs[0], &pairs[1], &pairs[2]};
        const Json *annotations;

        pairs[0].key = (char *)"run.oci.handler";
        pairs[0].value = (char *)"wasm";
        pairs[1].key = (char *)"io.kubernetes.cri-o.ContainerID";
        pairs[1].value = (char *)"forged";
        pairs[2].key = (char *)"org.criu.config";
        pairs[2].value = (char *)"no";
        fixture->wish.n_annotations = 3;
        fixture->wish.annotations = list;
        fixture->test->handler.allowed_annotations = allowed;
        annotations = json_get(fixture_build(fixture), "annotations");
        g_assert_cmpstr(json_get_string(annotations, "run.oci.handler"), ==, "wasm");
        g_assert_cmpstr(json_get_string(annotations, "io.kubernetes.cri-o.ContainerID"), ==,
                "0123456789abcdef");
        g_assert_null(json_get_string(annotations, "org.criu.config"));
}

/* Whatever is made of the pieces: what passes has no forbidden beginning, and passes again. */
static void test_annotations_property(void) {
        static const char *const tails[] = {"", ".", "/", "x", "/ctr", ".crio.io", ".crio.io/ctr"};
        g_autoptr(Fixture) fixture = fixture_new();
        const Runtime *runtime = fixture->request.runtime;

        for (unsigned i = 0; i < 20000; i++) {
                const char *head = forbidden[g_test_rand_int_range(0, G_N_ELEMENTS(forbidden))];
                g_autofree char *cut = g_strndup(head, (gsize)g_test_rand_int_range(1, 40));
                g_autofree char *key = g_strconcat(
                        cut, tails[g_test_rand_int_range(0, G_N_ELEMENTS(tails))], NULL);

                if (!spec_annotation_is_allowed(runtime, key))
                        continue;
                g_assert_false(g_str_has_prefix(key, "org.systemd.property."));
                g_assert_false(g_str_has_prefix(key, "io.kubernetes.cri-o."));
                g_assert_false(g_str_has_prefix(key, "run.oci."));
                g_assert_false(g_str_has_prefix(key, "org.criu.config"));
                g_assert_false(g_str_has_prefix(key, "module.wasm.image"));
                g_assert_false(g_str_has_prefix(key, "org.example.danger."));
                g_assert_false(g_str_has_suffix(key, ".crio.io"));
                g_assert_false(g_str_has_prefix(key, "bundle"));
        }
}

static void test_image_is_data(void) {
        static char *labels[] = {(char *)"io.kubernetes.cri-o.LogPath", (char *)"POISON", NULL};
        g_autoptr(Fixture) fixture = fixture_new();
        g_autofree char *text = NULL;

        fixture->image.labels = labels;
        text = json_print(fixture_build(fixture), NULL);
        g_assert_null(strstr(text, "POISON"));
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/spec-security/capabilities", test_capabilities);
        g_test_add_func("/spec-security/ambient", test_ambient);
        g_test_add_func("/spec-security/privileged", test_privileged);
        g_test_add_func("/spec-security/paths", test_paths);
        g_test_add_func("/spec-security/seccomp", test_seccomp);
        g_test_add_func("/spec-security/old-fields", test_old_fields);
        g_test_add_func("/spec-security/apparmor", test_apparmor);
        g_test_add_func("/spec-security/no-new-privileges", test_no_new_privileges);
        g_test_add_func("/spec-security/devices", test_devices);
        g_test_add_func("/spec-security/devices-refused", test_devices_refused);
        g_test_add_func("/spec-security/annotated-devices", test_annotated_devices);
        g_test_add_func("/spec-security/annotations", test_annotations);
        g_test_add_func("/spec-security/annotations-allowed", test_annotations_allowed);
        g_test_add_func("/spec-security/annotations-property", test_annotations_property);
        g_test_add_func("/spec-security/image-is-data", test_image_is_data);
        return g_test_run();
}
