/* SPDX-License-Identifier: Apache-2.0 */
/* A container from spec to removal, with the runtimes and monitors that this machine has. Needs
 * root. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/id.h"
#include "base/log.h"
#include "base/tree.h"
#include "host/cgroup.h"
#include "runtime/bundle.h"
#include "runtime/monitor.h"
#include "runtime/process-tree.h"
#include "runtime/spec.h"
#include "runtime/test-config.h"

#define BUSYBOX "/usr/bin/busybox"

/* Which programs a test case runs with. */
typedef struct Pair {
        const char *runtime;
        const char *monitor;
} Pair;

typedef struct Live {
        char *folder, *rootfs, *bundle, *id, *cgroup, *log;
        TestConfig *test;
        RuntimeTable *table;
        const Runtime *runtime;
        MonitorResult result;
} Live;

static void make_rootfs(Live *live) {
        static const char *const folders[] = {"bin", "etc", "proc", "sys", "dev", "tmp", "run"};
        static const char *const tools[] = {"sh", "sleep", "true", "echo", "cat", "id", "ls", "yes",
                "head", "grep", "stat", "mount", "kill", "readlink"};
        g_autofree char *passwd = g_build_filename(live->rootfs, "etc/passwd", NULL);
        g_autofree char *group = g_build_filename(live->rootfs, "etc/group", NULL);
        g_autofree char *program = g_build_filename(live->rootfs, "bin/busybox", NULL);
        g_autofree char *data = NULL;
        gsize length;

        for (unsigned i = 0; i < G_N_ELEMENTS(folders); i++) {
                g_autofree char *path = g_build_filename(live->rootfs, folders[i], NULL);

                g_assert_cmpint(g_mkdir_with_parents(path, 0755), ==, 0);
        }
        g_assert_true(g_file_get_contents(BUSYBOX, &data, &length, NULL));
        g_assert_true(g_file_set_contents(program, data, (gssize)length, NULL));
        g_assert_cmpint(chmod(program, 0755), ==, 0);
        for (unsigned i = 0; i < G_N_ELEMENTS(tools); i++) {
                g_autofree char *path = g_build_filename(live->rootfs, "bin", tools[i], NULL);

                g_assert_cmpint(symlink("busybox", path), ==, 0);
        }
        g_assert_true(g_file_set_contents(passwd, "root:x:0:0:root:/root:/bin/sh\n", -1, NULL));
        g_assert_true(g_file_set_contents(group, "root:x:0:\n", -1, NULL));
}

static Live *live_new(const Pair *pair) {
        Live *live = g_new0(Live, 1);
        GError *error = NULL;

        live->folder = g_dir_make_tmp("crio-live-XXXXXX", NULL);
        live->rootfs = g_build_filename(live->folder, "rootfs", NULL);
        live->bundle = g_build_filename(live->folder, "bundle", NULL);
        live->log = g_build_filename(live->folder, "log", NULL);
        live->id = id_new();
        live->cgroup = g_strdup_printf("/crio-test-%s", live->id);
        g_assert_cmpint(g_mkdir_with_parents(live->bundle, 0711), ==, 0);
        make_rootfs(live);
        live->test = test_config_new(live->folder);
        live->test->handler.runtime_path = (char *)pair->runtime;
        live->test->handler.monitor_path = (char *)pair->monitor;
        live->table = runtime_table_new(&live->test->config, &error);
        g_assert_no_error(error);
        live->runtime = runtime_table_find(live->table, "", &error);
        g_assert_no_error(error);
        return live;
}

/* Without the monitor's exit file there might still be somebody who writes into the folder. */
static void wait_exit_file(const Live *live) {
        g_autofree char *path = g_build_filename(live->folder, "exits", live->id, NULL);
        int fd = process_identity_open(&live->result.monitor);

        if (fd >= 0) {
                fd_wait(fd, POLLIN, clock_deadline_usec(30), -1);
                close(fd);
        }
        g_assert_cmpint(access(path, F_OK), ==, 0);
}

