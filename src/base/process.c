/* SPDX-License-Identifier: Apache-2.0 */
#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"

#define STDERR_LIMIT 65536
#define MAX_FDS      16

struct Process {
        pid_t pid;
        int pidfd;
        bool group; /* it leads a process group that ends with it */
        bool reaped;
};

/* Descriptors are first copied above the target range, so that no target overwrites a source. */
static bool add_descriptors(posix_spawn_file_actions_t *actions, const ProcessOptions *options,
        int copies[MAX_FDS], GError **error) {
        unsigned count = MAX(options->n_fds, 3);

        g_assert(count <= MAX_FDS);
        for (unsigned i = 0; i < count; i++) {
                int source = i < options->n_fds ? options->fds[i] : -1;

                if (source < 0) {
                        posix_spawn_file_actions_addopen(actions, (int)i, "/dev/null", O_RDWR, 0);
                        continue;
                }
                copies[i] = fcntl(source, F_DUPFD_CLOEXEC, MAX_FDS);
                if (copies[i] < 0)
                        return fail_errno(error, "copy descriptor %d", source);
                posix_spawn_file_actions_adddup2(actions, copies[i], (int)i);
        }
        if (options->cwd)
                posix_spawn_file_actions_addchdir_np(actions, options->cwd);
        return true;
}

static void set_attributes(posix_spawnattr_t *attributes, const ProcessOptions *options) {
        short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
        sigset_t none, all;

        sigemptyset(&none);
        sigfillset(&all);
        posix_spawnattr_setsigmask(attributes, &none);
        posix_spawnattr_setsigdefault(attributes, &all);
        if (options->new_session)
                flags |= POSIX_SPAWN_SETSID;
        else if (options->new_group)
                flags |= POSIX_SPAWN_SETPGROUP;
        posix_spawnattr_setflags(attributes, flags);
        posix_spawnattr_setpgroup(attributes, 0);
}

static int spawn(
        const ProcessOptions *options, posix_spawn_file_actions_t *actions, pid_t *ret_pid) {
        posix_spawnattr_t attributes;
        int number;

        posix_spawnattr_init(&attributes);
        set_attributes(&attributes, options);
        number = posix_spawn(ret_pid, options->argv[0], actions, &attributes,
                (char *const *)options->argv,
                options->envp ? (char *const *)options->envp : environ);
        posix_spawnattr_destroy(&attributes);
        return number;
}

Process *process_spawn(const ProcessOptions *options, GError **error) {
        int copies[MAX_FDS] = {0};
        posix_spawn_file_actions_t actions;
        Process *process = NULL;
        pid_t pid = -1;
        int number = 0;
        bool good;

        posix_spawn_file_actions_init(&actions);
        good = add_descriptors(&actions, options, copies, error);
        if (good)
                number = spawn(options, &actions, &pid);
        posix_spawn_file_actions_destroy(&actions);
        for (unsigned i = 0; i < MAX_FDS; i++)
                if (copies[i] > 0)
                        fd_close(copies[i]);
        if (!good)
                return NULL;
        if (number != 0)
                return fail_null(
                        error, ERROR_UNKNOWN, "start %s: %s", options->argv[0], g_strerror(number));

        process = g_new0(Process, 1);
        process->pid = pid;
        process->group = options->new_session || options->new_group;
        process->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
        if (process->pidfd < 0) {
                fail_errno(error, "open a pidfd for %s", options->argv[0]);
                process_free(process);
                return NULL;
        }
        return process;
}

int process_get_pid(const Process *process) {
        return process->pid;
}

int process_get_pidfd(const Process *process) {
        return process->pidfd;
}

static void reap(Process *process, int *ret_status) {
        while (waitpid(process->pid, ret_status, 0) < 0 && errno == EINTR)
                continue;
        process->reaped = true;
}

bool process_wait(
        Process *process, gint64 deadline_usec, int cancel_fd, int *ret_status, GError **error) {
        int ready = fd_wait(process->pidfd, POLLIN, deadline_usec, cancel_fd);

        if (ready == 0)
                return fail(error, ERROR_DEADLINE_EXCEEDED, "process %d did not end in time",
                        (int)process->pid);
        if (ready < 0)
                return fail(error, ERROR_CANCELLED, "gave up waiting for process %d",
                        (int)process->pid);
        reap(process, ret_status);
        return true;
}

void process_kill(Process *process, int signal) {
        if (process->reaped)
                return;
        /* Not reaped, so neither the pid nor the group can have been given to a stranger. */
        if (process->group)
                kill(-process->pid, signal);
        else
                kill(process->pid, signal);
}

void process_free(Process *process) {
        int status;

        if (!process)
                return;
        if (!process->reaped) {
                process_kill(process, SIGKILL);
                reap(process, &status);
        }
        if (process->pidfd >= 0)
                fd_close(process->pidfd);
        g_free(process);
}

void process_output_clear(ProcessOutput *output) {
        g_clear_pointer(&output->out, g_free);
        g_clear_pointer(&output->err, g_free);
}

/* The three pipes of a running process_run(). */
typedef struct Exchange {
        int in, out, err;
        const char *input;
        size_t input_left;
        GByteArray *out_bytes;
        GByteArray *err_bytes;
        size_t out_limit;
        bool overflow;
} Exchange;

