/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/json.h"
#include "base/metric.h"
#include "base/process.h"
#include "host/cgroup.h"
#include "runtime/process-tree.h"
#include "runtime/runtime-private.h"

#define ANSWER_LIMIT   65536
#define CREATE_SECONDS 240
#define ABORT_SECONDS  10
#define SYNC_FD        3
#define START_FD       4

/* A monitor that is being started. */
typedef struct Birth {
        const MonitorRequest *request;
        gint64 deadline_usec;
        int sync_fd;      /* answers come here */
        int start_fd;     /* one byte lets it go on */
        int err_fd;       /* what it says before it has become a daemon */
        Process *process; /* forks the monitor and ends */
        char *pid_path;
} Birth;

static void birth_clear(Birth *birth) {
        fd_close_scope(&birth->sync_fd);
        fd_close_scope(&birth->start_fd);
        fd_close_scope(&birth->err_fd);
        process_free(birth->process);
        g_free(birth->pid_path);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Birth, birth_clear)

/* identity */

bool process_identity_read(pid_t pid, ProcessIdentity *ret_identity) {
        guint64 start;

        if (pid <= 0 || !process_tree_field(pid, 22, &start))
                return false;
        *ret_identity = (ProcessIdentity){.pid = pid, .start_time = start};
        return true;
}

int process_identity_open(const ProcessIdentity *identity) {
        autofd int fd = identity->pid > 0 ? (int)syscall(SYS_pidfd_open, identity->pid, 0) : -1;
        ProcessIdentity now;

        /* Asked after the descriptor is open: what it says is then about that process. */
        if (fd < 0 || !process_identity_read(identity->pid, &now) ||
                now.start_time != identity->start_time)
                return -1;
        return steal_fd(&fd);
}

/* command line */

static void add(GPtrArray *words, const char *text) {
        g_ptr_array_add(words, g_strdup(text));
}

static void add_pair(GPtrArray *words, const char *option, const char *value) {
        if (!value)
                return;
        add(words, option);
        add(words, value);
}

static void add_in_bundle(
        GPtrArray *words, const char *option, const char *bundle, const char *name) {
        add(words, option);
        g_ptr_array_add(words, g_build_filename(bundle, name, NULL));
}

/* conmon knows fewer words than CRI-O. */
static const char *monitor_log_level(const char *level) {
        static const char *const known[] = {
                "error", "fatal", "panic", "warn", "warning", "info", "debug", "trace", NULL};

        return level && g_strv_contains(known, level) ? level : "info";
}

static void add_logging(GPtrArray *words, const MonitorRequest *request) {
        const Config *config = request->config;

        add_pair(words, "-l", request->log_path ? request->log_path : "none");
        if (config->log_to_journald)
                add_pair(words, "-l", "journald:");
        add_pair(words, "--log-level", monitor_log_level(config->log_level));
        if (config->log_size_max >= 0) {
                add(words, "--log-size-max");
                g_ptr_array_add(
                        words, g_strdup_printf("%" G_GINT64_FORMAT, (gint64)config->log_size_max));
        }
        if (request->runtime->config->no_sync_log)
                add(words, "--no-sync-log");
}

static void add_stdio(GPtrArray *words, const MonitorRequest *request) {
        if (request->terminal)
                add(words, "-t");
        if (!request->stdin_open)
                return;
        add(words, "-i");
        if (!request->stdin_once)
                add(words, "--leave-stdin-open");
}