static void live_free(Live *live) {
        GError *error = NULL;

        if (live->result.init.pid > 0) {
                int fd = process_identity_open(&live->result.init);

                if (fd >= 0) {
                        syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0);
                        close(fd);
                }
                wait_exit_file(live);
        }
        runtime_delete(live->runtime, live->id, &error);
        g_assert_no_error(error);
        cgroup_remove(live->cgroup, &error);
        g_assert_no_error(error);
        tree_remove(AT_FDCWD, live->folder, &error);
        g_assert_no_error(error);
        runtime_table_free(live->table);
        test_config_free(live->test);
        g_free(live->folder);
        g_free(live->rootfs);
        g_free(live->bundle);
        g_free(live->log);
        g_free(live->id);
        g_free(live->cgroup);
        g_free(live);
}

static bool live_create(Live *live, CriContainerConfig *wish, GError **error) {
        SpecRequest request = {
                .config = &live->test->config,
                .runtime = live->runtime,
                .id = live->id,
                .name = "k8s_test_pod_ns_uid_0",
                .sandbox_id = live->id,
                .sandbox_name = "k8s_POD_pod_ns_uid_0",
                .wish = wish,
                .sandbox_privileged = true,
                .rootfs = live->rootfs,
                .bundle = live->bundle,
                .cgroup_path = live->cgroup,
                .hostname = "live",
                .log_path = live->log,
        };
        MonitorRequest monitor = {
                .config = &live->test->config,
                .runtime = live->runtime,
                .id = live->id,
                .name = "live",
                .bundle = live->bundle,
                .persist_dir = live->bundle,
                .log_path = live->log,
        };
        g_auto(SpecResult) spec = {0};

        return spec_build(&request, &spec, error) && bundle_write(live->bundle, spec.spec, error) &&
               monitor_create(&monitor, &live->result, error);
}

static void live_run(Live *live, CriContainerConfig *wish) {
        GError *error = NULL;

        live_create(live, wish, &error);
        g_assert_no_error(error);
        g_assert_cmpint(live->result.init.pid, >, 1);
        g_assert_cmpint(live->result.monitor.pid, >, 1);
        runtime_start(live->runtime, live->id, &error);
        g_assert_no_error(error);
}

static int live_exec(
        const Live *live, const char *script, gint64 timeout, char **ret_out, char **ret_err) {
        const char *const command[] = {"/bin/sh", "-c", script, NULL};
        MonitorExec exec = {.config = &live->test->config,
                .runtime = live->runtime,
                .id = live->id,
                .bundle = live->bundle,
                .command = command,
                .timeout_sec = timeout,
                .cancel_fd = -1};
        g_auto(MonitorExecResult) result = {0};
        GError *error = NULL;

        monitor_exec_sync(&exec, &result, &error);
        g_assert_no_error(error);
        if (ret_out)
                *ret_out = g_strndup((char *)result.out->data, result.out->len);
        if (ret_err)
                *ret_err = g_strndup((char *)result.err->data, result.err->len);
        return result.exit_code;
}

static char *sleeper[] = {(char *)"/bin/sh", (char *)"-c",
        (char *)"trap exit TERM; while :; do sleep 1000 & wait; done"};

static CriContainerConfig sleeper_wish(void) {
        CriContainerConfig wish = CRI_CONTAINER_CONFIG_INIT;

        wish.n_command = G_N_ELEMENTS(sleeper);
        wish.command = sleeper;
        return wish;
}

static void test_life(gconstpointer data) {
        Live *live = live_new(data);
        CriContainerConfig wish = sleeper_wish();
        g_autofree char *out = NULL;
        g_autofree char *err = NULL;

        live_run(live, &wish);
        g_assert_cmpint(live_exec(live, "echo out; echo err >&2; exit 3", 0, &out, &err), ==, 3);
        g_assert_cmpstr(out, ==, "out\n");
        g_assert_cmpstr(err, ==, "err\n");
        live_free(live);
}

/* Nothing of ours may be seen inside: a descriptor of the host would be a way out. */
static void test_descriptors(gconstpointer data) {
        Live *live = live_new(data);
        CriContainerConfig wish = sleeper_wish();
        g_autofree char *out = NULL;
        g_autofree char *first = NULL;

        live_run(live, &wish);
        g_assert_cmpint(live_exec(live, "ls /proc/self/fd", 0, &out, NULL), ==, 0);
        /* The fourth is the directory that ls reads. */
        g_assert_cmpstr(out, ==, "0\n1\n2\n3\n");
        g_assert_cmpint(live_exec(live, "ls /proc/1/fd", 0, &first, NULL), ==, 0);
        g_assert_true(g_str_has_prefix(first, "0\n1\n2\n"));
        live_free(live);
}

