/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* fd - descriptors with scope. `autofd int fd = -1;` closes itself; steal_fd() hands over. */

#include <stdbool.h>
#include <stddef.h>

#include <glib.h>

void fd_close(int fd);

static inline void fd_close_scope(int *fd) {
        if (*fd >= 0)
                fd_close(*fd);
}

#define autofd __attribute__((cleanup(fd_close_scope)))

static inline int steal_fd(int *fd) {
        int value = *fd;

        *fd = -1;
        return value;
}

/* Write all of @data, restarting after EINTR and short writes. False with errno set on failure. */
bool fd_write_all(int fd, const void *data, size_t length);

/* Wait until @fd is ready for @events (POLLIN ...) or @deadline_usec (monotonic, 0 = none) passes,
 * or
 * @cancel_fd (-1 = none) becomes readable. Returns 1 ready, 0 time ran out, -1 cancelled. */
int fd_wait(int fd, short events, gint64 deadline_usec, int cancel_fd);

/* A pipe with both ends close-on-exec. */
bool fd_pipe(int ret_fds[2], GError **error);
