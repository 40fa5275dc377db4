/* SPDX-License-Identifier: Apache-2.0 */
#include "conmon/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conmon/exit.h"
#include "conmon/file.h"
#include "conmon/monitor.h"
#include "conmon/sync.h"

#define STDERR_REPORT 8191              /* most of the runtime's words that the caller gets */
#define KILL_PATIENCE 2000              /* ms for a killed process to be gone */

void child_init(Child *child) {
        *child = (Child) { .runtime_pidfd = -1, .container_pidfd = -1, .exit_status = -1 };
}

int pidfd_of(pid_t pid) {
        return (int) syscall(SYS_pidfd_open, pid, 0);   /* is close-on-exec */
}

/* pidfd_kill() - nothing happens to one that is gone, or that is -1 */
void pidfd_kill(int pidfd, int signal) {
        if (pidfd >= 0)
                syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
}

/* starting */

static void words_add(const char **words, int *count, const List *list) {
        for (int i = 0; i < list->count; i++)
                words[(*count)++] = list->items[i];
}

/* runtime_arguments() - RUNTIME [its options] create|restore|exec [options of that] CID */
static char **runtime_arguments(Monitor *monitor) {
        const Options *o = &monitor->options;
        size_t most = 24 + (size_t) (o->runtime_args.count + o->runtime_opts.count +
                o->restore_args.count);
        const char **words = arena_take(&monitor->arena, most * sizeof(*words));
        int n = 0;

        words[n++] = o->runtime;
        if (o->systemd_cgroup && !o->exec)
                words[n++] = "--systemd-cgroup";
        words_add(words, &n, &o->runtime_args);
        words[n++] = o->exec ? "exec" : o->restore ? "restore" : "create";
        if (!o->exec) {
                words[n++] = "--bundle";
                words[n++] = o->bundle;
        }
        words[n++] = "--pid-file";
        words[n++] = o->container_pidfile;
        if (!o->exec && o->no_pivot)
                words[n++] = "--no-pivot";
        if (!o->exec && o->no_new_keyring)
                words[n++] = "--no-new-keyring";
        if (o->exec) {
                words[n++] = "--process";
                words[n++] = o->exec_process_spec;
        }
        if (o->exec || o->restore)
                words[n++] = "--detach";
        if (o->restore) {
                words[n++] = "--image-path";
                words[n++] = o->restore;
                words[n++] = "--work-path";
                words[n++] = o->bundle;
                words_add(words, &n, &o->restore_args);
        }
        words_add(words, &n, &o->runtime_opts);
        if (o->terminal) {
                words[n++] = "--console-socket";
                words[n++] = monitor->stdio.console_path;
        }
        words[n] = o->cid;
        return (char **) words;
}

/* child_set_listen_pid() - sockets handed down through us are for the runtime */
static void child_set_listen_pid(Monitor *monitor, char *buffer, size_t size) {
        static const char variable[] = "LISTEN_PID=";
        Text text = text_over(buffer, size);

        for (char **entry = environ; *entry; entry++) {
                int64_t pid;

                if (strncmp(*entry, variable, sizeof(variable) - 1) != 0)
                        continue;
                if (!number_parse(*entry + sizeof(variable) - 1, &pid))
                        return;
                if (!monitor->options.replace_listen_pid && pid != getppid())
                        return;
                text_add(&text, variable);
                text_add_number(&text, getpid());
                *entry = buffer;
                return;
        }
}

/* child_exec() - in the child: never returns, allocates nothing */
static void child_exec(Monitor *monitor, char **arguments, pid_t parent) {
        struct sigaction plain = { .sa_handler = SIG_DFL };
        char listen_pid[32];

        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
                _exit(EXIT_FAILURE);
        for (int i = 0; i < 3 && !monitor->options.passthrough; i++) {
                int fd = monitor->stdio.child_fds[i];

                /* what has no pipe keeps the /dev/null it has */
                if (fd >= 0 && dup2(fd, i) < 0)
                        _exit(EXIT_FAILURE);
        }
        exit_restore_oom_score(monitor);
        child_set_listen_pid(monitor, listen_pid, sizeof(listen_pid));
        sigaction(SIGPIPE, &plain, NULL);
        sigprocmask(SIG_SETMASK, &monitor->inherited_signals, NULL);
        execv(arguments[0], arguments);
        _exit(127);
}

