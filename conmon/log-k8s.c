/* SPDX-License-Identifier: Apache-2.0 */
#include "conmon/log-k8s.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conmon/file.h"
#include "conmon/log-rotate.h"

enum {
        AT_NANOSECOND = 20,
        AT_ZONE = 29,
        AT_STREAM = 36,
        AT_TAG = 43,
};

static void digits_put(char *at, int count, long number) {
        while (count-- > 0) {
                at[count] = (char) ('0' + number % 10);
                number /= 10;
        }
}

/* log_k8s_stamp() - bring the prefix up to @now; the calendar is asked once a second */
static void log_k8s_stamp(LogK8s *log, LogStream stream, struct timespec now) {
        char *prefix = log->prefix;
        struct tm tm;
        long minutes;

        memcpy(prefix + AT_STREAM, stream == LOG_STDERR ? "stderr" : "stdout", 6);
        digits_put(prefix + AT_NANOSECOND, 9, now.tv_nsec);
        if (log->second == now.tv_sec)
                return;
        if (!localtime_r(&now.tv_sec, &tm))
                return;

        log->second = now.tv_sec;
        digits_put(prefix, 4, tm.tm_year + 1900);
        digits_put(prefix + 5, 2, tm.tm_mon + 1);
        digits_put(prefix + 8, 2, tm.tm_mday);
        digits_put(prefix + 11, 2, tm.tm_hour);
        digits_put(prefix + 14, 2, tm.tm_min);
        digits_put(prefix + 17, 2, tm.tm_sec);
        minutes = (tm.tm_gmtoff < 0 ? -tm.tm_gmtoff : tm.tm_gmtoff) / 60;
        prefix[AT_ZONE] = tm.tm_gmtoff < 0 ? '-' : '+';
        digits_put(prefix + AT_ZONE + 1, 2, minutes / 60);
        digits_put(prefix + AT_ZONE + 4, 2, minutes % 60);
}

/* log_k8s_open_file() - the size counts what is there already */
static bool log_k8s_open_file(LogK8s *log, const char *path, int flags) {
        struct stat stat;
        int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | flags, 0640);

        if (fd < 0)
                return false;
        fd_close(&log->fd);
        log->fd = fd;
        log->size = fstat(fd, &stat) == 0 && S_ISREG(stat.st_mode) ? stat.st_size : 0;
        log->torn = false;
        return true;
}

bool log_k8s_open(LogK8s *log, Arena *arena, const Options *options, const char *path) {
        *log = (LogK8s) {
                .path = path,
                .temporary = arena_join(arena, path, ".tmp", NULL),
                .fd = -1,
                .size_max = options->log_size_max,
                .total_max = options->log_global_size_max,
                .options = options,
                .second = -1,
                .prefix = "0000-00-00T00:00:00.000000000+00:00 stdout F ",
        };
        return log_k8s_open_file(log, path, 0);
}

void log_k8s_set_buffer(LogK8s *log, char *buffer, size_t size) {
        log->out = buffer;
        log->out_size = size;
        log->out_length = 0;
}

/**
 * log_k8s_flush() - one write for all records that are waiting
 *
 * What the file does not take is dropped: a full disk must not stop the container. When half a
 * record went through, the next one begins on a line of its own.
 */
static void log_k8s_flush(LogK8s *log) {
        const char *data = log->out;
        size_t length = log->out_length;

        log->out_length = 0;
        if (length == 0 || log->fd < 0)
                return;
        if (log->torn && write(log->fd, "\n", 1) == 1)
                log->torn = false;
        while (length > 0) {
                ssize_t n = write(log->fd, data, length);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0) {
                        log->failure = n < 0 ? errno : EIO;
                        log->torn = log->torn || (data != log->out && data[-1] != '\n');
                        return;
                }
                data += n;
                length -= (size_t) n;
        }
        log->failure = 0;
}

/* log_k8s_restart() - an empty file at the same place, which readers see at once */
static bool log_k8s_restart(LogK8s *log) {
        if (!log_k8s_open_file(log, log->temporary, O_TRUNC))
                return false;
        return rename(log->temporary, log->path) == 0;
}

/* log_k8s_make_room() - the next record would exceed the limit of the file */
static void log_k8s_make_room(LogK8s *log) {
        log_k8s_flush(log);
        if (log->options->log_rotate && log_rotate(log->options, log->path, log->fd)) {
                if (log_k8s_open_file(log, log->path, 0))
                        return;
        }
        if (!log_k8s_restart(log))
                log->failure = errno;
        log->size = 0;
}

static void log_k8s_record(LogK8s *log, const char *data, size_t length, bool partial) {
        char *at;

        if (LOG_PREFIX + length + 1 > log->out_size - log->out_length)
                log_k8s_flush(log);
        at = log->out + log->out_length;
        memcpy(at, log->prefix, LOG_PREFIX);
        at[AT_TAG] = partial ? 'P' : 'F';
        memcpy(at + LOG_PREFIX, data, length);
        at[LOG_PREFIX + length] = '\n';
        log->out_length += LOG_PREFIX + length + 1;
}

/**
 * log_k8s_write() - log what was read at once from a container
 * @now:        the time of all its records
 * @data:       @length bytes; where they do not end in a newline, the last record is a partial one
 */
void log_k8s_write(LogK8s *log, LogStream stream, struct timespec now, const char *data,
                size_t length) {
        log_k8s_stamp(log, stream, now);

        while (length > 0) {
                size_t most = length < LOG_CHUNK ? length : LOG_CHUNK;
                const char *newline = memchr(data, '\n', most);
                size_t content = newline ? (size_t) (newline - data) : most;
                size_t taken = newline ? content + 1 : content;
                int64_t record = LOG_PREFIX + (int64_t) content + 1;

                if (log->total_max > 0 && log->total >= log->total_max)
                        break;
                if (log->size_max > 0 && log->size + record > log->size_max)
                        log_k8s_make_room(log);
                log_k8s_record(log, data, content, !newline);
                log->size += record;
                log->total += record;
                data += taken;
                length -= taken;
        }
        log_k8s_flush(log);
}

/**
 * log_k8s_reopen() - somebody moved the file away and wants a new one
 *
 * If nobody did, the file steps aside and back: that keeps its content and still raises the event
 * the caller waits for. On failure the old file is kept.
 */
bool log_k8s_reopen(LogK8s *log) {
        struct stat stat;

        if (lstat(log->path, &stat) == 0 && S_ISREG(stat.st_mode)) {
                if (rename(log->path, log->temporary) == 0 &&
                    rename(log->temporary, log->path) < 0)
                        return false;
        }
        return log_k8s_open_file(log, log->path, 0);
}

void log_k8s_sync(LogK8s *log) {
        if (log->fd >= 0)
                fsync(log->fd);
}
