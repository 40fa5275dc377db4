/* SPDX-License-Identifier: Apache-2.0 */
#include <unistd.h>

#include "host/apparmor-private.h"
#include "host/apparmor.h"

static void test_list(void) {
        static const char list[] = "crio-default (enforce)\n"
                                   "/usr/bin/man (complain)\n"
                                   "odd (name) (enforce)\n"
                                   "last (unconfined)";

        g_assert_true(apparmor_list_has(list, "crio-default"));
        g_assert_true(apparmor_list_has(list, "/usr/bin/man"));
        g_assert_true(apparmor_list_has(list, "odd (name)"));
        g_assert_true(apparmor_list_has(list, "last"));
        g_assert_false(apparmor_list_has(list, "crio"));
        g_assert_false(apparmor_list_has(list, "crio-default "));
        g_assert_false(apparmor_list_has(list, "crio-default (enforce)"));
        g_assert_false(apparmor_list_has(list, "odd"));
        g_assert_false(apparmor_list_has(list, "default"));
        g_assert_false(apparmor_list_has(list, ""));
        g_assert_false(apparmor_list_has(list, "crio-default (enforce)\n/usr/bin/man"));
        g_assert_false(apparmor_list_has("", "a"));
        g_assert_false(apparmor_list_has("()\n \n(\n\n", ""));
}

static void test_off(void) {
        bool has = true;

        if (apparmor_is_enabled()) {
                g_test_skip("AppArmor is on");
                return;
        }
        g_assert_true(apparmor_has_profile("crio-default", &has, NULL));
        g_assert_false(has);
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/apparmor/list", test_list);
        g_test_add_func("/apparmor/off", test_off);
        return g_test_run();
}