static guint64 count_lines(const char *text) {
        guint64 count = 0;

        for (; *text; text++)
                count += *text == '\n';
        return count;
}

/* At the answer the command is dead and reaped, and so are its children: the next exec sees none of
 * them. */
static void test_timeout(gconstpointer data) {
        Live *live = live_new(data);
        CriContainerConfig wish = sleeper_wish();
        g_autofree char *err = NULL;
        g_autofree char *out = NULL;

        live_run(live, &wish);
        g_assert_cmpint(live_exec(live, "sleep 4321; true", 1, NULL, &err), ==, -1);
        g_assert_cmpstr(err, ==, "command timed out");
        g_assert_cmpint(live_exec(live, "grep -l 4321 /proc/[0-9]*/cmdline 2>/dev/null; true", 0,
                                &out, NULL),
                ==, 0);
        g_assert_cmpuint(count_lines(out), ==, 1); /* the search itself */
        live_free(live);
}

/* A command that forks without end is caught whole. */
static void test_timeout_tree(gconstpointer data) {
        Live *live = live_new(data);
        CriContainerConfig wish = sleeper_wish();
        g_autofree char *out = NULL;

        live_run(live, &wish);
        live_exec(live, "for i in 1 2 3 4 5; do (sleep 5432; true) & done; wait; true", 1, NULL,
                NULL);
        live_exec(live, "grep -l 5432 /proc/[0-9]*/cmdline 2>/dev/null; true", 0, &out, NULL);
        g_assert_cmpuint(count_lines(out), ==, 1);
        live_free(live);
}

static void test_output_limit(gconstpointer data) {
        Live *live = live_new(data);
        CriContainerConfig wish = sleeper_wish();
        const char *const command[] = {"/bin/sh", "-c", "yes | head -c 40000000; exit 4", NULL};
        MonitorExec exec = {.config = &live->test->config,
                .runtime = live->runtime,
                .id = live->id,
                .bundle = live->bundle,
                .command = command,
                .cancel_fd = -1};
        g_auto(MonitorExecResult) result = {0};
        GError *error = NULL;

        live_run(live, &wish);
        monitor_exec_sync(&exec, &result, &error);
        g_assert_no_error(error);
        g_assert_cmpint(result.exit_code, ==, 4);
        g_assert_cmpuint(result.out->len + result.err->len, ==, 16 * 1024 * 1024 - 1024);
        live_free(live);
}

static void test_cancel(gconstpointer data) {
        Live *live = live_new(data);
        CriContainerConfig wish = sleeper_wish();
        const char *const command[] = {"/bin/sh", "-c", "sleep 6543; true", NULL};
        int ends[2];
        MonitorExec exec = {.config = &live->test->config,
                .runtime = live->runtime,
                .id = live->id,
                .bundle = live->bundle,
                .command = command};
        g_auto(MonitorExecResult) result = {0};
        GError *error = NULL;

        live_run(live, &wish);
        g_assert_cmpint(pipe2(ends, O_CLOEXEC), ==, 0);
        close(ends[1]);
        exec.cancel_fd = ends[0];
        g_assert_false(monitor_exec_sync(&exec, &result, &error));
        g_assert_cmpint(error_get_code(error), ==, ERROR_CANCELLED);
        g_clear_error(&error);
        close(ends[0]);
        live_free(live);
}

/* A child that keeps the pipes open does not hold up the answer. */
static void test_left_behind(gconstpointer data) {
        Live *live = live_new(data);
        CriContainerConfig wish = sleeper_wish();
        g_autofree char *out = NULL;

        live_run(live, &wish);
        g_assert_cmpint(live_exec(live, "sleep 1000 & echo done", 0, &out, NULL), ==, 0);
        g_assert_cmpstr(out, ==, "done\n");
        live_free(live);
}

