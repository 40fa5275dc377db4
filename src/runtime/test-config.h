/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A configuration for tests of this folder: one handler "test", and no file of the machine is read.
 */

#include <glib.h>
#include <string.h>

#include "config/config.h"

typedef struct TestConfig {
        Config config;
        RuntimeHandlerConfig handler;
        char *exits, *sockets, *root;
} TestConfig;

static inline TestConfig *test_config_new(const char *folder) {
        static char *capabilities[] = {(char *)"CHOWN", (char *)"DAC_OVERRIDE", (char *)"FSETID",
                (char *)"FOWNER", (char *)"SETGID", (char *)"SETUID", (char *)"SETPCAP",
                (char *)"NET_BIND_SERVICE", (char *)"KILL", NULL};
        TestConfig *test = g_new0(TestConfig, 1);

        test->exits = g_build_filename(folder, "exits", NULL);
        test->sockets = g_build_filename(folder, "sockets", NULL);
        test->root = g_build_filename(folder, "runtime", NULL);
        g_mkdir_with_parents(test->exits, 0755);
        g_mkdir_with_parents(test->sockets, 0755);
        test->handler.name = (char *)"test";
        test->handler.runtime_path = (char *)"/bin/false";
        test->handler.runtime_type = (char *)"oci";
        test->handler.runtime_root = test->root;
        test->handler.monitor_path = (char *)"/bin/false";
        test->handler.seccomp_profile = (char *)"";
        test->config.runtimes = g_ptr_array_new();
        g_ptr_array_add(test->config.runtimes, &test->handler);
        test->config.default_runtime = (char *)"test";
        test->config.cgroup_manager = (char *)"cgroupfs";
        test->config.default_capabilities = capabilities;
        test->config.container_exits_dir = test->exits;
        test->config.container_attach_socket_dir = test->sockets;
        test->config.image_volumes = (char *)"mkdir";
        test->config.apparmor_profile = (char *)"crio-default";
        test->config.log_level = (char *)"info";
        test->config.log_size_max = -1;
        test->config.pids_limit = -1;
        return test;
}

static inline void test_config_free(TestConfig *test) {
        g_ptr_array_unref(test->config.runtimes);
        g_free(test->exits);
        g_free(test->sockets);
        g_free(test->root);
        g_free(test);
}
