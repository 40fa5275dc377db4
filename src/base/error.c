/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <errno.h>
#include <gio/gio.h>

#include "base/log.h"

G_DEFINE_QUARK(crio - error, error)

bool fail(GError **error, ErrorCode code, const char *format, ...) {
        va_list arguments;

        va_start(arguments, format);
        if (error)
                *error = g_error_new_valist(ERROR_DOMAIN, (int)code, format, arguments);
        va_end(arguments);
        return false;
}

static void set_errno(GError **error, int number, const char *format, va_list arguments) {
        g_autofree char *what = NULL;

        if (!error)
                return;
        what = g_strdup_vprintf(format, arguments);
        *error = g_error_new(ERROR_DOMAIN, ERROR_UNKNOWN, "%s: %s", what, g_strerror(number));
}

bool fail_errno(GError **error, const char *format, ...) {
        int number = errno;
        va_list arguments;

        va_start(arguments, format);
        set_errno(error, number, format, arguments);
        va_end(arguments);
        errno = number;
        return false;
}

int fail_fd(GError **error, const char *format, ...) {
        int number = errno;
        va_list arguments;

        va_start(arguments, format);
        set_errno(error, number, format, arguments);
        va_end(arguments);
        errno = number;
        return -1;
}

void *fail_null(GError **error, ErrorCode code, const char *format, ...) {
        va_list arguments;

        va_start(arguments, format);
        if (error)
                *error = g_error_new_valist(ERROR_DOMAIN, (int)code, format, arguments);
        va_end(arguments);
        return NULL;
}

void error_keep_first(GError **first, GError **next) {
        if (!*next)
                return;
        if (first && !*first) {
                *first = g_steal_pointer(next);
                return;
        }
        log_warning("also failed, ignoring: %s", (*next)->message);
        g_clear_error(next);
}

ErrorCode error_get_code(const GError *error) {
        if (error->domain == ERROR_DOMAIN)
                return (ErrorCode)error->code;
        if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
                return ERROR_CANCELLED;
        if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT))
                return ERROR_DEADLINE_EXCEEDED;
        return ERROR_UNKNOWN;
}
