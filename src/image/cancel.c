/* SPDX-License-Identifier: Apache-2.0 */
#include "image/cancel.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"

static atomic_bool is_set;
static int event_fd = -1;

void cancel_set(void) {
        int saved = errno;
        guint64 one = 1;

        atomic_store(&is_set, true);
        if (event_fd >= 0 && write(event_fd, &one, sizeof(one)) < 0)
                errno = saved; /* the counter is full, so it is readable already */
        errno = saved;
}

static void on_signal(int number) {
        cancel_set();
}

bool cancel_init(GError **error) {
        struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
        struct sigaction ignore = { .sa_handler = SIG_IGN };

        event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (event_fd < 0)
                return fail_errno(error, "make an eventfd");
        if (sigaction(SIGTERM, &action, NULL) < 0 || sigaction(SIGINT, &action, NULL) < 0 ||
            sigaction(SIGPIPE, &ignore, NULL) < 0)
                return fail_errno(error, "set signal handlers");
        return true;
}

bool cancel_is_set(void) {
        return atomic_load(&is_set);
}

int cancel_get_fd(void) {
        return event_fd;
}

bool cancel_check(GError **error) {
        if (cancel_is_set())
                return fail(error, ERROR_CANCELLED, "the pull was cancelled");
        return true;
}

bool cancel_wait(guint seconds, GError **error) {
        fd_wait(event_fd, POLLIN, clock_deadline_usec(seconds), -1);
        return cancel_check(error);
}
