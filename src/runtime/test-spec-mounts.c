/* SPDX-License-Identifier: Apache-2.0 */
#include <sched.h>
#include <sys/mount.h>

#include "runtime/test-spec-fixture.h"

/* One mount in the wish. */
typedef struct One {
        CriMount mount;
        CriMount *list[1];
} One;

static void set_mount(Fixture *fixture, One *one, const char *source, const char *target) {
        cri_mount_init(&one->mount);
        one->mount.host_path = (char *)source;
        one->mount.container_path = (char *)target;
        one->list[0] = &one->mount;
        fixture->wish.n_mounts = 1;
        fixture->wish.mounts = one->list;
}

static void expect_mount(
        Fixture *fixture, const char *target, const char *source, const char *options) {
        const Json *mount = fixture_mount(fixture_build(fixture), target);

        g_assert_nonnull(mount);
        if (source)
                g_assert_cmpstr(json_get_string(mount, "source"), ==, source);
        fixture_expect(mount, "options", options);
}

static void test_defaults(void) {
        static const char *const targets[] = {"/proc", "/dev", "/dev/pts", "/dev/mqueue",
                "/dev/shm", "/sys", "/sys/fs/cgroup", "/run/.containerenv"};
        g_autoptr(Fixture) fixture = fixture_new();
        const Json *spec = fixture_build(fixture);
        const Json *mounts = json_get(spec, "mounts");
        size_t last = 0;

        for (unsigned i = 0; i < G_N_ELEMENTS(targets); i++)
                g_assert_nonnull(fixture_mount(spec, targets[i]));
        for (size_t i = 0; i < json_length(mounts); i++) {
                const char *target = json_get_string(json_at(mounts, i), "destination");
                size_t depth = 0;

                for (; *target; target++)
                        depth += *target == '/';
                g_assert_cmpuint(depth, >=, last);
                last = depth;
        }
        expect_mount(fixture, "/sys", "sysfs", "nosuid noexec nodev ro");
        fixture->security.privileged = true;
        fixture->request.sandbox_privileged = true;
        expect_mount(fixture, "/sys", "sysfs", "nosuid noexec nodev rw");
}

static void test_override(void) {
        g_autoptr(Fixture) fixture = fixture_new();
        g_autofree char *source = g_build_filename(fixture->folder, "made", NULL);
        unsigned count = 0;
        One one;

        set_mount(fixture, &one, source, "/dev/shm/");
        expect_mount(fixture, "/dev/shm", source, "rw rbind rprivate");
        for (size_t i = 0; i < json_length(json_get(fixture->result.spec, "mounts")); i++)
                count += g_strcmp0(json_get_string(
                                           json_at(json_get(fixture->result.spec, "mounts"), i),
                                           "destination"),
                                 "/dev/shm") == 0;
        g_assert_cmpuint(count, ==, 1);
        /* It was not there. */
        g_assert_true(g_file_test(source, G_FILE_TEST_IS_DIR));
}

static void test_absent(void) {
        g_autoptr(Fixture) fixture = fixture_new();
        g_autofree char *source = g_build_filename(fixture->folder, "absent", NULL);
        char *rejected[] = {source, NULL};
        One one;

        fixture->test->config.absent_mount_sources_to_reject = rejected;
        set_mount(fixture, &one, source, "/data");
        fixture_refuse(
                fixture, ERROR_INVALID_ARGUMENT, "path does not exist and will cause issues");
        g_assert_false(g_file_test(source, G_FILE_TEST_EXISTS));
}

static void test_linked_source(void) {
        g_autoptr(Fixture) fixture = fixture_new();
        g_autofree char *real = g_build_filename(fixture->folder, "real", NULL);
        g_autofree char *link = g_build_filename(fixture->folder, "link", NULL);
        const CriMount *shown;
        One one;

        g_assert_cmpint(mkdir(real, 0755), ==, 0);
        g_assert_cmpint(symlink("real", link), ==, 0);
        set_mount(fixture, &one, link, "/data");
        one.mount.readonly = true;
        expect_mount(fixture, "/data", real, "ro rbind rprivate");
        g_assert_cmpuint(fixture->result.mounts->len, ==, 1);
        shown = fixture->result.mounts->pdata[0];
        g_assert_cmpstr(shown->host_path, ==, real);
        g_assert_cmpstr(shown->container_path, ==, "/data");
        g_assert_true(shown->readonly);
}

