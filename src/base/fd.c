/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"

void fd_close(int fd) {
        int number = errno;

        /* The descriptor is gone even after EINTR; what was written was checked at the write. */
        (void)close(fd);
        errno = number;
}

bool fd_write_all(int fd, const void *data, size_t length) {
        const char *position = data;

        while (length > 0) {
                ssize_t written = write(fd, position, length);

                if (written < 0 && errno == EINTR)
                        continue;
                if (written < 0)
                        return false;
                position += written;
                length -= (size_t)written;
        }
        return true;
}

static int remaining_msec(gint64 deadline_usec) {
        gint64 left;

        if (deadline_usec == 0)
                return -1;
        left = (deadline_usec - clock_monotonic_usec() + 999) / 1000;
        return (int)CLAMP(left, 0, G_MAXINT);
}

int fd_wait(int fd, short events, gint64 deadline_usec, int cancel_fd) {
        struct pollfd polls[2] = {
                {.fd = fd, .events = events}, {.fd = cancel_fd, .events = POLLIN}};

        for (;;) {
                int timeout = remaining_msec(deadline_usec);
                int ready = poll(polls, 2, timeout);

                if (ready < 0 && errno == EINTR)
                        continue;
                if (polls[0].revents)
                        return 1;
                if (polls[1].revents)
                        return -1;
                if (ready == 0 && timeout >= 0 && remaining_msec(deadline_usec) == 0)
                        return 0;
        }
}

bool fd_pipe(int ret_fds[2], GError **error) {
        if (pipe2(ret_fds, O_CLOEXEC) < 0)
                return fail_errno(error, "create a pipe");
        return true;
}
