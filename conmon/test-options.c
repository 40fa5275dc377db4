/* SPDX-License-Identifier: Apache-2.0 */
#include "conmon/options.h"

#include <glib.h>
#include <string.h>

#define BASE "conmon -c ID -u UUID -r /bin/sh "

static char memory[65536];

/* parse() - @line is cut at blanks */
static const char *parse(Options *options, const char *line) {
        static char *words[64];
        static char text[4096];
        Arena arena = { .data = memory, .size = sizeof(memory) };
        int count = 0;

        memset(memory, 0, sizeof(memory));
        memset(options, 0, sizeof(*options));
        g_strlcpy(text, line, sizeof(text));
        for (char *word = strtok(text, " "); word; word = strtok(NULL, " "))
                words[count++] = word;
        words[count] = NULL;
        return options_parse(options, &arena, count, words);
}

static void test_crio(void) {
        Options o;

        g_assert_null(parse(&o, "conmon -b /bundle -c ID --exit-dir /e -l /log --log-level info "
                "-n name -P /cpid -p /pid --persist-dir /keep -r /bin/sh --runtime-arg --root=/x "
                "--runtime-arg --y --socket-dir-path /s --syslog -u UUID -s --leave-stdin-open -i "
                "--log-size-max 8192 --no-sync-log"));
        g_assert_cmpstr(o.bundle, ==, "/bundle");
        g_assert_cmpstr(o.persist_dir, ==, "/keep");
        g_assert_cmpstr(o.container_pidfile, ==, "/pid");
        g_assert_cmpint(o.runtime_args.count, ==, 2);
        g_assert_cmpstr(o.runtime_args.items[0], ==, "--root=/x");
        g_assert_cmpint(o.log_size_max, ==, 8192);
        g_assert_cmpint(o.log_global_size_max, ==, -1);
        g_assert_true(o.syslog && o.systemd_cgroup && o.leave_stdin_open && o.stdin_pipe);
        g_assert_true(o.no_sync_log && !o.terminal && !o.exec);
        g_assert_cmpint(o.level, ==, MESSAGE_INFO);
        g_assert_cmpint(o.log_file_count, ==, 1);
        g_assert_cmpstr(o.log_files[0], ==, "/log");
}

static void test_podman(void) {
        Options o;

        g_assert_null(parse(&o, "conmon --api-version 1 -c ID -u UUID -r /bin/sh --full-attach -si "
                "-l k8s-file:/log --exit-command /bin/podman --exit-command-arg --root "
                "--exit-command-arg /x --exit-delay 5 --log-level=debug --pidfile /p -0 /keep"));
        g_assert_true(o.api_version && o.full_attach && o.systemd_cgroup && o.stdin_pipe);
        g_assert_cmpint(o.exit_command_args.count, ==, 2);
        g_assert_cmpstr(o.exit_command_args.items[0], ==, "--root");
        g_assert_cmpint(o.exit_delay, ==, 5);
        g_assert_cmpint(o.level, ==, MESSAGE_DEBUG);
        g_assert_cmpstr(o.container_pidfile, ==, "/p");
        g_assert_cmpstr(o.persist_dir, ==, "/keep");
}

static void test_defaults(void) {
        g_autofree char *here = g_get_current_dir();
        g_autofree char *pidfile = g_strconcat(here, "/pidfile-ID", NULL);
        Options o;

        g_assert_null(parse(&o, BASE "-l none"));
        g_assert_cmpstr(o.bundle, ==, here);
        g_assert_cmpstr(o.container_pidfile, ==, pidfile);
        g_assert_cmpstr(o.socket_dir, ==, "/var/run/crio");
        g_assert_cmpint(o.level, ==, MESSAGE_WARNING);
        /* an exec of CRI-O's kind has no bundle, and so no attach socket */
        g_assert_null(parse(&o, "conmon -c ID -r /bin/sh -e --exec-process-spec x -l none"));
        g_assert_null(o.bundle);
}

static void test_logs(void) {
        Options o;

        g_assert_null(parse(&o, BASE "-l k8s-file:/a -l :none -l off -l null"));
        g_assert_cmpint(o.log_file_count, ==, 2);
        g_assert_cmpstr(o.log_files[0], ==, "/a");
        g_assert_cmpstr(o.log_files[1], ==, "none");
        g_assert_null(parse(&o, BASE "-l passthrough"));
        g_assert_true(o.passthrough);
        g_assert_null(parse(&o, "conmon -c 0123456789abc -u U -r /bin/sh -l /a "
                "--log-path journald: --log-tag t --log-label A_1=b"));
        g_assert_true(o.journald);
        g_assert_cmpint(o.log_file_count, ==, 1);
}

static void test_refused(void) {
        static const char *lines[] = {
                "conmon", "conmon -u U -r /bin/sh -l none", "conmon -c ID -r /bin/sh -l none",
                "conmon -c ID -u U -l none", "conmon -c ID -u U -r /nonexistent -l none",
                "conmon -c a/b -u U -r /bin/sh -l none", "conmon -c .. -u U -r /bin/sh -l none",
                "conmon -c ID -u ../U -r /bin/sh -l none",
                BASE, BASE "-l", BASE "-l k8s-file", BASE "-l k8s-file:", BASE "-l what:/ever",
                BASE "-l none --log-level loud", BASE "-l none --unknown", BASE "-l none -x",
                BASE "-l none -lx", BASE "-l none --sync=yes", BASE "-l none --timeout soon",
                BASE "-l none --timeout 99999999999999999999", BASE "-l none --exit-delay -1",
                BASE "-l none --exit-delay 3000000", BASE "-l none --timeout 3000000",
                BASE "-l /a --log-tag t", BASE "-l /a --log-label A=b",
                BASE "-l journald", "conmon -c 0123456789abc -u U -r /bin/sh -l journald "
                "--log-label a=b", "conmon -c 0123456789abc -u U -r /bin/sh -l journald "
                "--log-label A=b=c",
                BASE "-l none -e", BASE "-l none --exec-attach",
                BASE "-l none -e --exec-process-spec x --exec-attach",
                BASE "-l none -e --exec-process-spec x --restore y",
                "conmon -c ID -r /bin/sh -l none -e --exec-process-spec x --api-version",
                BASE "-l /a --log-rotate", BASE "-l /a --log-rotate --log-max-files 0",
                BASE "-l 1 -l 2 -l 3 -l 4 -l 5",
        };
        Options o;

        for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
                g_test_message("%s", lines[i]);
                g_assert_nonnull(parse(&o, lines[i]));
        }
        g_assert_null(parse(&o, BASE "-l none --timeout 0x10 -- --unknown"));
        g_assert_cmpint(o.timeout, ==, 16);
        g_assert_null(parse(&o, "conmon --version"));
        g_assert_true(o.version);
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/options/crio", test_crio);
        g_test_add_func("/options/podman", test_podman);
        g_test_add_func("/options/defaults", test_defaults);
        g_test_add_func("/options/logs", test_logs);
        g_test_add_func("/options/refused", test_refused);
        return g_test_run();
}
