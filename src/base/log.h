/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * log - the daemon's own log: one logfmt line on stderr for each event.
 *
 * Threads  Any; a line is one write().
 */

#include <glib.h>
#include <stdbool.h>

typedef enum LogLevel {
        LOG_LEVEL_FATAL,
        LOG_LEVEL_ERROR,
        LOG_LEVEL_WARNING,
        LOG_LEVEL_INFO,
        LOG_LEVEL_DEBUG,
        LOG_LEVEL_TRACE,
} LogLevel;

/* Parse CRI-O's level words (trace debug info warn warning error fatal panic). */
bool log_level_parse(const char *word, LogLevel *ret_level);
void log_set_level(LogLevel level);
bool log_is_enabled(LogLevel level);

/* Write to another descriptor than stderr; borrowed, must stay open. */
void log_set_fd(int fd);

void log_write(LogLevel level, const char *format, ...) G_GNUC_PRINTF(2, 3);

#define log_error(...)   log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)    log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)                                                                             \
        do {                                                                                       \
                if (log_is_enabled(LOG_LEVEL_DEBUG))                                               \
                        log_write(LOG_LEVEL_DEBUG, __VA_ARGS__);                                   \
        } while (0)
