/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "runtime/exec-session.h"
#include "runtime/monitor.h"
#include "runtime/runtime-private.h"

/* 16 MiB, less what the rest of an answer takes: clients refuse messages of more than 16 MiB. */
#define OUTPUT_LIMIT ((size_t)16 * 1024 * 1024 - 1024)
#define CHUNK        65536
#define TIMED_OUT    "command timed out"

/* The output of one command while it runs. */
typedef struct Capture {
        int out, err; /* our ends of the pipes; -1: at its end */
        GByteArray *out_bytes;
        GByteArray *err_bytes;
} Capture;

typedef enum CaptureEnd { CAPTURE_EXITED, CAPTURE_TIMED_OUT, CAPTURE_CANCELLED } CaptureEnd;

static void capture_clear(Capture *capture) {
        fd_close_scope(&capture->out);
        fd_close_scope(&capture->err);
        g_clear_pointer(&capture->out_bytes, g_byte_array_unref);
        g_clear_pointer(&capture->err_bytes, g_byte_array_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Capture, capture_clear)

void monitor_exec_result_clear(MonitorExecResult *result) {
        g_clear_pointer(&result->out, g_byte_array_unref);
        g_clear_pointer(&result->err, g_byte_array_unref);
}

/* One read. What is over the limit is dropped, so that the command is neither blocked nor killed
 * for it. False when nothing more is there now. */
static bool capture_read(Capture *capture, int *fd, GByteArray *bytes) {
        guint8 chunk[CHUNK];
        ssize_t count = read(*fd, chunk, sizeof(chunk));
        size_t room = OUTPUT_LIMIT - capture->out_bytes->len - capture->err_bytes->len;

        if (count < 0 && (errno == EAGAIN || errno == EINTR))
                return errno == EINTR;
        if (count <= 0) {
                fd_close(*fd);
                *fd = -1;
                return false;
        }
        g_byte_array_append(bytes, chunk, (guint)MIN((size_t)count, room));
        return true;
}

/* What the command had written when it ended is in the pipes; a child that it left behind may hold
 * them open for ever, so their end is not waited for. At most what a pipe can hold is read, as such
 * a child may write without a pause. */
static void capture_drain(Capture *capture) {
        for (unsigned i = 0; capture->out >= 0 && i < 64; i++)
                if (!capture_read(capture, &capture->out, capture->out_bytes))
                        break;
        for (unsigned i = 0; capture->err >= 0 && i < 64; i++)
                if (!capture_read(capture, &capture->err, capture->err_bytes))
                        break;
}

static int poll_timeout(gint64 deadline_usec) {
        gint64 left = deadline_usec - clock_monotonic_usec();

        if (deadline_usec == 0)
                return -1;
        return left <= 0 ? 0 : (int)MIN((left + 999) / 1000, G_MAXINT);
}

static CaptureEnd capture_run(Capture *capture, int pidfd, gint64 deadline_usec, int cancel_fd) {
        for (;;) {
                struct pollfd polls[4] = {{.fd = pidfd, .events = POLLIN},
                        {.fd = capture->out, .events = POLLIN},
                        {.fd = capture->err, .events = POLLIN},
                        {.fd = cancel_fd, .events = POLLIN}};
                int timeout = poll_timeout(deadline_usec);

                if (poll(polls, 4, timeout) < 0)
                        continue;
                if (polls[0].revents) {
                        capture_drain(capture);
                        return CAPTURE_EXITED;
                }
                if (polls[3].revents)
                        return CAPTURE_CANCELLED;
                if (timeout == 0)
                        return CAPTURE_TIMED_OUT;
                if (polls[1].revents)
                        capture_read(capture, &capture->out, capture->out_bytes);
                if (polls[2].revents)
                        capture_read(capture, &capture->err, capture->err_bytes);
        }
}

/* The command may run as anybody and open /dev/stdout anew: the mode of a pipe would forbid that.
 */
static bool open_pipe(int *ret_read, int *ret_write, GError **error) {
        int ends[2];

        if (!fd_pipe(ends, error))
                return false;
        (void)fchmod(ends[1], 0777);
        (void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
        *ret_read = ends[0];
        *ret_write = ends[1];
        return true;
}

static ExecSession *start(const MonitorExec *exec, Capture *capture, GError **error) {
        autofd int out = -1;
        autofd int err = -1;

        if (!open_pipe(&capture->out, &out, error) || !open_pipe(&capture->err, &err, error))
                return NULL;
        return exec_session_start(exec, false, (const int[]){-1, out, err}, error);
}

static bool finish_timed_out(MonitorExecResult *ret_result) {
        ret_result->out = g_byte_array_new();
        ret_result->err = g_byte_array_new();
        g_byte_array_append(ret_result->err, (const guint8 *)TIMED_OUT, strlen(TIMED_OUT));
        ret_result->exit_code = -1;
        return true;
}

static bool finish_exited(const MonitorExec *exec, ExecSession *session, Capture *capture,
        MonitorExecResult *ret_result, GError **error) {
        int status = 0;

        if (!process_wait(exec_session_get_process(session), 0, -1, &status, error))
                return false;
        if (status != 0 && !exec_session_has_begun(session)) {
                g_autofree char *raw = g_strndup((const char *)capture->err_bytes->data,
                        MIN(capture->err_bytes->len, 65536));
                g_autofree char *text = runtime_clean_text(raw ? raw : "");

                return fail(error, ERROR_UNKNOWN, "exec in container %s: %s", exec->id, text);
        }
        ret_result->out = g_steal_pointer(&capture->out_bytes);
        ret_result->err = g_steal_pointer(&capture->err_bytes);
        ret_result->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        return true;
}

bool monitor_exec_sync(const MonitorExec *exec, MonitorExecResult *ret_result, GError **error) {
        gint64 deadline = exec->timeout_sec > 0 ? clock_deadline_usec(exec->timeout_sec) : 0;
        g_auto(Capture) capture = {.out = -1, .err = -1};
        g_autoptr(ExecSession) session = NULL;
        CaptureEnd end;

        capture.out_bytes = g_byte_array_new();
        capture.err_bytes = g_byte_array_new();
        session = start(exec, &capture, error);
        if (!session)
                return false;
        end = capture_run(&capture, process_get_pidfd(exec_session_get_process(session)), deadline,
                exec->cancel_fd);
        switch (end) {
        case CAPTURE_EXITED:
                return finish_exited(exec, session, &capture, ret_result, error);
        case CAPTURE_TIMED_OUT:
                exec_session_kill(session);
                return finish_timed_out(ret_result);
        case CAPTURE_CANCELLED:
                exec_session_kill(session);
                break;
        }
        return fail(
                error, ERROR_CANCELLED, "exec in container %s was given up and killed", exec->id);
}