void child_spawn_runtime(Monitor *monitor) {
        char **arguments = runtime_arguments(monitor);
        Child *child = &monitor->child;
        pid_t self = getpid();

        /* an old pid file must not be taken for an answer of this runtime */
        unlink(monitor->options.container_pidfile);

        child->runtime_pid = fork();
        if (child->runtime_pid < 0)
                die(monitor, "cannot fork: ", strerror(errno));
        if (child->runtime_pid == 0)
                child_exec(monitor, arguments, self);

        stdio_close_child_ends(monitor);
        child->runtime_pidfd = pidfd_of(child->runtime_pid);
        if (child->runtime_pidfd < 0)
                die(monitor, "cannot open a pidfd, which Linux 5.3 brought: ", strerror(errno));
        monitor_watch(monitor, child->runtime_pidfd, EPOLLIN, EVENT_RUNTIME, 0);
        if (monitor->options.timeout > 0)
                monitor_set_deadline(monitor, DEADLINE_TIMEOUT,
                        monitor_now() + monitor->options.timeout * 1000);
}

/* the container's process */

static void child_record(Monitor *monitor, int status) {
        monitor->child.exit_status = status;
        monitor->child.container_ended = true;
        monitor->quit = true;
}

static int status_of(const siginfo_t *info) {
        return info->si_code == CLD_EXITED ? info->si_status : 128 + info->si_status;
}

/**
 * child_reap() - collect all children that ended
 *
 * While the runtime is at work only it is waited for: another one may be the container, whose pid
 * we do not know yet.
 */
static void child_reap(Monitor *monitor) {
        Child *child = &monitor->child;

        if (child->runtime_pidfd >= 0)
                return;
        for (;;) {
                siginfo_t info = { 0 };

                if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG) < 0 && errno == EINTR)
                        continue;
                if (info.si_pid == 0)
                        return;
                if (info.si_pid == child->container_pid && !child->container_ended)
                        child_record(monitor, status_of(&info));
        }
}

/* child_on_container() - the end of one that is not our child is seen, but not its status */
void child_on_container(Monitor *monitor, unsigned index, uint32_t events) {
        child_reap(monitor);
        if (!monitor->child.container_ended)
                child_record(monitor, -1);
}

/* child_read_pid() - what the runtime wrote to the pid file; 0 when it is not a pid */
static pid_t child_read_pid(Monitor *monitor) {
        char text[32];
        int64_t pid;

        if (file_read(monitor->options.container_pidfile, text, sizeof(text)) < 0)
                return 0;
        text[strcspn(text, "\n")] = '\0';
        return number_parse(text, &pid) && pid > 0 && pid <= INT32_MAX ? (pid_t) pid : 0;
}

static bool child_adopt(Monitor *monitor) {
        Child *child = &monitor->child;

        child->container_pid = child_read_pid(monitor);
        if (child->container_pid == 0)
                return false;
        child->container_pidfd = pidfd_of(child->container_pid);
        if (child->container_pidfd >= 0)
                monitor_watch(monitor, child->container_pidfd, EPOLLIN, EVENT_CONTAINER, 0);
        return true;
}

/* child_report_failure() - no container: tell the caller what the runtime said, and end */
static void child_report_failure(Monitor *monitor, const char *otherwise) {
        char *said = monitor->block;
        size_t length = stdio_read_errors(monitor, said, STDERR_REPORT);
        const char *reason = length > 0 ? said : otherwise;

        said[length] = '\0';
        sync_send(monitor, &monitor->sync_fd, -1, reason, length > 0 ? length : strlen(otherwise));
        die(monitor, "no container: ", reason);
}

