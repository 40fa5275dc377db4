/* SPDX-License-Identifier: Apache-2.0 */
#include "conmon/exit.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conmon/console.h"
#include "conmon/file.h"
#include "conmon/monitor.h"
#include "conmon/sync.h"

#define OOM_SCORE "/proc/self/oom_score_adj"
#define TIMED_OUT "command timed out"   /* CRI-O knows these words */

static bool oom_score_write(const char *score) {
        int fd = open(OOM_SCORE, O_WRONLY | O_CLOEXEC);
        bool good = fd >= 0 && fd_write_all(fd, score, strlen(score));

        fd_close(&fd);
        return good;
}

/* exit_lower_oom_score() - the monitor should be the last to be killed; some may not ask for it */
void exit_lower_oom_score(Monitor *monitor) {
        if (file_read(OOM_SCORE, monitor->oom_score, sizeof(monitor->oom_score)) <= 0)
                return;
        if (oom_score_write("-1000"))
                return;
        monitor->oom_score[0] = '\0';
        debug(monitor, "the out-of-memory score stays as it is: ", strerror(errno));
}

void exit_restore_oom_score(const Monitor *monitor) {
        if (monitor->oom_score[0])
                oom_score_write(monitor->oom_score);
}

static void exit_publish(Monitor *monitor, const char *folder, const char *name, int status) {
        char path_buffer[PATH_MAX], number_buffer[16];
        Text path = text_over(path_buffer, sizeof(path_buffer));
        Text number = text_over(number_buffer, sizeof(number_buffer));

        if (!folder)
                return;
        text_add(&path, folder);
        text_add(&path, "/");
        text_add(&path, name);
        text_add_number(&number, status);
        if (path.cut || !file_publish(path.data, number.data))
                warn(monitor, "cannot write the exit file ", path.data, ": ", strerror(errno));
}

static void exit_sync_logs(Monitor *monitor) {
        const Options *options = &monitor->options;

        if (options->journald)
                log_journal_flush(&monitor->journal);
        for (int i = 0; i < options->log_file_count && !options->no_sync_log; i++)
                log_k8s_sync(&monitor->logs[i]);
}

/* exit_exec_command() - in the child: it gets nothing of ours but stdio */
static noreturn void exit_exec_command(const Monitor *monitor) {
        const Options *options = &monitor->options;
        struct sigaction plain = { .sa_handler = SIG_DFL };
        const char **arguments = (const char **) monitor->output;
        int most = OUTPUT_SIZE / (int) sizeof(*arguments) - 2;
        int count = options->exit_command_args.count;

        exit_restore_oom_score(monitor);
        arguments[0] = options->exit_command;
        for (int i = 0; i < count && i < most; i++)
                arguments[i + 1] = options->exit_command_args.items[i];
        arguments[(count < most ? count : most) + 1] = NULL;

        if (options->exit_delay > 0)
                poll(NULL, 0, (int) options->exit_delay * 1000);
        sigaction(SIGPIPE, &plain, NULL);
        sigprocmask(SIG_SETMASK, &monitor->inherited_signals, NULL);
        execv(arguments[0], (char **) arguments);
        _exit(127);
}

/**
 * exit_run_command() - run --exit-command and wait for it
 *
 * Grandchildren are its own business from here on, so we stop to be their reaper. Returns @status,
 * or that of the command if it failed.
 */
static int exit_run_command(Monitor *monitor, int status) {
        pid_t pid, ended;
        int result = 0;

        monitor->exit_command_armed = false;
        close_range(3, UINT_MAX, 0);
        prctl(PR_SET_CHILD_SUBREAPER, 0);
        pid = fork();
        if (pid == 0)
                exit_exec_command(monitor);
        if (pid < 0)
                return EXIT_FAILURE;
        do {
                int code;

                ended = waitpid(-1, &code, 0);
                if (ended == pid)
                        result = WIFEXITED(code) ? WEXITSTATUS(code) : 128 + WTERMSIG(code);
        } while (ended > 0 || (ended < 0 && errno == EINTR));

        return result ? result : status;
}

/* exit_leave() - the only way out once there is something to clean up */
void exit_leave(Monitor *monitor, int status) {
        console_close(monitor);
        attach_close(monitor);
        if (monitor->exit_command_armed)
                status = exit_run_command(monitor, status);
        _exit(status & 0xff);
}

/**
 * exit_finish() - the container is gone: log, exit files, answer, exit command
 *
 * Whoever sees the exit file may read the log, use the ports and remove the cgroup: so all three
 * come before it.
 */
void exit_finish(Monitor *monitor) {
        const Options *options = &monitor->options;
        const Child *child = &monitor->child;
        int status = child->timed_out ? -1 : child->exit_status;
        const char *message = child->timed_out ? TIMED_OUT : NULL;

        oom_check(monitor);
        if (!child->timed_out)
                stdio_drain(monitor);
        exit_sync_logs(monitor);
        fd_close_inherited();

        exit_publish(monitor, options->persist_dir, "exit", status);
        exit_publish(monitor, options->exit_dir, options->cid, status);
        if (options->exec)
                sync_send(monitor, &monitor->sync_fd, status, message,
                        message ? strlen(message) : 0);
        exit_leave(monitor, status);
}