static GPtrArray *make_words(const MonitorRequest *request) {
        GPtrArray *words = g_ptr_array_new_with_free_func(g_free);
        const Runtime *runtime = request->runtime;

        add(words, runtime->config->monitor_path);
        add_pair(words, "-b", request->bundle);
        add_pair(words, "-c", request->id);
        add_pair(words, "-u", request->id);
        add_pair(words, "-n", request->name);
        add_pair(words, "--exit-dir", request->config->container_exits_dir);
        add_pair(words, "--persist-dir", request->persist_dir);
        add_pair(words, "--socket-dir-path", request->config->container_attach_socket_dir);
        add_in_bundle(words, "-P", request->bundle, "conmon-pidfile");
        add_in_bundle(words, "-p", request->bundle, "pidfile");
        add_pair(words, "-r", runtime->path);
        add(words, "--runtime-arg");
        g_ptr_array_add(words, g_strconcat("--root=", runtime->root, NULL));
        add_logging(words, request);
        add(words, "--syslog");
        if (runtime->systemd_cgroup)
                add(words, "-s");
        if (request->config->no_pivot)
                add(words, "--no-pivot");
        add_stdio(words, request);
        g_ptr_array_add(words, NULL);
        return words;
}

/* The whole environment of the monitor: nothing of the daemon's own comes along. */
static GStrv make_environment(const MonitorRequest *request) {
        GStrv given = request->runtime->config->monitor_env;
        g_autoptr(GPtrArray) entries = g_ptr_array_new();
        g_auto(GStrv) common = runtime_make_environment();
        bool has_path = false;

        for (unsigned i = 0; given && given[i]; i++) {
                g_ptr_array_add(entries, g_strdup(given[i]));
                has_path |= g_str_has_prefix(given[i], "PATH=");
        }
        for (unsigned i = 0; common[i]; i++)
                if (!has_path || !g_str_has_prefix(common[i], "PATH="))
                        g_ptr_array_add(entries, g_strdup(common[i]));
        g_ptr_array_add(entries, g_strdup("CRI_O_EXTERNAL=1"));
        g_ptr_array_add(entries, g_strdup_printf("_OCI_SYNCPIPE=%d", SYNC_FD));
        g_ptr_array_add(entries, g_strdup_printf("_OCI_STARTPIPE=%d", START_FD));
        g_ptr_array_add(entries, NULL);
        return (GStrv)g_ptr_array_free(g_steal_pointer(&entries), FALSE);
}

/* birth */

static bool make_sockets(int sync[2], int start[2], GError **error) {
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sync) < 0 ||
                socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, start) < 0)
                return fail_errno(error, "make sockets for the monitor");
        return true;
}

static bool spawn_with(Birth *birth, const int fds[5], GError **error) {
        g_autoptr(GPtrArray) words = make_words(birth->request);
        g_auto(GStrv) envp = make_environment(birth->request);
        ProcessOptions options = {
                .argv = (const char *const *)words->pdata,
                .envp = (const char *const *)envp,
                .cwd = birth->request->bundle,
                .fds = fds,
                .n_fds = 5,
                .new_session = true,
        };

        metric_add(METRIC_RUNTIME_CALLS, 1);
        birth->process = process_spawn(&options, error);
        return birth->process != NULL;
}

static bool birth_spawn(Birth *birth, GError **error) {
        int sync[2] = {-1, -1}, start[2] = {-1, -1}, err[2] = {-1, -1};
        bool good = make_sockets(sync, start, error) && fd_pipe(err, error) &&
                    spawn_with(birth, (const int[]){-1, -1, err[1], sync[1], start[1]}, error);

        fd_close_scope(&sync[1]);
        fd_close_scope(&start[1]);
        fd_close_scope(&err[1]);
        birth->sync_fd = sync[0];
        birth->start_fd = start[0];
        birth->err_fd = err[0];
        return good;
}

/* What the first process wrote before it ended; g_free(). */
static char *read_complaint(int fd) {
        g_autofree char *text = g_malloc0(ANSWER_LIMIT + 1);
        ssize_t count;

        (void)fcntl(fd, F_SETFL, O_NONBLOCK);
        count = read(fd, text, ANSWER_LIMIT);
        text[MAX(count, 0)] = '\0';
        return runtime_clean_text(text);
}

