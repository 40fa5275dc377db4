/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/process.h"
#include "base/tree.h"
#include "runtime/monitor.h"
#include "runtime/process-tree.h"
#include "runtime/runtime-private.h"
#include "runtime/test-config.h"

/* A script in the place of a program. */
static char *write_script(const char *folder, const char *name, const char *body) {
        char *path = g_build_filename(folder, name, NULL);
        g_autofree char *text = g_strconcat("#!/bin/sh\n", body, NULL);

        g_assert_true(g_file_set_contents(path, text, -1, NULL));
        g_assert_cmpint(chmod(path, 0755), ==, 0);
        return path;
}

static void test_clean_text(void) {
        static const struct {
                const char *raw, *clean;
        } cases[] = {
                {"", "no message"},
                {"\n\n", "no message"},
                {"first\nlast\n", "last"},
                {"time=\"x\" level=error msg=\"exec: \\\"sh\\\": not found\"\n",
                        "exec: \"sh\": not found"},
                {"2026-01-02T15:04:05.123456Z: cannot do it\n", "cannot do it"},
                {"why\n[conmon:e]: no container\n", "why"},
                {"a\tb\x01"
                 "c\n",
                        "a b c"},
        };

        for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *text = runtime_clean_text(cases[i].raw);

                g_assert_cmpstr(text, ==, cases[i].clean);
        }
}

static void test_features(void) {
        static const char text[] = "{\"ociVersionMin\":\"1.0.0\",\"ociVersionMax\":\"1.0.2-dev\","
                                   "\"mountOptions\":[\"ro\",\"rro\"],"
                                   "\"potentiallyUnsafeConfigAnnotations\":[\"bundle\"]}";
        RuntimeFeatures features;

        g_assert_true(runtime_features_parse(text, sizeof(text) - 1, &features, NULL));
        g_assert_cmpstr(features.oci_version_max, ==, "1.0.2");
        g_assert_true(features.recursive_read_only);
        g_assert_false(features.idmap_mounts);
        g_assert_cmpstr(features.unsafe_annotations[0], ==, "bundle");
        runtime_features_clear(&features);
        g_assert_false(runtime_features_parse("{}", 2, &features, NULL));
        g_assert_false(runtime_features_parse("[", 1, &features, NULL));
        g_assert_false(runtime_features_parse("{\"ociVersionMax\":\"x\"}", 21, &features, NULL));
}

static void test_table(void) {
        g_autofree char *folder = g_dir_make_tmp("crio-runtime-XXXXXX", NULL);
        TestConfig *test = test_config_new(folder);
        RuntimeHandlerConfig other = test->handler;
        g_autoptr(RuntimeTable) table = NULL;
        g_autoptr(GPtrArray) list = NULL;
        GError *error = NULL;

        other.name = (char *)"other";
        g_ptr_array_add(test->config.runtimes, &other);
        table = runtime_table_new(&test->config, &error);
        g_assert_no_error(error);
        g_assert_cmpstr(runtime_get_name(runtime_table_find(table, "", NULL)), ==, "test");
        g_assert_cmpstr(runtime_get_name(runtime_table_find(table, "other", NULL)), ==, "other");
        g_assert_null(runtime_table_find(table, "none", &error));
        g_assert_cmpint(error_get_code(error), ==, ERROR_NOT_FOUND);
        g_assert_cmpstr(error->message, ==,
                "failed to find runtime handler none from runtime list [test other]");
        g_clear_error(&error);
        list = runtime_table_list(table);
        g_assert_cmpuint(list->len, ==, 2);
        other.runtime_type = (char *)"vm";
        g_assert_null(runtime_table_new(&test->config, &error));
        g_assert_cmpint(error_get_code(error), ==, ERROR_UNIMPLEMENTED);
        g_clear_error(&error);
        g_clear_pointer(&table, runtime_table_free);
        test_config_free(test);
        g_assert_true(tree_remove(AT_FDCWD, folder, NULL));
}