static void test_places(void) {
        static const char *const bad[] = {"/", "/proc/sys", "/proc/self", "/proc/../proc/1",
                "//proc//sys/", "/link/sys", "/../", "relative", "/a\nb"};
        g_autoptr(Fixture) fixture = fixture_new();
        g_autofree char *link = g_build_filename(fixture->rootfs, "link", NULL);
        One one;

        g_assert_cmpint(symlink("/proc", link), ==, 0);
        fixture_write(fixture, "proc/sys/.keep", "");
        for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
                set_mount(fixture, &one, fixture->bundle, bad[i]);
                fixture_refuse(fixture, ERROR_INVALID_ARGUMENT, "mount");
        }
        set_mount(fixture, &one, fixture->bundle, "/proc");
        fixture_refuse(fixture, ERROR_INVALID_ARGUMENT, "inside /proc");
        set_mount(fixture, &one, "/proc", "/proc");
        fixture_build(fixture);
        set_mount(fixture, &one, fixture->bundle, "/proc/cpuinfo");
        fixture_build(fixture);
        set_mount(fixture, &one, fixture->bundle, "/sys/fs/bpf");
        fixture_build(fixture);
}

static void test_fields(void) {
        static char *options[] = {(char *)"noexec"};
        g_autoptr(Fixture) fixture = fixture_new();
        One one;

        set_mount(fixture, &one, "", "/data");
        fixture_refuse(fixture, ERROR_INVALID_ARGUMENT, "host_path is empty");
        set_mount(fixture, &one, "relative", "/data");
        fixture_refuse(fixture, ERROR_INVALID_ARGUMENT, "host_path");
        set_mount(fixture, &one, fixture->bundle, "");
        fixture_refuse(fixture, ERROR_INVALID_ARGUMENT, "container_path is empty");
        set_mount(fixture, &one, fixture->bundle, "/data");
        one.mount.n_mount_options = 1;
        one.mount.mount_options = options;
        fixture_refuse(fixture, ERROR_UNIMPLEMENTED, "mount_options");
        g_assert_false(spec_check(&fixture->request, NULL));
        set_mount(fixture, &one, fixture->bundle, "/data");
        one.mount.image_sub_path = (char *)"x";
        fixture_refuse(fixture, ERROR_INVALID_ARGUMENT, "image_sub_path");
        set_mount(fixture, &one, fixture->bundle, "/data");
        one.mount.propagation = (CriMountPropagation)7;
        fixture_refuse(fixture, ERROR_INVALID_ARGUMENT, "propagation");
}

static void test_recursive_read_only(void) {
        g_autoptr(Fixture) fixture = fixture_new();
        One one;

        set_mount(fixture, &one, fixture->bundle, "/data");
        one.mount.recursive_read_only = true;
        fixture_refuse(fixture, ERROR_INVALID_ARGUMENT, "needs readonly");
        one.mount.readonly = true;
        one.mount.propagation = CRI_MOUNT_PROPAGATION_PROPAGATION_HOST_TO_CONTAINER;
        fixture_refuse(fixture, ERROR_INVALID_ARGUMENT, "private propagation");
        one.mount.propagation = CRI_MOUNT_PROPAGATION_PROPAGATION_PRIVATE;
        expect_mount(fixture, "/data", fixture->bundle, "ro rbind rprivate rro");
}

/* A runtime that tells nothing of itself gets neither. */
static void test_unable(void) {
        g_autoptr(Fixture) fixture = fixture_new();
        CriIDMapping mapping = CRI_IDMAPPING_INIT;
        CriIDMapping *mappings[] = {&mapping};
        One one;

        runtime_table_free(fixture->table);
        fixture->test->handler.runtime_path = (char *)"/bin/false";
        fixture->table = runtime_table_new(&fixture->test->config, NULL);
        fixture_link(fixture);
        g_assert_cmpstr(runtime_get_spec_version(fixture->request.runtime), ==, "1.0.2");
        set_mount(fixture, &one, fixture->bundle, "/data");
        one.mount.readonly = true;
        one.mount.recursive_read_only = true;
        fixture_refuse(fixture, ERROR_RRO_UNSUPPORTED, "recursively read-only");
        set_mount(fixture, &one, fixture->bundle, "/data");
        one.mount.n_uidmappings = 1;
        one.mount.uidmappings = mappings;
        fixture_refuse(fixture, ERROR_UNIMPLEMENTED, "uidMappings");
}

