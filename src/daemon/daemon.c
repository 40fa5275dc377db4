/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/log.h"
#include "daemon/notify.h"
#include "pod/exits.h"
#include "pod/recover.h"
#include "pod/registry.h"
#include "service/service.h"

/* How long running calls may take to notice that the daemon stops. State is on disk all the time,
 * so nothing is lost when they do not. */
#define STOP_USEC           (500 * 1000)
#define RETRY_SECONDS       10
#define PREDECESSOR_SECONDS 5
#define LEFTOVER_SECONDS    3

typedef struct Daemon {
        Config *config;
        PodContext context;
        Service service;
        RpcServer *server;
        GMainLoop *loop;
        int lock_fd;
        int finishing;   /* atomic: a thread works on owed removals */
        int finished_fd; /* readable once what a crash left was gone through */
} Daemon;

/* Things of a process that are set before the first thread and never again. */
static void prepare_process(void) {
        struct rlimit files;
        int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

        umask(022);
        signal(SIGPIPE, SIG_IGN);
        mallopt(M_ARENA_MAX, 2);
        if (null_fd >= 0) {
                dup2(null_fd, STDIN_FILENO);
                fd_close(null_fd);
        }
        if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
                files.rlim_cur = files.rlim_max;
                setrlimit(RLIMIT_NOFILE, &files);
        }
}

/* A predecessor that has answered its last call may still be ending; it left its pid in the file.
 */
static void wait_for_predecessor(int lock_fd) {
        char text[16] = "";
        autofd int pidfd = -1;
        guint64 pid;

        if (pread(lock_fd, text, sizeof(text) - 1, 0) <= 0 ||
                !g_ascii_string_to_unsigned(text, 10, 1, G_MAXINT32, &pid, NULL))
                return;
        pidfd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
        if (pidfd >= 0)
                fd_wait(pidfd, POLLIN, clock_deadline_usec(PREDECESSOR_SECONDS), -1);
}

