/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/process.h"

#define SHELL(script)                                                                              \
        (ProcessOptions) {                                                                         \
                .argv = (const char *const[]) {                                                    \
                        "/bin/sh", "-c", script, NULL                                              \
                }                                                                                  \
        }

static void test_echo(void) {
        g_auto(ProcessOutput) output = {0};
        g_autoptr(GError) error = NULL;
        ProcessOptions options = SHELL("cat; echo err >&2; exit 3");

        g_assert_true(process_run(&options, "hello", 1000, 0, &output, &error));
        g_assert_cmpstr(output.out, ==, "hello");
        g_assert_cmpstr(output.err, ==, "err\n");
        g_assert_cmpint(WEXITSTATUS(output.status), ==, 3);
}

static void test_limit(void) {
        g_auto(ProcessOutput) output = {0};
        g_autoptr(GError) error = NULL;
        ProcessOptions options = SHELL("exec cat /dev/zero");

        g_assert_false(process_run(&options, NULL, 100000, 0, &output, &error));
        g_assert_error(error, ERROR_DOMAIN, ERROR_RESOURCE_EXHAUSTED);
}

/* A grandchild that keeps the pipe open ends with the group. */
static void test_deadline(void) {
        g_auto(ProcessOutput) output = {0};
        g_autoptr(GError) error = NULL;
        ProcessOptions options = SHELL("sleep 1000 & wait");

        g_assert_false(
                process_run(&options, NULL, 1000, clock_monotonic_usec() + 50000, &output, &error));
        g_assert_error(error, ERROR_DOMAIN, ERROR_DEADLINE_EXCEEDED);
}

static void test_missing_program(void) {
        g_autoptr(GError) error = NULL;
        ProcessOptions options = {.argv = (const char *const[]){"/nowhere/x", NULL}};

        g_assert_null(process_spawn(&options, &error));
        g_assert_cmpstr(error->message, ==, "start /nowhere/x: No such file or directory");
}

/* Only the descriptors asked for arrive, in their places, even when they overlap. */
static void test_descriptors(void) {
        int ends[2], status;
        char text[64] = "";
        g_autoptr(Process) process = NULL;
        ProcessOptions options =
                SHELL("cd /proc/self/fd; for f in *; do [ -e $f ] && echo $f; done >&4");

        g_assert_true(fd_pipe(ends, NULL));
        options.fds = (const int[]){-1, -1, -1, -1, ends[1]};
        options.n_fds = 5;
        process = process_spawn(&options, NULL);
        fd_close(ends[1]);
        g_assert_true(process_wait(process, 0, -1, &status, NULL));
        g_assert_cmpint(read(ends[0], text, sizeof(text) - 1), >, 0);
        g_assert_true(g_str_has_prefix(text, "0\n1\n"));
        g_assert_null(strstr(text, "11"));
        fd_close(ends[0]);
}

int main(int argc, char **argv) {
        signal(SIGPIPE, SIG_IGN);
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/process/echo", test_echo);
        g_test_add_func("/process/limit", test_limit);
        g_test_add_func("/process/deadline", test_deadline);
        g_test_add_func("/process/missing-program", test_missing_program);
        g_test_add_func("/process/descriptors", test_descriptors);
        return g_test_run();
}
