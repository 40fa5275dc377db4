/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "host/capability.h"
#include "host/kernel.h"

static void test_version(void) {
        struct utsname names;
        unsigned major;
        unsigned minor;

        uname(&names);
        g_assert_cmpint(sscanf(names.release, "%u.%u", &major, &minor), ==, 2);
        g_assert_cmpstr(kernel_get_release(), ==, names.release);
        g_assert_true(kernel_is_at_least(major, minor));
        g_assert_true(kernel_is_at_least(major - 1, minor + 1));
        g_assert_false(kernel_is_at_least(major, minor + 1));
        g_assert_false(kernel_is_at_least(major + 1, 0));
}

static void test_probes(void) {
        g_assert_true(kernel_has_filesystem("proc"));
        g_assert_false(kernel_has_filesystem("pro"));
        g_assert_true(kernel_has_recursive_readonly() == kernel_is_at_least(5, 12));
        g_assert_true(kernel_has_idmapped_mounts() == kernel_is_at_least(5, 12));
}

/* In a child, for what is written cannot always be taken back: what the clamp says must be accepted
 * by the kernel, for any wish and from any value of our own. */
static int write_all_wishes(void) {
        static const int wishes[] = { -5000, -1000, -999, -998, -1, 0, 1, 300, 999, 1000, 5000 };

        for (unsigned i = 0; i < G_N_ELEMENTS(wishes); i++) {
                int value = oom_score_adj_clamp(wishes[i]);
                g_autofree char *text = g_strdup_printf("%d", value);
                g_autofree char *read_back = NULL;

                if (value < -1000 || value > 1000 || value < MIN(wishes[i], 1000))
                        return 1;
                if (!file_write(AT_FDCWD, "/proc/self/oom_score_adj", text))
                        return 2;
                read_back = file_read_line(AT_FDCWD, "/proc/self/oom_score_adj");
                if (g_strcmp0(read_back, text) != 0)
                        return 3;
        }
        return 0;
}

static void test_oom_score(void) {
        int status;
        pid_t pid = fork();

        if (pid == 0)
                _exit(write_all_wishes());
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_true(WIFEXITED(status));
        g_assert_cmpint(WEXITSTATUS(status), ==, 0);
}

static void test_oom_score_exact(void) {
        g_autofree char *own = file_read_line(AT_FDCWD, "/proc/self/oom_score_adj");
        bool may_lower = capability_effective() & CAPABILITY_BIT(CAP_SYS_RESOURCE);

        g_assert_cmpint(oom_score_adj_clamp(1000), ==, 1000);
        g_assert_cmpint(oom_score_adj_clamp(2000), ==, 1000);
        if (!may_lower)
                g_assert_cmpint(oom_score_adj_clamp(-998), ==, g_ascii_strtoll(own, NULL, 10));
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/kernel/version", test_version);
        g_test_add_func("/kernel/probes", test_probes);
        g_test_add_func("/kernel/oom-score", test_oom_score);
        g_test_add_func("/kernel/oom-score-exact", test_oom_score_exact);
        return g_test_run();
}
