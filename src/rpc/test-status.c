/* SPDX-License-Identifier: Apache-2.0 */
#include <gio/gio.h>

#include "base/error.h"
#include "rpc/status.h"

static void check(GQuark domain, int code, grpc_status_code want, const char *want_message) {
        g_autoptr(GError) error = g_error_new_literal(domain, code, "image x: why");
        g_autofree char *message = NULL;

        g_assert_cmpint(rpc_status_translate(error, &message), ==, want);
        g_assert_cmpstr(message, ==, want_message);
}

static void test_translate(void) {
        check(ERROR_DOMAIN, ERROR_NOT_FOUND, GRPC_STATUS_NOT_FOUND, "image x: why");
        check(ERROR_DOMAIN, ERROR_REGISTRY_UNAVAILABLE, GRPC_STATUS_UNKNOWN,
                "RegistryUnavailable: image x: why");
        check(ERROR_DOMAIN, ERROR_IMAGE_VOLUME_MOUNT_FAILED, GRPC_STATUS_UNKNOWN,
                "ImageVolumeMountFailed: image x: why");
        check(G_IO_ERROR, G_IO_ERROR_NOT_FOUND, GRPC_STATUS_UNKNOWN, "image x: why");
        check(G_IO_ERROR, G_IO_ERROR_CANCELLED, GRPC_STATUS_CANCELLED, "image x: why");
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/status/translate", test_translate);
        return g_test_run();
}
