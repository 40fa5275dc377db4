/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/tree.h"
#include "host/mount.h"
#include "host/namespace.h"

#define POD_KINDS (1u << NAMESPACE_NET | 1u << NAMESPACE_IPC | 1u << NAMESPACE_UTS)

typedef struct Fixture {
        char *dir;
        char *paths[3];
} Fixture;

static void set_up(Fixture *fixture, gconstpointer data) {
        static const NamespaceKind kinds[] = { NAMESPACE_NET, NAMESPACE_IPC, NAMESPACE_UTS };

        fixture->dir = g_dir_make_tmp("namespace-XXXXXX", NULL);
        for (unsigned i = 0; i < G_N_ELEMENTS(kinds); i++)
                fixture->paths[i] = namespace_pin_path(fixture->dir, kinds[i], "one");
}

static void tear_down(Fixture *fixture, gconstpointer data) {
        for (unsigned i = 0; i < 3; i++) {
                g_assert_true(namespace_unpin(fixture->paths[i], NULL));
                g_free(fixture->paths[i]);
        }
        g_assert_true(tree_remove(AT_FDCWD, fixture->dir, NULL));
        g_free(fixture->dir);
}

static bool root_or_skip(void) {
        if (geteuid() == 0)
                return true;
        g_test_skip("only root may make namespaces");
        return false;
}

static ino_t inode_of(const char *path) {
        struct stat status;

        g_assert_cmpint(stat(path, &status), ==, 0);
        return status.st_ino;
}

static bool read_hostname(void *data, GError **error) {
        return uname(data) == 0;
}

static bool read_loopback(void *data, GError **error) {
        struct ifreq request = { .ifr_name = "lo" };
        autofd int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        g_assert_cmpint(ioctl(fd, SIOCGIFFLAGS, &request), ==, 0);
        *(bool *) data = request.ifr_flags & IFF_UP;
        return true;
}

typedef struct Value {
        const char *path;
        char *text;
} Value;

static bool read_value(void *data, GError **error) {
        Value *value = data;

        value->text = file_read_line(AT_FDCWD, value->path);
        return true;
}

static void assert_value(const char *pin, NamespaceKind kind, const char *path,
                         const char *expected) {
        Value value = { .path = path };

        g_assert_true(namespace_run(pin, kind, read_value, &value, NULL));
        g_assert_cmpstr(value.text, ==, expected);
        g_free(value.text);
}

static void test_pin(Fixture *fixture, gconstpointer data) {
        static const char *const sysctls[] = { "net.ipv4.ip_default_ttl", "99",
                                               "net.ipv4.ip_local_port_range", "2000 3000",
                                               "kernel.shm_rmid_forced", "1",
                                               "fs.mqueue.msg_max", "77", NULL };
        g_autofree char *ttl = file_read_line(AT_FDCWD, "/proc/sys/net/ipv4/ip_default_ttl");
        g_autofree char *ttl_after = NULL;
        g_autoptr(GError) error = NULL;
        struct utsname before;
        struct utsname inside;
        struct utsname after;
        bool up = false;

        if (!root_or_skip())
                return;
        uname(&before);
        namespace_pin(fixture->dir, POD_KINDS, "one", "pod-host", sysctls, &error);
        g_assert_no_error(error);
        for (unsigned i = 0; i < 3; i++)
                g_assert_true(namespace_is_pinned(fixture->paths[i]));
        g_assert_cmpuint(inode_of(fixture->paths[0]), !=, inode_of("/proc/self/ns/net"));
        g_assert_cmpuint(inode_of(fixture->paths[1]), !=, inode_of("/proc/self/ns/ipc"));
        g_assert_cmpuint(inode_of(fixture->paths[2]), !=, inode_of("/proc/self/ns/uts"));

        g_assert_true(
                namespace_run(fixture->paths[2], NAMESPACE_UTS, read_hostname, &inside, NULL));
        g_assert_cmpstr(inside.nodename, ==, "pod-host");
        g_assert_true(namespace_run(fixture->paths[0], NAMESPACE_NET, read_loopback, &up, NULL));
        g_assert_true(up);
        assert_value(fixture->paths[0], NAMESPACE_NET, "/proc/sys/net/ipv4/ip_default_ttl", "99");
        assert_value(fixture->paths[0], NAMESPACE_NET, "/proc/sys/net/ipv4/ip_local_port_range",
                     "2000\t3000");
        assert_value(fixture->paths[1], NAMESPACE_IPC, "/proc/sys/kernel/shm_rmid_forced", "1");
        assert_value(fixture->paths[1], NAMESPACE_IPC, "/proc/sys/fs/mqueue/msg_max", "77");

        /* The host is as it was. */
        uname(&after);
        g_assert_cmpstr(before.nodename, ==, after.nodename);
        ttl_after = file_read_line(AT_FDCWD, "/proc/sys/net/ipv4/ip_default_ttl");
        g_assert_cmpstr(ttl, ==, ttl_after);
}

static void test_unpin(Fixture *fixture, gconstpointer data) {
        struct stat status;

        if (!root_or_skip())
                return;
        g_assert_true(namespace_pin(fixture->dir, 1u << NAMESPACE_IPC, "one", NULL, NULL, NULL));
        g_assert_false(namespace_is_pinned(fixture->paths[0]));
        g_assert_true(namespace_unpin(fixture->paths[1], NULL));
        g_assert_cmpint(stat(fixture->paths[1], &status), ==, -1);
        g_assert_true(namespace_unpin(fixture->paths[1], NULL));
}

