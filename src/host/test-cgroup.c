/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/process.h"
#include "host/cgroup.h"

typedef struct Fixture {
        char *path;
        char *child;
        bool usable;
} Fixture;

static void set_up(Fixture *fixture, gconstpointer data) {
        fixture->path = g_strdup_printf("/crio-test-cgroup-%d", getpid());
        fixture->child = g_strconcat(fixture->path, "/child", NULL);
        fixture->usable = geteuid() == 0 && cgroup_create(fixture->child, NULL);
        if (!fixture->usable)
                g_test_skip("no root, or no cgroup file system that can be written");
}

static void tear_down(Fixture *fixture, gconstpointer data) {
        if (fixture->usable) {
                g_assert_true(cgroup_kill(fixture->path, clock_deadline_usec(20), NULL));
                g_assert_true(cgroup_remove(fixture->path, NULL));
                g_assert_false(cgroup_exists(fixture->path));
        }
        g_free(fixture->path);
        g_free(fixture->child);
}

static Process *start_sleeper(void) {
        static const char *const argv[] = { "/bin/sleep", "600", NULL };
        ProcessOptions options = { .argv = argv };
        Process *process = process_spawn(&options, NULL);

        g_assert_nonnull(process);
        return process;
}

static void test_create(Fixture *fixture, gconstpointer data) {
        if (!fixture->usable)
                return;
        g_assert_true(cgroup_exists(fixture->child));
        g_assert_true(cgroup_create(fixture->child, NULL));
        if (!cgroup_is_unified()) {
                g_autofree char *cpus = cgroup_read(fixture->child, "cpuset", "cpuset.cpus");
                g_autofree char *named = cgroup_read(fixture->child, "systemd", "cgroup.procs");

                g_assert_true(!cpus || *cpus); /* an empty set could run nothing */
                g_assert_true(!named || !*named);
        }
        g_assert_null(cgroup_read(fixture->child, "memory", "no.such.file"));
        g_assert_cmpuint(cgroup_get_oom_kills(fixture->child), ==, 0);
}

static void test_attach_and_kill(Fixture *fixture, gconstpointer data) {
        g_autoptr(Process) one = NULL;
        g_autoptr(Process) two = NULL;
        g_autoptr(GError) error = NULL;
        g_autofree char *procs = NULL;
        g_autofree char *expected = NULL;
        int status;

        if (!fixture->usable)
                return;
        one = start_sleeper();
        two = start_sleeper();
        g_assert_true(cgroup_attach(fixture->child, process_get_pid(one), NULL));
        g_assert_true(cgroup_attach(fixture->path, process_get_pid(two), NULL) ||
                      cgroup_is_unified());
        procs = cgroup_read(fixture->child, "pids", "cgroup.procs");
        expected = g_strdup_printf("%d", process_get_pid(one));
        g_assert_cmpstr(procs, ==, expected);

        g_assert_false(cgroup_remove(fixture->path, &error));
        g_assert_nonnull(strstr(error->message, fixture->path));

        g_assert_true(cgroup_kill(fixture->path, clock_deadline_usec(20), NULL));
        g_assert_true(process_wait(one, clock_deadline_usec(20), -1, &status, NULL));
        g_assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        if (!cgroup_is_unified()) {
                g_assert_true(process_wait(two, clock_deadline_usec(20), -1, &status, NULL));
                g_assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        }
}