/* The process that was started forks the monitor, notes its pid and ends. */
static bool birth_release(Birth *birth, GError **error) {
        g_autofree char *text = NULL;
        g_autofree char *ending = NULL;
        int status = 0;

        if (send(birth->start_fd, "", 1, MSG_NOSIGNAL) < 0 && errno != EPIPE)
                return fail_errno(error, "let the monitor go on");
        if (!process_wait(birth->process, birth->deadline_usec, -1, &status, error))
                return false;
        if (status == 0)
                return true;
        text = read_complaint(birth->err_fd);
        ending = process_status_print(status);
        return fail(error, ERROR_UNKNOWN, "monitor %s: %s (%s)",
                birth->request->runtime->config->monitor_path, text, ending);
}

/* What cannot be read is the monitor's fault, not that of the request. */
static Json *parse_answer(const GString *text, GError **error) {
        g_autoptr(GError) cause = NULL;
        Json *answer = json_parse(text->str, text->len, "report of the monitor", &cause);

        return answer ? answer : fail_null(error, ERROR_UNKNOWN, "%s", cause->message);
}

/* One line of JSON; NULL with @error when it does not come in time or the monitor goes away without
 * it. */
static Json *birth_read_answer(Birth *birth, GError **error) {
        g_autoptr(GString) text = g_string_new(NULL);
        char chunk[4096];
        ssize_t count;

        while (!memchr(text->str, '\n', text->len) && text->len < ANSWER_LIMIT) {
                if (fd_wait(birth->sync_fd, POLLIN, birth->deadline_usec, -1) != 1)
                        return fail_null(error, ERROR_DEADLINE_EXCEEDED,
                                "the monitor did not report the container in time");
                count = read(birth->sync_fd, chunk, sizeof(chunk));
                if (count < 0 && errno == EINTR)
                        continue;
                if (count <= 0)
                        break;
                g_string_append_len(text, chunk, count);
        }
        if (text->len == 0)
                return fail_null(error, ERROR_UNKNOWN, "the monitor ended without a report");
        /* Its text is the runtime's own and may hold any byte. */
        for (gsize i = 0; i < text->len; i++)
                if ((guchar)text->str[i] >= 0x80 || text->str[i] == '\0')
                        text->str[i] = '?';
        return parse_answer(text, error);
}

static bool birth_check_answer(const Json *answer, pid_t *ret_pid, GError **error) {
        gint64 pid = json_get_int(answer, "pid", json_get_int(answer, "data", -1));
        const char *message = json_get_string(answer, "message");
        g_autofree char *text = message ? runtime_clean_text(message) : NULL;

        if (pid > 0 && pid <= G_MAXINT) {
                *ret_pid = (pid_t)pid;
                return true;
        }
        return fail(
                error, ERROR_UNKNOWN, "%s", text ? text : "the runtime failed without a message");
}

static bool birth_read_monitor(const Birth *birth, ProcessIdentity *ret_identity, GError **error) {
        g_autofree char *text = file_read_line(AT_FDCWD, birth->pid_path);
        guint64 pid;

        if (!text || !g_ascii_string_to_unsigned(text, 10, 2, G_MAXINT, &pid, NULL) ||
                !process_identity_read((pid_t)pid, ret_identity))
                return fail(error, ERROR_UNKNOWN, "the monitor is not there (pid file %s)",
                        birth->pid_path);
        return true;
}

/* End a monitor that would otherwise go on by itself. It leads a session, and the runtime that it
 * runs is in it. */
static void birth_abort(const Birth *birth) {
        ProcessIdentity identity;
        autofd int fd = -1;

        if (!birth_read_monitor(birth, &identity, NULL))
                return;
        fd = process_identity_open(&identity);
        if (fd < 0)
                return;
        if (getpgid(identity.pid) == identity.pid)
                kill(-identity.pid, SIGKILL);
        syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0);
        fd_wait(fd, POLLIN, clock_deadline_usec(ABORT_SECONDS), -1);
}