/* One daemon for one run root: two would undo each other's work. */
static bool take_lock(Daemon *daemon, GError **error) {
        g_autofree char *text = g_strdup_printf("%d", (int)getpid());

        daemon->lock_fd =
                openat(daemon->context.state_dfd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (daemon->lock_fd < 0)
                return fail_errno(error, "open the lock file in %s/crio", daemon->config->runroot);
        if (flock(daemon->lock_fd, LOCK_EX | LOCK_NB) < 0)
                wait_for_predecessor(daemon->lock_fd);
        if (flock(daemon->lock_fd, LOCK_EX | LOCK_NB) < 0)
                return fail(error, ERROR_ALREADY_EXISTS,
                        "another daemon uses runroot %s; stop it, or give this one its own --root "
                        "and --runroot",
                        daemon->config->runroot);
        if (ftruncate(daemon->lock_fd, 0) < 0 || pwrite(daemon->lock_fd, text, strlen(text), 0) < 0)
                return fail_errno(error, "write the lock file in %s/crio", daemon->config->runroot);
        return true;
}

static bool make_folders(Daemon *daemon, GError **error) {
        const Config *config = daemon->config;
        g_autofree char *state = g_build_filename(config->runroot, "crio", NULL);

        if (!dir_make(AT_FDCWD, config->runroot, 0711, error) ||
                !dir_make(AT_FDCWD, state, 0700, error) ||
                !dir_make(AT_FDCWD, config->container_exits_dir, 0755, error) ||
                !dir_make(AT_FDCWD, config->container_attach_socket_dir, 0755, error))
                return false;
        daemon->context.state_dfd = dir_open(AT_FDCWD, state, error);
        return daemon->context.state_dfd >= 0 && take_lock(daemon, error) &&
               dir_make(daemon->context.state_dfd, "sandboxes", 0700, error) &&
               dir_make(daemon->context.state_dfd, "containers", 0700, error);
}

/* Beside our own executable in a build tree, else where it is installed. */
static char *find_worker(void) {
        g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
        g_autofree char *folder = self ? g_path_get_dirname(self) : g_strdup("/usr/bin");
        const char *const places[] = {
                "../libexec/crio/crio-image", "image/crio-image", "crio-image"};

        for (unsigned i = 0; i < G_N_ELEMENTS(places); i++) {
                char *path = g_build_filename(folder, places[i], NULL);

                if (access(path, X_OK) == 0)
                        return path;
                g_free(path);
        }
        return g_build_filename(LIBEXECDIR, "crio-image", NULL);
}

static bool build_network(Daemon *daemon, GError **error) {
        const Config *config = daemon->config;
        NetworkOptions options = {.config_dir = config->network_dir,
                .plugin_dirs = (const char *const *)config->plugin_dirs,
                .default_network = config->cni_default_network,
                .owner = config->runroot};

        daemon->context.network = network_new(&options, error);
        daemon->context.ports =
                daemon->context.network
                        ? port_mapper_new(config->disable_hostport_mapping, config->runroot, error)
                        : NULL;
        return daemon->context.ports != NULL;
}

static bool build(Daemon *daemon, GError **error) {
        PodContext *context = &daemon->context;
        g_autofree char *worker = find_worker();

        context->config = daemon->config;
        context->stop_fd = eventfd(0, EFD_CLOEXEC);
        daemon->finished_fd = eventfd(0, EFD_CLOEXEC);
        if (!rpc_server_probe(daemon->config->listen, error) || !make_folders(daemon, error) ||
                !build_network(daemon, error))
                return false;
        context->runtimes = runtime_table_new(daemon->config, error);
        context->store = context->runtimes
                                 ? store_open(daemon->config->root, daemon->config->runroot, error)
                                 : NULL;
        context->exits = context->store ? exits_new(error) : NULL;
        if (!context->exits)
                return false;
        context->images = images_new(worker, daemon->config, context->store);
        context->registry = registry_new();
        daemon->service.context = context;
        daemon->service.stats = stats_new(context);
        return recover_load(context, error);
}

static bool serve(Daemon *daemon, GError **error) {
        RpcServerOptions options = {.socket_path = daemon->config->listen,
                .methods = service_methods,
                .n_methods = service_method_count,
                .data = &daemon->service,
                .max_receive = (int)daemon->config->grpc_max_recv_msg_size,
                .max_send = (int)daemon->config->grpc_max_send_msg_size};

        daemon->server = rpc_server_start(&options, error);
        return daemon->server != NULL;
}

/* Owed work, on a thread of its own, one at a time */

static gpointer finish_thread(void *data) {
        Daemon *daemon = data;

        recover_finish(&daemon->context);
        g_atomic_int_set(&daemon->finishing, 0);
        return NULL;
}

static gpointer sweep_thread(void *data) {
        Daemon *daemon = data;

        recover_finish(&daemon->context);
        (void)eventfd_write(daemon->finished_fd, 1);
        recover_sweep(&daemon->context);
        g_atomic_int_set(&daemon->finishing, 0);
        return NULL;
}

static void start_finishing(Daemon *daemon, GThreadFunc func) {
        if (g_atomic_int_compare_and_exchange(&daemon->finishing, 0, 1))
                g_thread_unref(g_thread_new("finish", func, daemon));
}

/* What a crash left half-way is finished before the first request, unless it takes long: a plugin
 * that hangs must not keep the node from coming up. */
static void finish_leftovers(Daemon *daemon) {
        bool owed = recover_is_owed(&daemon->context);

        start_finishing(daemon, sweep_thread);
        if (owed && fd_wait(daemon->finished_fd, POLLIN, clock_deadline_usec(LEFTOVER_SECONDS),
                            -1) == 0)
                log_warning("what the last run left is still being cleared; serving meanwhile");
}

static gboolean on_retry(void *data) {
        Daemon *daemon = data;

        if (recover_is_owed(&daemon->context))
                start_finishing(daemon, finish_thread);
        return G_SOURCE_CONTINUE;
}

static gboolean on_stop_signal(void *data) {
        Daemon *daemon = data;

        g_main_loop_quit(daemon->loop);
        return G_SOURCE_CONTINUE;
}

static gboolean on_reload_signal(void *data) {
        log_warning("SIGHUP: reloading the configuration is not built yet; restart the daemon, "
                    "pods go on running");
        return G_SOURCE_CONTINUE;
}

static void log_start(const Daemon *daemon) {
        g_autofree char *without_effect = config_list_without_effect(daemon->config);

        log_info("crio %s serves %s", CRIO_VERSION, daemon->config->listen);
        if (without_effect)
                log_warning("these options are set but have no effect yet: %s", without_effect);
}

static void run(Daemon *daemon) {
        daemon->loop = g_main_loop_new(NULL, FALSE);
        g_unix_signal_add(SIGTERM, on_stop_signal, daemon);
        g_unix_signal_add(SIGINT, on_stop_signal, daemon);
        g_unix_signal_add(SIGHUP, on_reload_signal, daemon);
        g_timeout_add_seconds(RETRY_SECONDS, on_retry, daemon);
        log_start(daemon);
        notify_send("READY=1");
        g_main_loop_run(daemon->loop);
        log_info("stopping; pods go on running");
        notify_send("STOPPING=1");
}

int daemon_run(Config *config) {
        /* Static: threads that did not notice the stop in time may still look at it when the
         * process ends. */
        static Daemon daemon;
        g_autoptr(GError) error = NULL;

        prepare_process();
        daemon.config = config;
        if (build(&daemon, &error))
                finish_leftovers(&daemon);
        if (error || !serve(&daemon, &error)) {
                log_write(LOG_LEVEL_FATAL, "%s", error->message);
                return EXIT_FAILURE;
        }
        run(&daemon);
        (void)eventfd_write(daemon.context.stop_fd, 1);
        rpc_server_stop(daemon.server, clock_monotonic_usec() + STOP_USEC);
        /* What the daemon holds in memory goes with the process; what it holds of the host stays,
         * on record. */
        _exit(EXIT_SUCCESS);
}