/* child_check_runtime() - returns what is wrong, or NULL when there is a container to watch */
static const char *child_check_runtime(Monitor *monitor, int status) {
        bool succeeded = WIFEXITED(status) && WEXITSTATUS(status) == 0;

        /* the status of exec may be that of the command: only the pid file tells */
        if (!succeeded && !monitor->options.exec)
                return WIFSIGNALED(status) ? "the OCI runtime was killed" :
                        "the OCI runtime failed and did not say why";
        if (!stdio_take_terminal(monitor))
                return "Runtime did not set up terminal";
        if (!child_adopt(monitor))
                return "the OCI runtime wrote no usable pid file";
        return NULL;
}

/* child_on_runtime() - it did its work, now the container is ours */
void child_on_runtime(Monitor *monitor, unsigned index, uint32_t events) {
        Child *child = &monitor->child;
        const char *failure;
        int status = 0;

        while (waitpid(child->runtime_pid, &status, 0) < 0 && errno == EINTR)
                ;
        monitor_unwatch(monitor, child->runtime_pidfd);
        fd_close(&child->runtime_pidfd);

        failure = child_check_runtime(monitor, status);
        if (child->timed_out) {
                child_on_timeout(monitor);
                return;
        }
        if (failure)
                child_report_failure(monitor, failure);

        oom_open(monitor, child->container_pid);
        control_apply_size(monitor);
        if (monitor->attach.listen_fd >= 0)
                attach_on_listener(monitor, 0, 0);
        if (!monitor->options.exec || monitor->options.api_version)
                sync_send(monitor, &monitor->sync_fd, child->container_pid, NULL, 0);
        stdio_start(monitor);
        child_reap(monitor);
        if (!child->container_ended && child->container_pidfd < 0)
                child_record(monitor, -1);
}

/* signals and the end of time */

/* child_forward() - to the container, or to the runtime while there is none */
static void child_forward(Monitor *monitor, int signal) {
        const Child *child = &monitor->child;

        pidfd_kill(child->container_pid ? child->container_pidfd : child->runtime_pidfd, signal);
}

void child_on_signal(Monitor *monitor, unsigned index, uint32_t events) {
        struct signalfd_siginfo info;

        if (read(monitor->signal_fd, &info, sizeof(info)) != (ssize_t) sizeof(info))
                return;
        if (info.ssi_signo == SIGCHLD || info.ssi_signo == SIGUSR1)
                child_reap(monitor);
        else
                child_forward(monitor, (int) info.ssi_signo);
}

/* child_is_unreaped() - the container's pid is its own: it is our child, alive or a zombie */
static bool child_is_unreaped(const Child *child) {
        siginfo_t info;

        return !child->container_ended && child->container_pidfd >= 0 &&
                waitid(P_PID, (id_t) child->container_pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

/**
 * child_kill_group() - the command and what it started
 *
 * The group may have lost its leader, as crun leaves it, so no pidfd can stand for it. Its number
 * is not given away while the command is in it, which is until we reap that.
 */
static void child_kill_group(Monitor *monitor) {
        const Child *child = &monitor->child;
        pid_t group = child_is_unreaped(child) ? getpgid(child->container_pid) : -1;

        if (group > 1 && group != getpgrp())
                kill(-group, SIGKILL);
        pidfd_kill(child->container_pidfd, SIGKILL);
}

/**
 * child_on_timeout() - kill, then wait until the dead are reaped before anybody is told
 *
 * Called again when the runtime itself had to be killed, as it may have left a process.
 */
void child_on_timeout(Monitor *monitor) {
        Child *child = &monitor->child;

        child->timed_out = true;
        stdio_close_output(monitor);
        monitor_set_deadline(monitor, DEADLINE_KILLED, monitor_now() + KILL_PATIENCE);
        if (child->runtime_pidfd >= 0)
                pidfd_kill(child->runtime_pidfd, SIGKILL);
        else if (child->container_pidfd >= 0)
                child_kill_group(monitor);
        else
                monitor->quit = true;
}

void child_on_killed_timeout(Monitor *monitor) {
        warn(monitor, "a killed process does not end");
        monitor->quit = true;
}