static bool birth_run(Birth *birth, MonitorResult *result, GError **error) {
        const char *cgroup_path = birth->request->cgroup_path;
        g_autoptr(Json) answer = NULL;
        pid_t pid = 0;

        if (!birth_spawn(birth, error))
                return false;
        if (cgroup_path &&
                (!cgroup_create(cgroup_path, error) ||
                        !cgroup_attach(cgroup_path, process_get_pid(birth->process), error)))
                return false;
        if (!birth_release(birth, error))
                return false;
        answer = birth_read_answer(birth, error);
        if (!answer || !birth_check_answer(answer, &pid, error) ||
                !birth_read_monitor(birth, &result->monitor, error))
                return false;
        /* The init process waits to be started, so it is there. */
        if (!process_identity_read(pid, &result->init))
                return fail(error, ERROR_UNKNOWN, "process %d of the container is gone", (int)pid);
        return true;
}

bool monitor_create(const MonitorRequest *request, MonitorResult *ret_result, GError **error) {
        gint64 seconds = request->runtime->config->container_create_timeout;
        g_auto(Birth) birth = {.request = request, .sync_fd = -1, .start_fd = -1, .err_fd = -1};
        MonitorResult result;

        birth.deadline_usec = clock_deadline_usec(seconds > 0 ? seconds : CREATE_SECONDS);
        birth.pid_path = g_build_filename(request->bundle, "conmon-pidfile", NULL);
        /* One of an earlier try must not be taken for ours. */
        if (unlink(birth.pid_path) < 0 && errno != ENOENT)
                return fail_errno(error, "remove %s", birth.pid_path);
        if (!birth_run(&birth, &result, error)) {
                birth_abort(&birth);
                g_prefix_error(error, "create container %s: ", request->id);
                return false;
        }
        *ret_result = result;
        return true;
}

/* logs */

/* Read events until one is about @name. False when there was none among them. */
static bool drain_events(int fd, const char *name) {
        union {
                struct inotify_event event;
                char bytes[4096];
        } buffer;
        ssize_t count = read(fd, buffer.bytes, sizeof(buffer.bytes));

        for (ssize_t at = 0; at < count;) {
                const struct inotify_event *event =
                        (const struct inotify_event *)(void *)(buffer.bytes + at);

                if (event->len > 0 && strcmp(event->name, name) == 0)
                        return true;
                at += (ssize_t)(sizeof(*event) + event->len);
        }
        return false;
}

bool monitor_reopen_log(
        const char *bundle, const char *log_path, gint64 deadline_usec, GError **error) {
        g_autofree char *ctl = g_build_filename(bundle, "ctl", NULL);
        g_autofree char *folder = g_path_get_dirname(log_path);
        g_autofree char *name = g_path_get_basename(log_path);
        autofd int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        autofd int fd = open(ctl, O_WRONLY | O_NONBLOCK | O_CLOEXEC);

        if (fd < 0)
                return fail_errno(error, "reopen log: open %s", ctl);
        if (watch < 0 || inotify_add_watch(watch, folder, IN_CREATE | IN_MOVED_TO) < 0)
                return fail_errno(error, "reopen log: watch %s", folder);
        if (!fd_write_all(fd, "2 0 0\n", 6))
                return fail_errno(error, "reopen log: write to %s", ctl);
        do
                if (fd_wait(watch, POLLIN, deadline_usec, -1) != 1)
                        return fail(error, ERROR_DEADLINE_EXCEEDED,
                                "reopen log: the monitor did not make %s in time", log_path);
        while (!drain_events(watch, name));
        return true;
}

/* version */

char *monitor_read_version(const char *path, GError **error) {
        const char *const argv[] = {path, "--version", NULL};
        g_auto(GStrv) envp = runtime_make_environment();
        ProcessOptions options = {.argv = argv, .envp = (const char *const *)envp, .cwd = "/"};
        g_auto(ProcessOutput) output = {0};
        g_auto(GStrv) words = NULL;

        if (!process_run(&options, NULL, 65536, clock_deadline_usec(30), &output, error))
                return NULL;
        words = g_strsplit_set(output.out, " \n", 4);
        if (output.status != 0 || g_strv_length(words) < 3 || !g_ascii_isdigit(words[2][0]))
                return fail_null(
                        error, ERROR_UNKNOWN, "monitor %s does not tell its version", path);
        return g_strdup(words[2]);
}