/* The socket of the service manager would end up in the container. */
static void test_environment(void) {
        g_autofree char *folder = g_dir_make_tmp("crio-runtime-XXXXXX", NULL);
        TestConfig *test = test_config_new(folder);
        g_autofree char *path =
                write_script(folder, "fake", "[ \"$3\" = start ] || exit 1\nenv >&2\nexit 1\n");
        g_autoptr(RuntimeTable) table = NULL;
        const char *const arguments[] = {"start", "x", NULL};
        g_auto(ProcessOutput) output = {0};

        g_setenv("NOTIFY_SOCKET", "/run/notify", TRUE);
        test->handler.runtime_path = path;
        table = runtime_table_new(&test->config, NULL);
        g_assert_true(
                runtime_call(runtime_table_find(table, "", NULL), arguments, NULL, &output, NULL));
        g_assert_nonnull(strstr(output.err, "PATH="));
        g_assert_null(strstr(output.err, "NOTIFY_SOCKET"));
        g_clear_pointer(&table, runtime_table_free);
        test_config_free(test);
        g_assert_true(tree_remove(AT_FDCWD, folder, NULL));
}

typedef struct Case {
        const char *body;
        ErrorCode code;
        const char *text;
} Case;

static void run_monitor_case(const Case *item) {
        g_autofree char *folder = g_dir_make_tmp("crio-runtime-XXXXXX", NULL);
        TestConfig *test = test_config_new(folder);
        g_autofree char *monitor = write_script(folder, "monitor", item->body);
        g_autoptr(RuntimeTable) table = NULL;
        MonitorRequest request = {.config = &test->config,
                .id = "abc",
                .name = "n",
                .bundle = folder,
                .persist_dir = folder};
        MonitorResult result;
        GError *error = NULL;

        test->handler.monitor_path = monitor;
        test->handler.container_create_timeout = 1;
        table = runtime_table_new(&test->config, NULL);
        request.runtime = runtime_table_find(table, "", NULL);
        g_assert_false(monitor_create(&request, &result, &error));
        g_test_message("%s", error->message);
        g_assert_cmpint(error_get_code(error), ==, item->code);
        g_assert_nonnull(strstr(error->message, item->text));
        g_assert_true(g_str_has_prefix(error->message, "create container abc: "));
        g_clear_error(&error);
        g_clear_pointer(&table, runtime_table_free);
        test_config_free(test);
        g_assert_true(tree_remove(AT_FDCWD, folder, NULL));
}

/* Monitors that do everything wrong. */
static void test_monitor(void) {
        static const Case cases[] = {
                {"echo 'bad option' >&2; exit 1\n", ERROR_UNKNOWN, "bad option"},
                {"exit 0\n", ERROR_UNKNOWN, "without a report"},
                {"echo '{\"pid\": -1, \"message\": \"runtime says no\\\\n\"}' >&3; exit 0\n",
                        ERROR_UNKNOWN, "runtime says no"},
                {"echo '{\"pid\": 0}' >&3\n", ERROR_UNKNOWN, "failed without a message"},
                {"echo '{\"pid\": 99999999999}' >&3\n", ERROR_UNKNOWN, "failed without a message"},
                {"echo 'nonsense' >&3\n", ERROR_UNKNOWN, "report of the monitor"},
                {"echo '{\"pid\": 1}' >&3\n", ERROR_UNKNOWN, "the monitor is not there"},
                {"cat /dev/zero >&3 &\n", ERROR_UNKNOWN, "report of the monitor"},
                {"kill -9 $$\n", ERROR_UNKNOWN, "signal 9"},
                {"exec sleep 1000\n", ERROR_DEADLINE_EXCEEDED, "in time"},
        };

        for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++)
                run_monitor_case(&cases[i]);
}

/* A monitor that went on without a word is ended with what it had started. */
static void test_monitor_abort(void) {
        g_autofree char *folder = g_dir_make_tmp("crio-runtime-XXXXXX", NULL);
        TestConfig *test = test_config_new(folder);
        g_autofree char *body = g_strdup_printf(
                "setsid sh -c 'echo $$ > %s/conmon-pidfile; exec sleep 1000 3>&3' &\n"
                "while [ ! -s %s/conmon-pidfile ]; do :; done\n",
                folder, folder);
        g_autofree char *monitor = write_script(folder, "monitor", body);
        g_autofree char *pid_path = g_build_filename(folder, "conmon-pidfile", NULL);
        g_autofree char *text = NULL;
        g_autoptr(RuntimeTable) table = NULL;
        MonitorRequest request = {.config = &test->config,
                .id = "abc",
                .name = "n",
                .bundle = folder,
                .persist_dir = folder};
        MonitorResult result;
        guint64 state = 0;
        GError *error = NULL;
        pid_t pid;

        test->handler.monitor_path = monitor;
        test->handler.container_create_timeout = 1;
        table = runtime_table_new(&test->config, NULL);
        request.runtime = runtime_table_find(table, "", NULL);
        g_assert_false(monitor_create(&request, &result, &error));
        g_assert_cmpint(error_get_code(error), ==, ERROR_DEADLINE_EXCEEDED);
        g_clear_error(&error);
        g_assert_true(g_file_get_contents(pid_path, &text, NULL, NULL));
        pid = (pid_t)g_ascii_strtoll(text, NULL, 10);
        /* Gone, or a zombie without any memory (field 23) that some other process will reap. */
        if (process_tree_field(pid, 23, &state))
                g_assert_cmpuint(state, ==, 0);
        g_clear_pointer(&table, runtime_table_free);
        test_config_free(test);
        g_assert_true(tree_remove(AT_FDCWD, folder, NULL));
}

