/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * LogK8s - one log file in the CRI format, which the kubelet reads and rotates.
 *
 * Owner    Embedded in the Monitor.
 * Threads  One.
 * Disk     PATH; PATH.tmp for a moment; PATH.1 and so on with rotation.
 *
 * Only whole records go to the file, in the order of the calls. Nothing here allocates.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "conmon/options.h"
#include "conmon/text.h"

#define LOG_CHUNK 8192                  /* a longer line is cut into partial records */
#define LOG_PREFIX 45                   /* time, stream and tag before the content */

typedef enum LogStream {
        LOG_STDOUT,
        LOG_STDERR,
} LogStream;

typedef struct LogK8s {
        const char *path;
        const char *temporary;          /* PATH.tmp */
        int fd;                         /* -1 after a failed reopening: records are dropped */
        int64_t size_max, size;         /* bytes of this file; no limit below 1 */
        int64_t total_max, total;       /* bytes of all times; no limit below 1 */
        const Options *options;         /* how to rotate */

        char *out;                      /* borrowed, empty between two calls */
        size_t out_size, out_length;
        bool torn;                      /* the file ends in half a record */
        int failure;                    /* errno of the last write or reopening, 0 when good */

        time_t second;                  /* what the cached time below is worth */
        char prefix[LOG_PREFIX + 1];
} LogK8s;

bool log_k8s_open(LogK8s *log, Arena *arena, const Options *options, const char *path);
void log_k8s_set_buffer(LogK8s *log, char *buffer, size_t size);
void log_k8s_write(LogK8s *log, LogStream stream, struct timespec now, const char *data,
        size_t length);
bool log_k8s_reopen(LogK8s *log);
void log_k8s_sync(LogK8s *log);