static void test_missing_command(gconstpointer data) {
        Live *live = live_new(data);
        CriContainerConfig wish = sleeper_wish();
        const char *const command[] = {"/no/such/program", NULL};
        MonitorExec exec = {.config = &live->test->config,
                .runtime = live->runtime,
                .id = live->id,
                .bundle = live->bundle,
                .command = command,
                .cancel_fd = -1};
        g_auto(MonitorExecResult) result = {0};
        GError *error = NULL;

        live_run(live, &wish);
        if (monitor_exec_sync(&exec, &result, &error)) {
                g_assert_cmpint(result.exit_code, !=, 0);
                g_assert_cmpuint(result.err->len, >, 0);
        } else {
                g_test_message("%s", error->message);
                g_assert_nonnull(strstr(error->message, "/no/such/program"));
                g_clear_error(&error);
        }
        live_free(live);
}

/* A start that fails says why, and leaves no monitor. */
static void test_failed_create(gconstpointer data) {
        static char *command[] = {(char *)"/no/such/program"};
        Live *live = live_new(data);
        CriContainerConfig wish = CRI_CONTAINER_CONFIG_INIT;
        GError *error = NULL;

        wish.n_command = 1;
        wish.command = command;
        if (live_create(live, &wish, &error)) {
                /* Some runtimes find out at the start. */
                g_assert_false(runtime_start(live->runtime, live->id, &error));
        }
        g_assert_nonnull(strstr(error->message, "/no/such/program"));
        g_clear_error(&error);
        live_free(live);
}

/* Users, groups and capabilities as the runtime made them of the specification. */
static void test_identity(gconstpointer data) {
        Live *live = live_new(data);
        CriContainerConfig wish = sleeper_wish();
        CriLinuxContainerConfig linux_config = CRI_LINUX_CONTAINER_CONFIG_INIT;
        CriLinuxContainerSecurityContext security = CRI_LINUX_CONTAINER_SECURITY_CONTEXT_INIT;
        CriInt64Value user = CRI_INT64_VALUE_INIT;
        CriInt64Value group = CRI_INT64_VALUE_INIT;
        gint64 groups[] = {1234};
        g_autofree char *out = NULL;
        g_autofree char *status = NULL;

        user.value = 4294967294;
        group.value = 3000;
        security.run_as_user = &user;
        security.run_as_group = &group;
        security.n_supplemental_groups = 1;
        security.supplemental_groups = groups;
        linux_config.security_context = &security;
        wish.linux = &linux_config;
        live_run(live, &wish);
        g_assert_cmpint(live_exec(live, "id -u; id -g; id -G; grep -c . /etc/passwd; echo $HOME", 0,
                                &out, NULL),
                ==, 0);
        g_assert_cmpstr(out, ==, "4294967294\n3000\n3000 1234\n2\n/\n");
        live_exec(live, "grep -E 'Cap(Inh|Prm|Eff|Amb)' /proc/self/status", 0, &status, NULL);
        g_assert_cmpstr(status, ==,
                "CapInh:\t0000000000000000\nCapPrm:\t0000000000000000\n"
                "CapEff:\t0000000000000000\nCapAmb:\t0000000000000000\n");
        live_free(live);
}

static void test_privileged(gconstpointer data) {
        Live *live = live_new(data);
        CriContainerConfig wish = sleeper_wish();
        CriLinuxContainerConfig linux_config = CRI_LINUX_CONTAINER_CONFIG_INIT;
        CriLinuxContainerSecurityContext security = CRI_LINUX_CONTAINER_SECURITY_CONTEXT_INIT;
        g_autofree char *out = NULL;

        security.privileged = true;
        linux_config.security_context = &security;
        wish.linux = &linux_config;
        live_run(live, &wish);
        g_assert_cmpint(
                live_exec(live, "mount -t tmpfs none /tmp && echo yes", 0, &out, NULL), ==, 0);
        g_assert_cmpstr(out, ==, "yes\n");
        live_free(live);
}

/* With the default profile filtered, without one not. */
static void test_seccomp(gconstpointer data) {
        Live *live = live_new(data);
        CriContainerConfig wish = sleeper_wish();
        CriLinuxContainerConfig linux_config = CRI_LINUX_CONTAINER_CONFIG_INIT;
        CriLinuxContainerSecurityContext security = CRI_LINUX_CONTAINER_SECURITY_CONTEXT_INIT;
        CriSecurityProfile profile = CRI_SECURITY_PROFILE_INIT;
        g_autofree char *out = NULL;

        security.seccomp = &profile;
        linux_config.security_context = &security;
        wish.linux = &linux_config;
        live_run(live, &wish);
        live_exec(live, "grep Seccomp: /proc/self/status", 0, &out, NULL);
        g_assert_cmpstr(out, ==, "Seccomp:\t2\n");
        live_free(live);
}