/* Only the v1 side knows the process: the kernel's own kill does not reach it. */
static void test_kill_one_hierarchy(Fixture *fixture, gconstpointer data) {
        g_autoptr(Process) process = NULL;
        g_autofree char *pid = NULL;
        int status;

        if (!fixture->usable)
                return;
        process = start_sleeper();
        pid = g_strdup_printf("%d", process_get_pid(process));
        if (!cgroup_write(fixture->child, "freezer", "cgroup.procs", pid, NULL)) {
                g_test_skip("no freezer hierarchy");
                return;
        }
        g_assert_true(cgroup_kill(fixture->path, clock_deadline_usec(20), NULL));
        g_assert_true(process_wait(process, clock_deadline_usec(20), -1, &status, NULL));
        g_assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* Killed, then removed at once, again and again: nothing may be busy any more. */
static void test_kill_then_remove(Fixture *fixture, gconstpointer data) {
        if (!fixture->usable)
                return;
        for (unsigned i = 0; i < 50; i++) {
                g_autoptr(Process) process = start_sleeper();
                g_autoptr(GError) error = NULL;

                g_assert_true(cgroup_create(fixture->child, NULL));
                g_assert_true(cgroup_attach(fixture->child, process_get_pid(process), NULL));
                g_assert_true(cgroup_kill(fixture->child, clock_deadline_usec(20), NULL));
                cgroup_remove(fixture->child, &error);
                g_assert_no_error(error);
        }
}

static void test_kill_many(Fixture *fixture, gconstpointer data) {
        g_autoptr(GPtrArray) many = g_ptr_array_new_with_free_func((GDestroyNotify) process_free);

        if (!fixture->usable)
                return;
        for (unsigned i = 0; i < 300; i++) { /* more than one batch */
                Process *process = start_sleeper();
                g_autofree char *pid = g_strdup_printf("%d", process_get_pid(process));

                g_ptr_array_add(many, process);
                if (!cgroup_write(fixture->child, "freezer", "cgroup.procs", pid, NULL))
                        g_assert_true(
                                cgroup_attach(fixture->child, process_get_pid(process), NULL));
        }
        g_assert_true(cgroup_kill(fixture->path, clock_deadline_usec(60), NULL));
        g_assert_true(cgroup_remove(fixture->path, NULL));
}

static void test_missing(Fixture *fixture, gconstpointer data) {
        if (!fixture->usable)
                return;
        g_assert_true(cgroup_remove("/crio-test-never-made", NULL));
        g_assert_true(cgroup_kill("/crio-test-never-made", 0, NULL));
        g_assert_false(cgroup_exists("/crio-test-never-made"));
        g_assert_cmpint(cgroup_open("/crio-test-never-made", "memory"), ==, -1);
        g_assert_false(cgroup_attach("/crio-test-never-made", getpid(), NULL));
        g_assert_false(cgroup_attach(fixture->path, 0, NULL));
}

/* A daemon that was put into the cgroup must not end itself; a child plays the daemon. */
static void test_own_cgroup_is_safe(Fixture *fixture, gconstpointer data) {
        int status;
        pid_t pid;

        if (!fixture->usable)
                return;
        pid = fork();
        if (pid == 0) {
                g_autoptr(GError) error = NULL;
                bool killed;

                if (!cgroup_attach(fixture->child, getpid(), NULL))
                        _exit(2);
                killed = cgroup_kill(fixture->path, clock_deadline_usec(10), &error);
                _exit(!killed && g_error_matches(error, ERROR_DOMAIN, ERROR_FAILED_PRECONDITION)
                              ? 0 : 1);
        }
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_true(WIFEXITED(status));
        g_assert_cmpint(WEXITSTATUS(status), ==, 0);
}

static void test_path_refused(void) {
        static const char *const bad[] = { "/", "", "a", "/a/../b", "/..", "/a//b", "/a/", "/./a" };

        for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_assert_false(cgroup_create(bad[i], NULL));
                g_assert_false(cgroup_remove(bad[i], NULL));
                g_assert_false(cgroup_kill(bad[i], 0, NULL));
                g_assert_false(cgroup_exists(bad[i]));
                g_assert_null(cgroup_read(bad[i], "memory", "cgroup.procs"));
        }
}

static void assert_built(const char *parent, const char *leaf, const char *expected) {
        g_autofree char *path = NULL;
        g_autoptr(GError) error = NULL;

        cgroup_path_build(parent, leaf, &path, &error);
        g_assert_no_error(error);
        g_assert_cmpstr(path, ==, expected);
}

static void test_path_build(void) {
        g_autoptr(GError) error = NULL;
        g_autofree char *path = NULL;

        assert_built("/kubepods/burstable/pod1", "crio-abc", "/kubepods/burstable/pod1/crio-abc");
        assert_built("kubepods//pod1/", "crio-abc", "/kubepods/pod1/crio-abc");
        assert_built("", "crio-abc", "/crio/crio-abc");
        assert_built(NULL, "crio-abc", "/crio/crio-abc");
        assert_built("/", "crio-abc", "/crio-abc");
        g_assert_false(cgroup_path_build("/kubepods.slice", "x", &path, &error));
        g_assert_error(error, ERROR_DOMAIN, ERROR_INVALID_ARGUMENT);
        g_assert_nonnull(strstr(error->message, "systemd slice as parent: /kubepods.slice"));
        g_assert_nonnull(strstr(error->message, "cgroup_manager"));
        g_assert_nonnull(strstr(error->message, "cgroupDriver"));
        g_assert_false(cgroup_path_build("/a.slice/", "x", &path, NULL));
        g_assert_false(cgroup_path_build("/a/../../b", "x", &path, NULL));
        g_assert_false(cgroup_path_build("/a", "../x", &path, NULL));
        g_assert_false(cgroup_path_build("/a", "x/y", &path, NULL));
        g_assert_false(cgroup_path_build("/a", "..", &path, NULL));
        g_assert_false(cgroup_path_build("/a", "", &path, NULL));
}

#define ADD(name, test) g_test_add("/cgroup/" name, Fixture, NULL, set_up, test, tear_down)

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/cgroup/path-refused", test_path_refused);
        g_test_add_func("/cgroup/path-build", test_path_build);
        ADD("create", test_create);
        ADD("attach-and-kill", test_attach_and_kill);
        ADD("kill-one-hierarchy", test_kill_one_hierarchy);
        ADD("kill-then-remove", test_kill_then_remove);
        ADD("kill-many", test_kill_many);
        ADD("missing", test_missing);
        ADD("own-cgroup-is-safe", test_own_cgroup_is_safe);
        return g_test_run();
}
