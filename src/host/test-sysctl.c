/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "host/sysctl.h"

static void test_allowed(void) {
        static const char *const good[][2] = {
                { "net.ipv4.ip_forward", "1" },
                { "net.ipv4.ping_group_range", "0 2147483647" },
                { "net.ipv4.ip_local_reserved_ports", "8080,9000-9100" },
                { "net.ipv4.conf.eth0-1.rp_filter", "-1" },
                { "kernel.sem", "250 32000 32 128" },
                { "kernel.shm_rmid_forced", "1" },
                { "kernel.msgmax", "65536" },
                { "fs.mqueue.msg_max", "100" },
        };

        for (unsigned i = 0; i < G_N_ELEMENTS(good); i++) {
                g_autoptr(GError) error = NULL;

                sysctl_check(good[i][0], good[i][1], &error);
                g_assert_no_error(error);
        }
}

/* A second parameter must not ride in on a name or a value. */
static void test_smuggling(void) {
        static const char *const bad[][2] = {
                { "", "1" },
                { "kernel.core_pattern", "core" },
                { "kernel.semaphore", "1" },
                { "kernel.sem.x", "1" },
                { "fs.mqueuex", "1" },
                { "netx.y", "1" },
                { "vm.swappiness", "1" },
                { "net", "1" },
                { "net.", "1" },
                { ".net.ipv4", "1" },
                { "net.ipv4..ip_forward", "1" },
                { "net...kernel.core_pattern", "1" },
                { "net/ipv4/ip_forward", "1" },
                { "net.ipv4/ip_forward", "1" },
                { "net.ipv4/../../kernel/core_pattern", "1" },
                { "net.ipv4.ip_forward=1", "1" },
                { "net.ipv4.ip_forward+kernel.core_pattern", "1" },
                { "net.ipv4.ip_forward,x", "1" },
                { "net.ipv4.ip forward", "1" },
                { " net.ipv4.ip_forward", "1" },
                { "net.ipv4.ip_forward\n", "1" },
                { "net.ipv4.\xc3\xa4", "1" },
                { "kernel.shm_rmid_forced", "" },
                { "kernel.shm_rmid_forced", " 1" },
                { "kernel.shm_rmid_forced", "1 " },
                { "kernel.shm_rmid_forced", "1  2" },
                { "kernel.shm_rmid_forced", "1\t2" },
                { "kernel.shm_rmid_forced", "1\n" },
                { "kernel.shm_rmid_forced", "1+kernel.core_pattern" },
                { "kernel.shm_rmid_forced", "1+kernel.core_pattern=|/bin/sh" },
                { "kernel.shm_rmid_forced", "1=2" },
                { "kernel.shm_rmid_forced", "/etc/passwd" },
                { "kernel.shm_rmid_forced", "1;2" },
        };

        for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autoptr(GError) error = NULL;

                g_test_message("%s=%s", bad[i][0], bad[i][1]);
                g_assert_false(sysctl_check(bad[i][0], bad[i][1], &error));
                g_assert_error(error, ERROR_DOMAIN, ERROR_INVALID_ARGUMENT);
        }
        g_assert_false(sysctl_check(NULL, "1", NULL));
        g_assert_false(sysctl_check("net.ipv4.ip_forward", NULL, NULL));
}

static void test_limits(void) {
        g_autofree char *tail = g_strnfill(5000, 'a');
        g_autofree char *key = g_strconcat("net.", tail, NULL);

        g_assert_false(sysctl_check(key, "1", NULL));
        g_assert_false(sysctl_check("net.ipv4.ip_forward", tail, NULL));
}

static void test_namespace(void) {
        g_assert_cmpint(sysctl_namespace("net.core.somaxconn"), ==, NAMESPACE_NET);
        g_assert_cmpint(sysctl_namespace("kernel.sem"), ==, NAMESPACE_IPC);
        g_assert_cmpint(sysctl_namespace("kernel.shmmax"), ==, NAMESPACE_IPC);
        g_assert_cmpint(sysctl_namespace("fs.mqueue.msg_max"), ==, NAMESPACE_IPC);
        g_assert_cmpint(sysctl_namespace("kernel.hostname"), ==, NAMESPACE_COUNT);
}

static void test_parse(void) {
        g_autofree char *path = sysctl_path("net.ipv4.ip_forward");
        g_autofree char *key = NULL;
        g_autofree char *value = NULL;

        g_assert_cmpstr(path, ==, "/proc/sys/net/ipv4/ip_forward");
        g_assert_true(sysctl_parse("net.ipv4.ping_group_range=0 0", &key, &value, NULL));
        g_assert_cmpstr(key, ==, "net.ipv4.ping_group_range");
        g_assert_cmpstr(value, ==, "0 0");
        g_assert_false(sysctl_parse("net.ipv4.ip_forward", &key, &value, NULL));
        g_assert_false(sysctl_parse("net.ipv4.ip_forward = 1", &key, &value, NULL));
        g_assert_false(sysctl_parse("net.ipv4.ip_forward=1=2", &key, &value, NULL));
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/sysctl/allowed", test_allowed);
        g_test_add_func("/sysctl/smuggling", test_smuggling);
        g_test_add_func("/sysctl/limits", test_limits);
        g_test_add_func("/sysctl/namespace", test_namespace);
        g_test_add_func("/sysctl/parse", test_parse);
        return g_test_run();
}
