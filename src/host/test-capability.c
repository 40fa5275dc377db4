/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "host/capability.h"

static void test_parse(void) {
        static const char *const same[] = { "CAP_SYS_ADMIN", "SYS_ADMIN", "cap_sys_admin",
                                            "Sys_Admin" };
        guint64 mask = 0;

        for (unsigned i = 0; i < G_N_ELEMENTS(same); i++) {
                g_assert_true(capability_parse(same[i], &mask, NULL));
                g_assert_cmphex(mask, ==, CAPABILITY_BIT(CAP_SYS_ADMIN));
        }
        g_assert_true(capability_parse("all", &mask, NULL));
        g_assert_cmphex(mask, ==, capability_all());
}

static void test_unknown(void) {
        static const char *const bad[] = { "", "CAP_", "CAP_ALL", "CAP_CAP_CHOWN", "SYS_ADMINX",
                                           "SYS_ADMI", " CHOWN", "NONE" };

        for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autoptr(GError) error = NULL;
                guint64 mask;

                g_assert_false(capability_parse(bad[i], &mask, &error));
                g_assert_error(error, ERROR_DOMAIN, ERROR_INVALID_ARGUMENT);
        }
}

/* The table against the numbers of the kernel's header, at both ends and in between. */
static void test_numbers(void) {
        g_assert_cmpstr(capability_get_name(CAP_CHOWN), ==, "CAP_CHOWN");
        g_assert_cmpstr(capability_get_name(CAP_NET_RAW), ==, "CAP_NET_RAW");
        g_assert_cmpstr(capability_get_name(CAP_SYS_ADMIN), ==, "CAP_SYS_ADMIN");
        g_assert_cmpstr(capability_get_name(CAP_SYS_RESOURCE), ==, "CAP_SYS_RESOURCE");
        g_assert_cmpstr(capability_get_name(CAP_SETFCAP), ==, "CAP_SETFCAP");
        g_assert_cmpstr(capability_get_name(CAP_AUDIT_READ), ==, "CAP_AUDIT_READ");
        g_assert_cmpstr(capability_get_name(40), ==, "CAP_CHECKPOINT_RESTORE");
        g_assert_null(capability_get_name(41));
}

static void test_names(void) {
        g_auto(GStrv) names = capability_names(CAPABILITY_BIT(CAP_KILL) |
                                               CAPABILITY_BIT(CAP_CHOWN));
        g_auto(GStrv) none = capability_names(0);

        g_assert_cmpuint(g_strv_length(names), ==, 2);
        g_assert_cmpstr(names[0], ==, "CAP_CHOWN");
        g_assert_cmpstr(names[1], ==, "CAP_KILL");
        g_assert_cmpuint(g_strv_length(none), ==, 0);
}

static void test_own(void) {
        g_autofree char *status = file_read_line(AT_FDCWD, "/proc/thread-self/status");
        const char *bounding = status ? strstr(status, "CapBnd:") : NULL;
        const char *effective = status ? strstr(status, "CapEff:") : NULL;

        g_assert_nonnull(bounding);
        g_assert_cmphex(capability_bounding(), ==,
                        g_ascii_strtoull(bounding + 8, NULL, 16) & capability_all());
        g_assert_cmphex(capability_effective(), ==,
                        g_ascii_strtoull(effective + 8, NULL, 16) & capability_all());
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/capability/parse", test_parse);
        g_test_add_func("/capability/unknown", test_unknown);
        g_test_add_func("/capability/numbers", test_numbers);
        g_test_add_func("/capability/names", test_names);
        g_test_add_func("/capability/own", test_own);
        return g_test_run();
}