static void test_identity(void) {
        ProcessIdentity identity;
        int fd;

        g_assert_true(process_identity_read(getpid(), &identity));
        fd = process_identity_open(&identity);
        g_assert_cmpint(fd, >=, 0);
        close(fd);
        /* The same number, another process. */
        identity.start_time++;
        g_assert_cmpint(process_identity_open(&identity), ==, -1);
        identity.pid = 0;
        g_assert_cmpint(process_identity_open(&identity), ==, -1);
        g_assert_false(process_identity_read(-1, &identity));
        g_assert_false(process_identity_read(0, &identity));
}

/* A name with everything in it that separates fields. */
static void test_stat_name(void) {
        g_autofree char *folder = g_dir_make_tmp("crio-runtime-XXXXXX", NULL);
        g_autofree char *path = g_build_filename(folder, "x) R 1 (", NULL);
        const char *const argv[] = {path, "1000", NULL};
        g_autoptr(Process) process = NULL;
        ProcessOptions options = {.argv = argv};

        g_assert_cmpint(symlink("/bin/sleep", path), ==, 0);
        process = process_spawn(&options, NULL);
        g_assert_nonnull(process);
        g_assert_cmpint(process_tree_parent(process_get_pid(process)), ==, getpid());
        g_clear_pointer(&process, process_free);
        g_assert_true(tree_remove(AT_FDCWD, folder, NULL));
}

/* Nobody is killed who does not descend from us. */
static void test_tree_stranger(void) {
        const char *const argv[] = {"/bin/sleep", "1000", NULL};
        ProcessOptions options = {.argv = argv};
        g_autoptr(Process) process = process_spawn(&options, NULL);
        GError *error = NULL;
        int status;

        process_tree_kill(process_get_pid(process), getpid() + 1, clock_deadline_usec(1));
        g_assert_false(process_wait(process, 1, -1, &status, &error));
        g_clear_error(&error);
        process_tree_kill(process_get_pid(process), getpid(), clock_deadline_usec(30));
        g_assert_true(process_wait(process, clock_deadline_usec(30), -1, &status, NULL));
}

static void test_version(void) {
        g_autofree char *folder = g_dir_make_tmp("crio-runtime-XXXXXX", NULL);
        g_autofree char *good =
                write_script(folder, "good", "echo conmon version 2.1.6; echo commit: x\n");
        g_autofree char *bad = write_script(folder, "bad", "echo something else\n");
        g_autofree char *version = monitor_read_version(good, NULL);

        g_assert_cmpstr(version, ==, "2.1.6");
        g_assert_null(monitor_read_version(bad, NULL));
        g_assert_null(monitor_read_version("/no/such/monitor", NULL));
        g_assert_true(tree_remove(AT_FDCWD, folder, NULL));
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        log_set_level(LOG_LEVEL_ERROR);
        g_test_add_func("/runtime/clean-text", test_clean_text);
        g_test_add_func("/runtime/features", test_features);
        g_test_add_func("/runtime/table", test_table);
        g_test_add_func("/runtime/environment", test_environment);
        g_test_add_func("/runtime/monitor", test_monitor);
        g_test_add_func("/runtime/monitor-abort", test_monitor_abort);
        g_test_add_func("/runtime/identity", test_identity);
        g_test_add_func("/runtime/stat-name", test_stat_name);
        g_test_add_func("/runtime/tree-stranger", test_tree_stranger);
        g_test_add_func("/runtime/version", test_version);
        return g_test_run();
}