static void drop_pipe(int *fd) {
        fd_close(*fd);
        *fd = -1;
}

static void feed(Exchange *exchange) {
        ssize_t written = write(exchange->in, exchange->input, exchange->input_left);

        if (written > 0) {
                exchange->input += written;
                exchange->input_left -= (size_t)written;
        }
        if (exchange->input_left == 0 || (written < 0 && errno != EAGAIN && errno != EINTR))
                drop_pipe(&exchange->in);
}

static void collect(int *fd, GByteArray *bytes, size_t limit, bool *overflow) {
        guint8 chunk[16384];
        ssize_t count = read(*fd, chunk, sizeof(chunk));

        if (count < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        if (count <= 0) {
                drop_pipe(fd);
                return;
        }
        if (bytes->len + (size_t)count > limit) {
                count = (ssize_t)(limit - bytes->len);
                if (overflow)
                        *overflow = true;
        }
        g_byte_array_append(bytes, chunk, (guint)count);
}

static void exchange_clear(Exchange *exchange) {
        fd_close_scope(&exchange->in);
        fd_close_scope(&exchange->out);
        fd_close_scope(&exchange->err);
        g_clear_pointer(&exchange->out_bytes, g_byte_array_unref);
        g_clear_pointer(&exchange->err_bytes, g_byte_array_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Exchange, exchange_clear)

/* False when the deadline passed. */
static bool exchange_run(Exchange *exchange, gint64 deadline_usec) {
        while ((exchange->out >= 0 || exchange->err >= 0) && !exchange->overflow) {
                struct pollfd polls[3] = {{.fd = exchange->in, .events = POLLOUT},
                        {.fd = exchange->out, .events = POLLIN},
                        {.fd = exchange->err, .events = POLLIN}};
                gint64 left = deadline_usec ? deadline_usec - clock_monotonic_usec() : -1;

                if (deadline_usec && left <= 0)
                        return false;
                if (poll(polls, 3, deadline_usec ? (int)MIN(left / 1000 + 1, G_MAXINT) : -1) < 0)
                        continue;
                if (polls[0].revents)
                        feed(exchange);
                if (polls[1].revents)
                        collect(&exchange->out, exchange->out_bytes, exchange->out_limit,
                                &exchange->overflow);
                if (polls[2].revents)
                        collect(&exchange->err, exchange->err_bytes, STDERR_LIMIT, NULL);
        }
        return true;
}

static char *finish_bytes(GByteArray **bytes) {
        g_byte_array_append(*bytes, (const guint8 *)"", 1);
        return (char *)g_byte_array_free(g_steal_pointer(bytes), FALSE);
}

/* Start the child with pipes; our ends go to @exchange. */
static Process *start_piped(const ProcessOptions *options, Exchange *exchange, GError **error) {
        int in[2] = {-1, -1}, out[2] = {-1, -1}, err[2] = {-1, -1};
        Process *process = NULL;

        if (fd_pipe(in, error) && fd_pipe(out, error) && fd_pipe(err, error)) {
                ProcessOptions piped = *options;
                int fds[3] = {in[0], out[1], err[1]};

                piped.fds = fds;
                piped.n_fds = 3;
                piped.new_group = true;
                process = process_spawn(&piped, error);
        }
        fd_close_scope(&in[0]);
        fd_close_scope(&out[1]);
        fd_close_scope(&err[1]);
        exchange->in = in[1];
        exchange->out = out[0];
        exchange->err = err[0];
        return process;
}

bool process_run(const ProcessOptions *options, const char *input, size_t limit,
        gint64 deadline_usec, ProcessOutput *ret_output, GError **error) {
        g_auto(Exchange) exchange = {.in = -1, .out = -1, .err = -1, .out_limit = limit};
        g_autoptr(Process) process = NULL;
        bool in_time;

        exchange.input = input ? input : "";
        exchange.input_left = strlen(exchange.input);
        exchange.out_bytes = g_byte_array_new();
        exchange.err_bytes = g_byte_array_new();
        process = start_piped(options, &exchange, error);
        if (!process)
                return false;
        fcntl(exchange.in, F_SETFL, O_NONBLOCK);
        if (exchange.input_left == 0)
                drop_pipe(&exchange.in);

        in_time = exchange_run(&exchange, deadline_usec);
        if (exchange.overflow)
                return fail(error, ERROR_RESOURCE_EXHAUSTED, "%s wrote more than %zu bytes",
                        options->argv[0], limit);
        if (!in_time || !process_wait(process, deadline_usec, -1, &ret_output->status, NULL))
                return fail(error, ERROR_DEADLINE_EXCEEDED, "%s did not end in time, killed it",
                        options->argv[0]);
        ret_output->out_length = exchange.out_bytes->len;
        ret_output->out = finish_bytes(&exchange.out_bytes);
        ret_output->err = finish_bytes(&exchange.err_bytes);
        return true;
}

char *process_status_print(int status) {
        if (WIFSIGNALED(status))
                return g_strdup_printf("signal %d", WTERMSIG(status));
        return g_strdup_printf("exit status %d", WEXITSTATUS(status));
}