static void test_mappings(void) {
        g_autoptr(Fixture) fixture = fixture_new();
        CriIDMapping mapping = CRI_IDMAPPING_INIT;
        CriIDMapping *mappings[] = {&mapping};
        const Json *made;
        One one;

        mapping.host_id = 100000;
        mapping.length = 65536;
        set_mount(fixture, &one, fixture->bundle, "/data");
        one.mount.n_uidmappings = 1;
        one.mount.uidmappings = mappings;
        made = json_at(json_get(fixture_mount(fixture_build(fixture), "/data"), "uidMappings"), 0);
        g_assert_cmpint(json_get_int(made, "hostID", 0), ==, 100000);
        g_assert_cmpint(json_get_int(made, "size", 0), ==, 65536);
}

/* Images as volumes */

static void test_image_volume(void) {
        g_autoptr(Fixture) fixture = fixture_new();
        g_autoptr(GHashTable) volumes = g_hash_table_new(g_str_hash, g_str_equal);
        g_autofree char *root = g_build_filename(fixture->folder, "volume", NULL);
        g_autofree char *sub = g_build_filename(root, "sub", NULL);
        g_autofree char *secret = g_build_filename(fixture->folder, "secret", NULL);
        g_autofree char *out = g_build_filename(root, "out", NULL);
        CriImageSpec image = CRI_IMAGE_SPEC_INIT;
        One one;

        g_assert_cmpint(g_mkdir_with_parents(sub, 0755), ==, 0);
        g_assert_cmpint(mkdir(secret, 0755), ==, 0);
        g_assert_cmpint(symlink("../secret", out), ==, 0);
        image.image = (char *)"example/volume";
        set_mount(fixture, &one, "", "/data");
        one.mount.image = &image;
        fixture_refuse(fixture, ERROR_IMAGE_VOLUME_MOUNT_FAILED, "not mounted");
        g_hash_table_insert(volumes, (char *)"example/volume", root);
        fixture->request.image_volumes = volumes;
        expect_mount(fixture, "/data", root, "ro rbind rprivate nosuid nodev noexec");
        one.mount.image_sub_path = (char *)"sub";
        expect_mount(fixture, "/data", sub, "ro rbind rprivate nosuid nodev noexec");
        /* Out of the image there is nothing. */
        one.mount.image_sub_path = (char *)"../../../sub";
        expect_mount(fixture, "/data", sub, "ro rbind rprivate nosuid nodev noexec");
        one.mount.image_sub_path = (char *)"out";
        fixture_refuse(fixture, ERROR_IMAGE_VOLUME_MOUNT_FAILED, "image_sub_path");
        one.mount.image_sub_path = (char *)"absent";
        fixture_refuse(fixture, ERROR_IMAGE_VOLUME_MOUNT_FAILED, "image_sub_path");
        one.mount.host_path = fixture->bundle;
        fixture_refuse(fixture, ERROR_INVALID_ARGUMENT, "exclude each other");
}

static void test_declared_volumes(void) {
        g_autoptr(Fixture) fixture = fixture_new();
        char *volumes[] = {(char *)"/data/", NULL};
        g_autofree char *made = g_build_filename(fixture->rootfs, "data", NULL);
        g_autofree char *bound = g_build_filename(fixture->bundle, "mounts/0", NULL);
        One one;

        fixture->image.volumes = volumes;
        fixture->test->config.image_volumes = (char *)"ignore";
        fixture_build(fixture);
        g_assert_false(g_file_test(made, G_FILE_TEST_EXISTS));
        fixture->test->config.image_volumes = (char *)"bind";
        expect_mount(fixture, "/data", bound, "rw bind private");
        fixture->test->config.image_volumes = (char *)"mkdir";
        g_assert_null(fixture_mount(fixture_build(fixture), "/data"));
        g_assert_true(g_file_test(made, G_FILE_TEST_IS_DIR));
        fixture->test->config.image_volumes = (char *)"bind";
        set_mount(fixture, &one, fixture->folder, "/data");
        expect_mount(fixture, "/data", fixture->folder, "rw rbind rprivate");
}

/* Files of the sandbox */

