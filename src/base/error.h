/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * error - the one error domain of the project.
 *
 * The code of an error is the gRPC status number that the client sees. Four codes from 100 on stand
 * for the reason words which the kubelet looks for at the start of a message.
 */

#include <glib.h>
#include <stdbool.h>

typedef enum ErrorCode {
        ERROR_CANCELLED = 1,
        ERROR_UNKNOWN = 2,
        ERROR_INVALID_ARGUMENT = 3,
        ERROR_DEADLINE_EXCEEDED = 4,
        ERROR_NOT_FOUND = 5,
        ERROR_ALREADY_EXISTS = 6,
        ERROR_PERMISSION_DENIED = 7,
        ERROR_RESOURCE_EXHAUSTED = 8,
        ERROR_FAILED_PRECONDITION = 9,
        ERROR_UNIMPLEMENTED = 12,
        ERROR_INTERNAL = 13,
        ERROR_UNAVAILABLE = 14,

        ERROR_REGISTRY_UNAVAILABLE = 100,
        ERROR_SIGNATURE_VALIDATION_FAILED = 101,
        ERROR_RRO_UNSUPPORTED = 102,
        ERROR_IMAGE_VOLUME_MOUNT_FAILED = 103,
} ErrorCode;

#define ERROR_DOMAIN (error_quark())

GQuark error_quark(void);

/* Set @error and return false, NULL or -1. The errno forms add the text of errno and use UNKNOWN.
 */
bool fail(GError **error, ErrorCode code, const char *format, ...) G_GNUC_PRINTF(3, 4);
bool fail_errno(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);
void *fail_null(GError **error, ErrorCode code, const char *format, ...) G_GNUC_PRINTF(3, 4);
int fail_fd(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* Keep the first failure in @first and log any later one; @next is consumed. */
void error_keep_first(GError **first, GError **next);

/* The code of an error of ours, ERROR_UNKNOWN for errors of other domains. */
ErrorCode error_get_code(const GError *error);
