/* SPDX-License-Identifier: Apache-2.0 */
/* Stopping a container: one deadline that everybody who stops it may lower. */

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "pod/container-private.h"

/* After SIGKILL, when the request brings no deadline of its own. */
#define KILL_SECONDS 30
/* How often a signal that the kernel dropped is tried again. */
#define RESEND_USEC (50 * 1000)

static void send_signal(Container *container, int number) {
        autofd int pidfd = process_identity_open(&container->init);

        if (pidfd >= 0)
                (void)syscall(SYS_pidfd_send_signal, pidfd, number, NULL, 0);
}

/* The kernel drops a signal to the first process of a PID namespace that has no handler for it. A
 * process that was just started may not have installed its handler yet: then the signal has to be
 * sent again. */
static bool may_be_dropped(const Container *container, int number) {
        g_autofree char *path = g_strdup_printf("/proc/%d/status", (int)container->init.pid);
        g_autofree char *text = file_read_line(AT_FDCWD, path);
        const char *caught = text ? strstr(text, "\nSigCgt:") : NULL;

        if (!caught || number <= 0 || number > 64)
                return false;
        return !((g_ascii_strtoull(caught + strlen("\nSigCgt:\t"), NULL, 16) >> (number - 1)) & 1);
}

/* Lower the common deadline. True for the first caller, who is to send the signal. */
static bool lower_deadline(Container *container, gint64 deadline_usec) {
        bool first;

        lock_guard(&container->lock);
        first = container->stop_deadline_usec == 0;
        if (first || deadline_usec < container->stop_deadline_usec) {
                container->stop_deadline_usec = deadline_usec;
                pthread_cond_broadcast(&container->changed);
        }
        return first;
}

/* Wait for the end until the common deadline or @slice_usec. */
static bool wait_a_while(Container *container, gint64 slice_usec, bool *ret_time_is_up) {
        gint64 until;
        bool ended;

        lock_guard(&container->lock);
        until = MIN(container->stop_deadline_usec, slice_usec);
        if (container->state != CRI_CONTAINER_STATE_CONTAINER_EXITED)
                lock_wait(&container->lock, &container->changed, until);
        ended = container->state == CRI_CONTAINER_STATE_CONTAINER_EXITED;
        *ret_time_is_up = !ended && clock_monotonic_usec() >= container->stop_deadline_usec;
        return ended;
}

/* The grace period. True when it ended by itself. */
static bool ask_to_end(Container *container, bool first) {
        int number = container->stop_signal ? container->stop_signal : SIGTERM;
        bool dropped = false, time_is_up = false;

        if (first) {
                dropped = may_be_dropped(container, number);
                send_signal(container, number);
        }
        while (!time_is_up) {
                gint64 slice = dropped ? clock_monotonic_usec() + RESEND_USEC : G_MAXINT64;

                if (wait_a_while(container, slice, &time_is_up))
                        return true;
                if (dropped && !time_is_up) {
                        dropped = may_be_dropped(container, number);
                        send_signal(container, number);
                }
        }
        return false;
}

static bool is_running(Container *container) {
        lock_guard(&container->lock);
        return container->state == CRI_CONTAINER_STATE_CONTAINER_RUNNING;
}

bool container_stop(
        Container *container, gint64 timeout_sec, gint64 deadline_usec, GError **error) {
        bool first;

        if (!container_is_alive(container))
                return true;
        timeout_sec = CLAMP(timeout_sec, 0, G_MAXINT32);
        /* What was never started is the runtime's own process: there is nobody to ask. */
        if (!is_running(container))
                timeout_sec = 0;
        first = lower_deadline(container, clock_deadline_usec(timeout_sec));
        if (timeout_sec > 0 && ask_to_end(container, first))
                return true;

        send_signal(container, SIGKILL);
        if (container_wait_end(
                    container, deadline_usec ? deadline_usec : clock_deadline_usec(KILL_SECONDS)))
                return true;
        return fail(error, ERROR_DEADLINE_EXCEEDED,
                "container %s: process %d does not die of SIGKILL; it hangs in the kernel, see "
                "/proc/%d/stack",
                container->id, (int)container->init.pid, (int)container->init.pid);
}