static void test_sandbox_files(void) {
        g_autoptr(Fixture) fixture = fixture_new();
        CriInt64Value user = CRI_INT64_VALUE_INIT;
        One one;

        fixture->request.resolv_conf = "/tmp/resolv";
        fixture->request.hostname_file = "/tmp/hostname";
        fixture->request.hosts = "/etc/hosts";
        fixture->request.shm = "/tmp/shm";
        expect_mount(fixture, "/etc/resolv.conf", "/tmp/resolv", "rw bind nodev nosuid noexec");
        expect_mount(fixture, "/etc/hostname", "/tmp/hostname", "rw bind nodev nosuid noexec");
        expect_mount(fixture, "/etc/hosts", "/etc/hosts", "ro bind nodev nosuid noexec");
        expect_mount(fixture, "/dev/shm", "/tmp/shm", "rw bind");
        fixture->security.readonly_rootfs = true;
        expect_mount(fixture, "/etc/resolv.conf", "/tmp/resolv", "ro bind nodev nosuid noexec");
        set_mount(fixture, &one, fixture->bundle, "/etc/hosts");
        expect_mount(fixture, "/etc/hosts", fixture->bundle, "rw rbind rprivate");
        /* A whole /etc of the host must not get files of ours. */
        user.value = 1000;
        fixture->security.run_as_user = &user;
        g_assert_nonnull(fixture_mount(fixture_build(fixture), "/etc/passwd"));
        set_mount(fixture, &one, fixture->bundle, "/etc");
        g_assert_null(fixture_mount(fixture_build(fixture), "/etc/resolv.conf"));
        g_assert_null(fixture_mount(fixture->result.spec, "/etc/passwd"));
}

static void test_read_only_mode(void) {
        g_autoptr(Fixture) fixture = fixture_new();

        g_assert_null(fixture_mount(fixture_build(fixture), "/var/tmp"));
        fixture->test->config.read_only = true;
        expect_mount(fixture, "/var/tmp", "tmpfs", "rw nosuid nodev mode=1777 tmpcopyup");
        expect_mount(fixture, "/run", "tmpfs", "rw nosuid nodev mode=755 tmpcopyup");
        g_assert_true(json_get_bool(json_get(fixture->result.spec, "root"), "readonly", false));
}

/* Propagation, in a mount namespace of our own. */
static void test_propagation(void) {
        g_autoptr(Fixture) fixture = fixture_new();
        g_autofree char *shared = g_build_filename(fixture->folder, "shared", NULL);
        One one;

        if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0 ||
                mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
                g_test_skip("needs root for mounts of its own");
                return;
        }
        g_assert_cmpint(mkdir(shared, 0755), ==, 0);
        set_mount(fixture, &one, shared, "/data");
        one.mount.propagation = CRI_MOUNT_PROPAGATION_PROPAGATION_BIDIRECTIONAL;
        fixture_refuse(fixture, ERROR_INVALID_ARGUMENT, "but it is not a shared mount");
        one.mount.propagation = CRI_MOUNT_PROPAGATION_PROPAGATION_HOST_TO_CONTAINER;
        fixture_refuse(fixture, ERROR_INVALID_ARGUMENT, "but it is not a shared or slave mount");
        g_assert_cmpint(mount("none", shared, "tmpfs", 0, NULL), ==, 0);
        g_assert_cmpint(mount(NULL, shared, NULL, MS_SHARED, NULL), ==, 0);
        expect_mount(fixture, "/data", shared, "rw rbind rslave");
        g_assert_cmpstr(
                json_get_string(json_get(fixture->result.spec, "linux"), "rootfsPropagation"), ==,
                "rslave");
        one.mount.propagation = CRI_MOUNT_PROPAGATION_PROPAGATION_BIDIRECTIONAL;
        expect_mount(fixture, "/data", shared, "rw rbind rshared");
        g_assert_cmpstr(
                json_get_string(json_get(fixture->result.spec, "linux"), "rootfsPropagation"), ==,
                "rshared");
        one.mount.propagation = CRI_MOUNT_PROPAGATION_PROPAGATION_PRIVATE;
        fixture->test->config.root = shared;
        expect_mount(fixture, "/data", shared, "rw rbind rslave");
        g_assert_cmpint(umount2(shared, MNT_DETACH), ==, 0);
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/spec-mounts/defaults", test_defaults);
        g_test_add_func("/spec-mounts/override", test_override);
        g_test_add_func("/spec-mounts/absent", test_absent);
        g_test_add_func("/spec-mounts/linked-source", test_linked_source);
        g_test_add_func("/spec-mounts/places", test_places);
        g_test_add_func("/spec-mounts/fields", test_fields);
        g_test_add_func("/spec-mounts/recursive-read-only", test_recursive_read_only);
        g_test_add_func("/spec-mounts/unable", test_unable);
        g_test_add_func("/spec-mounts/mappings", test_mappings);
        g_test_add_func("/spec-mounts/image-volume", test_image_volume);
        g_test_add_func("/spec-mounts/declared-volumes", test_declared_volumes);
        g_test_add_func("/spec-mounts/sandbox-files", test_sandbox_files);
        g_test_add_func("/spec-mounts/read-only-mode", test_read_only_mode);
        g_test_add_func("/spec-mounts/propagation", test_propagation);
        return g_test_run();
}
