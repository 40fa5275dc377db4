/* SPDX-License-Identifier: Apache-2.0 */
#include "image/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <netdb.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/tree.h"

#define KEPT_CAPABILITIES "00000000" "8820001b" /* chown ... setfcap, see confine.c */

static bool has_landlock(void) {
        return syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) >= 2;
}

static void assert_refused(int result, int expected) {
        int found = errno;

        g_assert_cmpint(result, ==, -1);
        g_assert_cmpint(found, ==, expected);
}

/* What a pull does must still work. */
static void assert_store_works(int dfd) {
        autofd int fd = -1;

        g_assert_cmpint(mkdirat(dfd, "a", 0700), ==, 0);
        g_assert_cmpint(mkdirat(dfd, "b", 0700), ==, 0);
        fd = openat(dfd, "a/file", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        g_assert_cmpint(fd, >=, 0);
        g_assert_cmpint(fchown(fd, 1234, 1234), ==, 0);
        g_assert_cmpint(fchmod(fd, 04755), ==, 0);
        g_assert_cmpint(fsetxattr(fd, "trusted.note", "x", 1, 0), ==, 0);
        g_assert_cmpint(ftruncate(fd, 100), ==, 0);
        g_assert_cmpint(linkat(dfd, "a/file", dfd, "b/link", 0), ==, 0);
        g_assert_cmpint(symlinkat("/etc", dfd, "b/symlink"), ==, 0);
        g_assert_cmpint(mknodat(dfd, "b/whiteout", S_IFCHR, 0), ==, 0);
        g_assert_cmpint(renameat(dfd, "a/file", dfd, "b/file"), ==, 0);
        g_assert_cmpint(syncfs(dfd), ==, 0);
        g_assert_true(tree_remove(dfd, "b", NULL));
}

static void assert_files_hidden(void) {
        g_autofree char *text = NULL;

        if (!has_landlock())
                return;
        assert_refused(open("/etc/shadow", O_RDONLY | O_CLOEXEC), EACCES);
        assert_refused(open("/root", O_RDONLY | O_DIRECTORY | O_CLOEXEC), EACCES);
        assert_refused(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC), EACCES);
        assert_refused(open("/etc/hosts", O_WRONLY | O_CLOEXEC), EACCES);
        assert_refused(open("/tmp/no-such-file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600), EACCES);
        assert_refused(open("/proc/1/environ", O_RDONLY | O_CLOEXEC), EACCES);
        assert_refused(unlink("/etc/hosts"), EACCES);
        /* and what name resolution reads is not */
        g_assert_true(file_read(AT_FDCWD, "/etc/hosts", 1 << 20, &text, NULL, NULL));
}

static void assert_calls_refused(void) {
        char *const argv[] = { (char *) "true", NULL };

        assert_refused(execv("/bin/true", argv), EPERM);
        assert_refused(mount("none", "/mnt", "tmpfs", 0, NULL), EPERM);
        assert_refused(umount2("/proc", MNT_DETACH), EPERM);
        assert_refused(unshare(CLONE_NEWNS), EPERM);
        assert_refused(kill(getppid(), 0), EPERM);
        assert_refused(chroot("/"), EPERM);
        assert_refused(setuid(0), EPERM);
        assert_refused((int) syscall(SYS_ptrace, 0, 0, 0, 0), EPERM);
        assert_refused((int) syscall(SYS_bpf, 0, NULL, 0), EPERM);
        assert_refused((int) syscall(425 /* io_uring_setup */, 1, NULL), EPERM);
        assert_refused((int) syscall(430 /* fsopen */, "tmpfs", 0), EPERM);
}

static void assert_status(const char *field, const char *expected) {
        g_autofree char *text = file_read_line(AT_FDCWD, "/proc/self/status");
        const char *at = strstr(text, field);

        g_assert_nonnull(at);
        g_assert_true(g_str_has_prefix(at + strlen(field), expected));
}

static void *nothing(void *data) {
        return data;
}

static void test_inside(void) {
        const char *root = g_getenv("TEST_CONFINE_ROOT");
        autofd int dfd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        g_autoptr(GError) error = NULL;

        confine_self(root, &error);
        g_assert_no_error(error);
        assert_status("\nCapEff:\t", KEPT_CAPABILITIES);
        assert_status("\nCapPrm:\t", KEPT_CAPABILITIES);
        assert_status("\nCapInh:\t", "0000000000000000");
        assert_status("\nNoNewPrivs:\t", "1");
        assert_status("\nSeccomp:\t", "2");
        assert_store_works(dfd);
        assert_files_hidden();
        assert_calls_refused();
        g_thread_join(g_thread_new("test", nothing, NULL));
#ifdef __SANITIZE_ADDRESS__
        _exit(0); /* the leak checker traces its own process, which is refused */
#endif
}

static void test_confine(void) {
        g_autofree char *root = g_dir_make_tmp("confine-XXXXXX", NULL);

        g_setenv("TEST_CONFINE_ROOT", root, TRUE);
        g_test_trap_subprocess("/confine/subprocess/inside", 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
        g_test_trap_assert_passed();
        g_assert_true(tree_remove(AT_FDCWD, root, NULL));
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        if (getuid() != 0) {
                g_print("1..0 # SKIP needs root\n");
                return 0;
        }
        g_test_add_func("/confine/all", test_confine);
        g_test_add_func("/confine/subprocess/inside", test_inside);
        return g_test_run();
}