/* A sysctl that the kernel refuses leaves no pin of any kind. */
static void test_failure_leaves_nothing(Fixture *fixture, gconstpointer data) {
        static const char *const sysctls[] = { "net.ipv4.no_such_thing", "1", NULL };
        g_autoptr(GError) error = NULL;
        struct stat status;

        if (!root_or_skip())
                return;
        g_assert_false(namespace_pin(fixture->dir, POD_KINDS, "one", NULL, sysctls, &error));
        g_assert_nonnull(strstr(error->message, "no_such_thing"));
        for (unsigned i = 0; i < 3; i++)
                g_assert_cmpint(stat(fixture->paths[i], &status), ==, -1);
}

/* The second of two pins meets a file that exists: the first one goes, the foreign file stays. */
static void test_foreign_file_stays(Fixture *fixture, gconstpointer data) {
        g_autofree char *folder = g_path_get_dirname(fixture->paths[1]);
        struct stat status;

        if (!root_or_skip())
                return;
        g_assert_true(dir_make(AT_FDCWD, folder, 0755, NULL));
        g_assert_true(g_file_set_contents(fixture->paths[1], "x", 1, NULL));
        g_assert_false(namespace_pin(fixture->dir, POD_KINDS, "one", NULL, NULL, NULL));
        g_assert_cmpint(stat(fixture->paths[0], &status), ==, -1);
        g_assert_cmpint(stat(fixture->paths[1], &status), ==, 0);
        g_assert_cmpint(status.st_size, ==, 1);
}

/* What would change the host is refused before anything is done. */
static void test_host_is_safe(Fixture *fixture, gconstpointer data) {
        static const char *const net[] = { "net.ipv4.ip_default_ttl", "99", NULL };
        static const char *const ipc[] = { "kernel.shm_rmid_forced", "1", NULL };
        static const char *const core[] = { "kernel.core_pattern", "x", NULL };
        static const char *const value[] = { "net.ipv4.ip_default_ttl", "99\n", NULL };
        unsigned only_ipc = 1u << NAMESPACE_IPC;
        unsigned only_net = 1u << NAMESPACE_NET;
        g_autoptr(GError) error = NULL;

        g_assert_false(namespace_pin(fixture->dir, only_ipc, "one", "evil", NULL, &error));
        g_assert_error(error, ERROR_DOMAIN, ERROR_INVALID_ARGUMENT);
        g_assert_false(namespace_pin(fixture->dir, only_ipc, "one", NULL, net, NULL));
        g_assert_false(namespace_pin(fixture->dir, only_net, "one", NULL, ipc, NULL));
        g_assert_false(namespace_pin(fixture->dir, POD_KINDS, "one", NULL, core, NULL));
        g_assert_false(namespace_pin(fixture->dir, only_net, "one", NULL, value, NULL));
        g_assert_false(namespace_pin(fixture->dir, only_net, "../one", NULL, NULL, NULL));
        g_assert_false(namespace_pin(fixture->dir, only_net, "..", NULL, NULL, NULL));
        g_assert_false(namespace_pin(fixture->dir, only_net, "", NULL, NULL, NULL));
}

static void test_kinds_refused(Fixture *fixture, gconstpointer data) {
        static const NamespaceKind kinds[] = { NAMESPACE_PID, NAMESPACE_USER, NAMESPACE_MNT,
                                               NAMESPACE_CGROUP };

        for (unsigned i = 0; i < G_N_ELEMENTS(kinds); i++) {
                g_autoptr(GError) error = NULL;

                g_assert_false(
                        namespace_pin(fixture->dir, 1u << kinds[i], "one", NULL, NULL, &error));
                g_assert_error(error, ERROR_DOMAIN, ERROR_UNIMPLEMENTED);
        }
        g_assert_false(namespace_pin(fixture->dir, 0, "one", NULL, NULL, NULL));
        g_assert_false(
                namespace_run("/proc/self/ns/user", NAMESPACE_USER, read_hostname, NULL, NULL));
}

static bool fail_inside(void *data, GError **error) {
        return fail(error, ERROR_NOT_FOUND, "inside");
}

static void test_run_errors(Fixture *fixture, gconstpointer data) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GError) missing = NULL;
        g_autoptr(GError) plain = NULL;

        g_assert_false(
                namespace_run(fixture->paths[0], NAMESPACE_NET, fail_inside, NULL, &missing));
        g_assert_nonnull(strstr(missing->message, fixture->paths[0]));
        g_assert_false(namespace_run("/dev/null", NAMESPACE_NET, fail_inside, NULL, &plain));
        g_assert_error(plain, ERROR_DOMAIN, ERROR_UNKNOWN);
        if (!root_or_skip())
                return;
        g_assert_false(
                namespace_run("/proc/self/ns/net", NAMESPACE_NET, fail_inside, NULL, &error));
        g_assert_error(error, ERROR_DOMAIN, ERROR_NOT_FOUND);
}

#define ADD(name, test) g_test_add("/namespace/" name, Fixture, NULL, set_up, test, tear_down)

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        ADD("pin", test_pin);
        ADD("unpin", test_unpin);
        ADD("failure-leaves-nothing", test_failure_leaves_nothing);
        ADD("foreign-file-stays", test_foreign_file_stays);
        ADD("host-is-safe", test_host_is_safe);
        ADD("kinds-refused", test_kinds_refused);
        ADD("run-errors", test_run_errors);
        return g_test_run();
}
