/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/exec-session.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/metric.h"
#include "runtime/bundle.h"
#include "runtime/process-tree.h"
#include "runtime/runtime-private.h"

#define REAP_SECONDS 10

struct ExecSession {
        Process *process;
        char *spec_path;
        char *pid_path;
};

/* The container's own process, with another command. */
static Json *make_process(const MonitorExec *exec, bool terminal, GError **error) {
        g_autoptr(Json) spec = bundle_read(exec->bundle, error);
        const Json *found = json_get(spec, "process");
        Json *process;

        if (!spec)
                return NULL;
        if (!found)
                return fail_null(
                        error, ERROR_INTERNAL, "%s/config.json has no process", exec->bundle);
        process = json_copy(found);
        json_set_strings(process, "args", exec->command);
        json_set_bool(process, "terminal", terminal);
        json_remove(process, "consoleSize");
        return process;
}

static bool write_process(
        const ExecSession *session, const MonitorExec *exec, bool terminal, GError **error) {
        g_autoptr(Json) process = make_process(exec, terminal, error);
        g_autofree char *text = NULL;
        size_t length;

        if (!process)
                return false;
        text = json_print(process, &length);
        return file_publish(AT_FDCWD, session->spec_path, text, length, 0600, error);
}

/*
 * crun in the foreground hands our descriptors on and ends with the command, which is the cheapest
 * there is. runc copies between pipes of its own and so waits for whatever the command leaves
 * running; it has to detach, and a monitor without a log, which starts it and reaps the command,
 * stands in for it. Measured for `true`: crun alone 4.5 ms, below a monitor 6.0; runc alone 12.8,
 * below a monitor 13.1.
 */
static bool hands_on(const Runtime *runtime) {
        g_autofree char *name = g_path_get_basename(runtime->path);

        return g_str_has_prefix(name, "crun");
}

static GPtrArray *make_words(const ExecSession *session, const MonitorExec *exec, bool alone) {
        const Runtime *runtime = exec->runtime;
        const char *const direct[] = {runtime->path, "--root", runtime->root, "exec", "--process",
                session->spec_path, "--pid-file", session->pid_path, exec->id, NULL};
        const char *const monitored[] = {runtime->config->monitor_path, "--sync", "-e", "-l",
                "passthrough", "--log-level", "error", "-c", exec->id, "-n", exec->id, "-r",
                runtime->path, "--runtime-arg", "--root", "--runtime-arg", runtime->root, "-p",
                session->pid_path, "--exec-process-spec", session->spec_path, NULL};
        const char *const *chosen = alone ? direct : monitored;
        GPtrArray *words = g_ptr_array_new();

        for (unsigned i = 0; chosen[i]; i++)
                g_ptr_array_add(words, (char *)chosen[i]);
        g_ptr_array_add(words, NULL);
        return words;
}

static Process *spawn(const ExecSession *session, const MonitorExec *exec, bool terminal,
        const int fds[3], GError **error) {
        g_auto(GStrv) envp = runtime_make_environment();
        g_autoptr(GPtrArray) words = make_words(session, exec, terminal || hands_on(exec->runtime));
        ProcessOptions options = {
                .argv = (const char *const *)words->pdata,
                .envp = (const char *const *)envp,
                .cwd = "/",
                .fds = fds,
                .n_fds = 3,
                .new_group = true,
        };

        metric_add(METRIC_RUNTIME_CALLS, 1);
        return process_spawn(&options, error);
}

ExecSession *exec_session_start(
        const MonitorExec *exec, bool terminal, const int fds[3], GError **error) {
        g_autoptr(ExecSession) session = g_new0(ExecSession, 1);
        g_autofree char *number = g_strdup_printf("exec-%08x%08x", g_random_int(), g_random_int());

        if (!exec->command || !exec->command[0])
                return fail_null(error, ERROR_INVALID_ARGUMENT, "exec: no command");
        session->spec_path = g_strdup_printf("%s/%s.json", exec->bundle, number);
        session->pid_path = g_strdup_printf("%s/%s.pid", exec->bundle, number);
        if (!write_process(session, exec, terminal, error))
                return NULL;
        session->process = spawn(session, exec, terminal, fds, error);
        return session->process ? g_steal_pointer(&session) : NULL;
}

Process *exec_session_get_process(const ExecSession *session) {
        return session->process;
}

bool exec_session_has_begun(const ExecSession *session) {
        return access(session->pid_path, F_OK) == 0;
}

/* The command's pid; 0 when there is none yet. */
static pid_t find_command(const ExecSession *session) {
        g_autofree char *text = file_read_line(AT_FDCWD, session->pid_path);
        guint64 number;

        return text && g_ascii_string_to_unsigned(text, 10, 2, G_MAXINT, &number, NULL)
                       ? (pid_t)number
                       : 0;
}

/* The runtime reaps the command and then ends, which is what is waited for. */
void exec_session_kill(ExecSession *session) {
        gint64 deadline = clock_deadline_usec(REAP_SECONDS);
        Process *process = session->process;
        pid_t command = find_command(session);
        int status;

        if (command > 0)
                process_tree_kill(command, process_get_pid(process), deadline);
        else
                process_kill(process, SIGKILL);
        if (process_wait(process, deadline, -1, &status, NULL))
                return;
        process_kill(process, SIGKILL);
        process_wait(process, 0, -1, &status, NULL);
}

void exec_session_free(ExecSession *session) {
        if (!session)
                return;
        /* A deadline in the past only asks; what has ended, reaped or not, is left to
         * process_free(). */
        if (session->process && fd_wait(process_get_pidfd(session->process), POLLIN, 1, -1) == 0)
                exec_session_kill(session);
        process_free(session->process);
        unlink(session->spec_path);
        unlink(session->pid_path);
        g_free(session->spec_path);
        g_free(session->pid_path);
        g_free(session);
}
