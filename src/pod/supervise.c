/* SPDX-License-Identifier: Apache-2.0 */
#include "pod/supervise.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"

/* For each thing that has to end. */
#define END_SECONDS 10
/* How long a monitor may take to write its files after its container has gone. */
#define MONITOR_SECONDS 5

/* Kill and wait; true when it is gone. */
static bool end_process(const ProcessIdentity *process, int first_wait_seconds, GError **error) {
        autofd int pidfd = process->pid > 0 ? process_identity_open(process) : -1;
        siginfo_t info;

        if (pidfd < 0)
                return true;
        if (first_wait_seconds == 0 ||
                fd_wait(pidfd, POLLIN, clock_deadline_usec(first_wait_seconds), -1) == 0)
                (void)syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
        if (fd_wait(pidfd, POLLIN, clock_deadline_usec(END_SECONDS), -1) == 0)
                return fail(error, ERROR_DEADLINE_EXCEEDED,
                        "process %d does not die of SIGKILL; it hangs in the kernel, see "
                        "/proc/%d/stack",
                        (int)process->pid, (int)process->pid);
        (void)waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG);
        return true;
}

/* 0 when it is no pid. */
static pid_t parse_pid(const char *text) {
        guint64 pid;

        return g_ascii_string_to_unsigned(text, 10, 1, G_MAXINT32, &pid, NULL) ? (pid_t)pid : 0;
}

/* A file of /proc/PID, NULL when the process is gone. */
static char *read_proc(const char *pid, const char *name) {
        g_autofree char *path = g_build_filename("/proc", pid, name, NULL);

        return file_read_line(AT_FDCWD, path);
}

/* The number may have been given to a stranger since; only a process in the container's own cgroup
 * is ours. */
static bool read_pid_file(const Supervised *supervised, ProcessIdentity *ret_identity) {
        g_autofree char *path = g_build_filename(supervised->bundle, "pidfile", NULL);
        g_autofree char *pid = file_read_line(AT_FDCWD, path);
        g_autofree char *cgroup = pid ? read_proc(pid, "cgroup") : NULL;

        return cgroup && strstr(cgroup, supervised->id) &&
               process_identity_read(parse_pid(pid), ret_identity);
}

/* Whether process @pid runs the monitor or the runtime. */
static bool is_worker(const Supervised *supervised, const char *pid) {
        g_autofree char *comm = read_proc(pid, "comm");
        g_autofree char *runtime = g_path_get_basename(runtime_get_path(supervised->runtime));
        g_autofree char *monitor =
                g_path_get_basename(runtime_get_config(supervised->runtime)->monitor_path);

        return comm && *comm &&
               (g_str_has_prefix(comm, runtime) || g_str_has_prefix(monitor, comm));
}

/* Whether process @pid has @id as a whole argument: a monitor or a runtime at work on that
 * container. */
static bool works_on(const char *pid, const char *id) {
        g_autofree char *path = g_build_filename("/proc", pid, "cmdline", NULL);
        autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
        char text[16384];
        ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
        ssize_t start = 0;

        if (length <= 0)
                return false;
        text[length] = '\0';
        while (start < length) {
                if (g_str_equal(text + start, id))
                        return true;
                start += (ssize_t)strlen(text + start) + 1;
        }
        return false;
}

/* A daemon that died inside monitor_create() left no pid on record, perhaps not even in a file, and
 * the monitor goes on creating the container. Find it by its arguments. */
static bool end_strangers(const Supervised *supervised, GError **error) {
        g_autoptr(GPtrArray) names = dir_list(AT_FDCWD, "/proc", error);
        ProcessIdentity found;

        for (unsigned i = 0; names && i < names->len; i++) {
                const char *name = names->pdata[i];

                if (parse_pid(name) == 0 || parse_pid(name) == getpid() ||
                        !works_on(name, supervised->id) || !is_worker(supervised, name))
                        continue;
                if (process_identity_read(parse_pid(name), &found) &&
                        !end_process(&found, 0, error))
                        return false;
        }
        return names != NULL;
}

bool supervised_end(const Supervised *supervised, GError **error) {
        ProcessIdentity init = supervised->init, monitor = supervised->monitor;

        if (init.pid <= 0) {
                if (!end_strangers(supervised, error))
                        return false;
                read_pid_file(supervised, &init);
        }
        return end_process(&init, 0, error) &&
               runtime_delete(supervised->runtime, supervised->id, error) &&
               end_process(&monitor, MONITOR_SECONDS, error);
}

void supervised_drop_files(const Config *config, const char *id) {
        g_autofree char *exit_file = g_build_filename(config->container_exits_dir, id, NULL);
        g_autofree char *socket = g_build_filename(config->container_attach_socket_dir, id, NULL);

        unlink(exit_file);
        unlink(socket);
}