static void test_reopen_log(gconstpointer data) {
        Live *live = live_new(data);
        CriContainerConfig wish = sleeper_wish();
        g_autofree char *old = g_strconcat(live->log, ".old", NULL);
        GError *error = NULL;

        live_run(live, &wish);
        g_assert_cmpint(rename(live->log, old), ==, 0);
        monitor_reopen_log(live->bundle, live->log, clock_deadline_usec(60), &error);
        g_assert_no_error(error);
        g_assert_cmpint(access(live->log, F_OK), ==, 0);
        live_free(live);
}

static void test_update(gconstpointer data) {
        Live *live = live_new(data);
        CriContainerConfig wish = sleeper_wish();
        CriLinuxContainerResources resources = CRI_LINUX_CONTAINER_RESOURCES_INIT;
        g_autofree char *value = NULL;
        GError *error = NULL;

        live_run(live, &wish);
        resources.cpu_shares = 512;
        runtime_update(live->runtime, live->id, &resources, &error);
        g_assert_no_error(error);
        value = cgroup_is_unified() ? NULL : cgroup_read(live->cgroup, "cpu", "cpu.shares");
        if (value)
                g_assert_cmpstr(value, ==, "512");
        live_free(live);
}

static void test_delete_unknown(gconstpointer data) {
        Live *live = live_new(data);
        GError *error = NULL;

        g_assert_true(runtime_delete(live->runtime, live->id, &error));
        g_assert_no_error(error);
        g_assert_false(runtime_start(live->runtime, live->id, &error));
        g_assert_nonnull(error);
        g_clear_error(&error);
        live_free(live);
}

static void add_case(const Pair *pair, const char *name, GTestDataFunc func) {
        g_autofree char *runtime = g_path_get_basename(pair->runtime);
        g_autofree char *path = g_strdup_printf("/live/%s/%s/%s", runtime,
                strcmp(pair->monitor, "/usr/bin/conmon") == 0 ? "upstream" : "ours", name);

        g_test_add_data_func(path, pair, func);
}

static void add_cases(const Pair *pair) {
        static const struct {
                const char *name;
                GTestDataFunc func;
        } cases[] = {
                {"life", test_life},
                {"descriptors", test_descriptors},
                {"timeout", test_timeout},
                {"timeout-tree", test_timeout_tree},
                {"output-limit", test_output_limit},
                {"cancel", test_cancel},
                {"left-behind", test_left_behind},
                {"missing-command", test_missing_command},
                {"failed-create", test_failed_create},
                {"identity", test_identity},
                {"privileged", test_privileged},
                {"seccomp", test_seccomp},
                {"reopen-log", test_reopen_log},
                {"update", test_update},
                {"delete-unknown", test_delete_unknown},
        };

        for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++)
                add_case(pair, cases[i].name, cases[i].func);
}

static void test_skipped(void) {
        g_test_skip("needs root, a static busybox, a runtime and a monitor");
}

int main(int argc, char **argv) {
        static Pair pairs[4];
        const char *const runtimes[] = {"/usr/bin/runc", "/usr/bin/crun"};
        const char *monitors[] = {"/usr/bin/conmon", NULL};
        unsigned count = 0;

        g_test_init(&argc, &argv, NULL);
        log_set_level(LOG_LEVEL_WARNING);
        monitors[1] = argc > 1 ? argv[1] : g_getenv("TEST_CONMON");
        for (unsigned i = 0; i < 2; i++)
                for (unsigned k = 0; k < 2; k++)
                        if (geteuid() == 0 && access(BUSYBOX, X_OK) == 0 &&
                                access(runtimes[i], X_OK) == 0 && monitors[k] &&
                                access(monitors[k], X_OK) == 0)
                                pairs[count++] = (Pair){runtimes[i], monitors[k]};
        for (unsigned i = 0; i < count; i++)
                add_cases(&pairs[i]);
        if (count == 0)
                g_test_add_func("/live/skipped", test_skipped);
        return g_test_run();
}
