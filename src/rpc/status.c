/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/status.h"

#include "base/error.h"

G_STATIC_ASSERT((int)ERROR_CANCELLED == (int)GRPC_STATUS_CANCELLED);
G_STATIC_ASSERT((int)ERROR_UNKNOWN == (int)GRPC_STATUS_UNKNOWN);
G_STATIC_ASSERT((int)ERROR_INVALID_ARGUMENT == (int)GRPC_STATUS_INVALID_ARGUMENT);
G_STATIC_ASSERT((int)ERROR_DEADLINE_EXCEEDED == (int)GRPC_STATUS_DEADLINE_EXCEEDED);
G_STATIC_ASSERT((int)ERROR_NOT_FOUND == (int)GRPC_STATUS_NOT_FOUND);
G_STATIC_ASSERT((int)ERROR_ALREADY_EXISTS == (int)GRPC_STATUS_ALREADY_EXISTS);
G_STATIC_ASSERT((int)ERROR_PERMISSION_DENIED == (int)GRPC_STATUS_PERMISSION_DENIED);
G_STATIC_ASSERT((int)ERROR_RESOURCE_EXHAUSTED == (int)GRPC_STATUS_RESOURCE_EXHAUSTED);
G_STATIC_ASSERT((int)ERROR_FAILED_PRECONDITION == (int)GRPC_STATUS_FAILED_PRECONDITION);
G_STATIC_ASSERT((int)ERROR_UNIMPLEMENTED == (int)GRPC_STATUS_UNIMPLEMENTED);
G_STATIC_ASSERT((int)ERROR_INTERNAL == (int)GRPC_STATUS_INTERNAL);
G_STATIC_ASSERT((int)ERROR_UNAVAILABLE == (int)GRPC_STATUS_UNAVAILABLE);

/* The kubelet looks for these words at the start of the message. */
static const char *reason_word(ErrorCode code) {
        static const char *const words[] = {
                "RegistryUnavailable",
                "SignatureValidationFailed",
                "RROUnsupported",
                "ImageVolumeMountFailed",
        };

        return words[code - ERROR_REGISTRY_UNAVAILABLE];
}

grpc_status_code rpc_status_translate(const GError *error, char **ret_message) {
        ErrorCode code = error_get_code(error);

        if (code >= ERROR_REGISTRY_UNAVAILABLE) {
                *ret_message = g_strdup_printf("%s: %s", reason_word(code), error->message);
                return GRPC_STATUS_UNKNOWN;
        }
        *ret_message = g_strdup(error->message);
        return (grpc_status_code)code;
}
