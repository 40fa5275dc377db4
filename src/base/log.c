/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int current_level = LOG_LEVEL_INFO;
static int current_fd = STDERR_FILENO;

static const char *const words[] = {
        [LOG_LEVEL_FATAL] = "fatal",
        [LOG_LEVEL_ERROR] = "error",
        [LOG_LEVEL_WARNING] = "warning",
        [LOG_LEVEL_INFO] = "info",
        [LOG_LEVEL_DEBUG] = "debug",
        [LOG_LEVEL_TRACE] = "trace",
};

bool log_level_parse(const char *word, LogLevel *ret_level) {
        if (g_str_equal(word, "warn"))
                word = "warning";
        if (g_str_equal(word, "panic"))
                word = "fatal";
        for (unsigned i = 0; i < G_N_ELEMENTS(words); i++) {
                if (!g_str_equal(word, words[i]))
                        continue;
                *ret_level = (LogLevel)i;
                return true;
        }
        return false;
}

void log_set_level(LogLevel level) {
        g_atomic_int_set(&current_level, (int)level);
}

void log_set_fd(int fd) {
        g_atomic_int_set(&current_fd, fd);
}

bool log_is_enabled(LogLevel level) {
        return (int)level <= g_atomic_int_get(&current_level);
}

static void append_quoted(GString *line, const char *text) {
        g_string_append_c(line, '"');
        for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
                if (*p == '"' || *p == '\\')
                        g_string_append_printf(line, "\\%c", *p);
                else if (*p == '\n')
                        g_string_append(line, "\\n");
                else if (*p < 0x20 || *p == 0x7f)
                        g_string_append_printf(line, "\\x%02x", *p);
                else
                        g_string_append_c(line, (char)*p);
        }
        g_string_append_c(line, '"');
}

void log_write(LogLevel level, const char *format, ...) {
        g_autofree char *message = NULL;
        g_autoptr(GString) line = NULL;
        struct timespec now;
        struct tm parts;
        char stamp[48];
        va_list arguments;

        if (!log_is_enabled(level))
                return;

        va_start(arguments, format);
        message = g_strdup_vprintf(format, arguments);
        va_end(arguments);

        clock_gettime(CLOCK_REALTIME, &now);
        gmtime_r(&now.tv_sec, &parts);
        strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &parts);

        line = g_string_sized_new(128);
        g_string_append_printf(
                line, "time=\"%s.%06ldZ\" level=%s msg=", stamp, now.tv_nsec / 1000, words[level]);
        append_quoted(line, message);
        g_string_append_c(line, '\n');
        if (write(g_atomic_int_get(&current_fd), line->str, line->len) < 0)
                return; /* there is nobody left to tell */
}
