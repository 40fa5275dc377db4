/* SPDX-License-Identifier: Apache-2.0 */
#include "network/network-private.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/log.h"
#include "network/cni-list.h"

#define WATCH_MASK                                                                                 \
        (IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB |        \
         IN_DELETE_SELF | IN_MOVE_SELF)
#define STATUS_SECONDS 30
#define STATUS_PAUSE_USEC (USEC_PER_SEC / 2)

/* What one look at the directories found. */
typedef struct Scan {
        char *signature;
        GPtrArray *configs;
        CniConfig *chosen;
        char *reason;
} Scan;

static void scan_clear(Scan *scan) {
        g_clear_pointer(&scan->signature, g_free);
        g_clear_pointer(&scan->configs, g_ptr_array_unref);
        g_clear_pointer(&scan->chosen, cni_config_unref);
        g_clear_pointer(&scan->reason, g_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Scan, scan_clear)

static void sign_path(GString *signature, const char *path) {
        struct stat status = { 0 };

        if (stat(path, &status) == 0)
                g_string_append_printf(signature, "%s:%lx:%lx:%lx:%ld.%ld:%ld.%ld\n", path,
                                       (long) status.st_dev, (long) status.st_ino,
                                       (long) status.st_size, (long) status.st_mtim.tv_sec,
                                       (long) status.st_mtim.tv_nsec, (long) status.st_ctim.tv_sec,
                                       (long) status.st_ctim.tv_nsec);
}

/* A text that differs when a file or directory that matters was changed: a handful of stat()
 * calls. */
static char *sign(const Network *network) {
        GString *signature = g_string_new(NULL);
        g_autoptr(GPtrArray) names = dir_list(AT_FDCWD, network->config_dir, NULL);

        sign_path(signature, network->config_dir);
        for (unsigned i = 0; network->plugin_dirs[i]; i++)
                sign_path(signature, network->plugin_dirs[i]);
        for (unsigned i = 0; names && i < names->len; i++) {
                const char *name = names->pdata[i];
                g_autofree char *path = g_build_filename(network->config_dir, name, NULL);

                sign_path(signature, path);
        }
        return g_string_free(signature, FALSE);
}

static bool has_plugins(const Network *network, const CniConfig *config, GError **error) {
        for (size_t i = 0; i < cni_config_length(config); i++) {
                g_autofree char *path = cni_plugin_find((const char *const *) network->plugin_dirs,
                                                        cni_config_type(config, i), error);

                if (!path) {
                        g_prefix_error(error, "%s: ", config->path);
                        return false;
                }
        }
        return true;
}

/* Take the file if it can be used; the first one that cannot be is remembered in @ret_problem.
 * Where two files have the same network, the earlier one is found first. */
static void scan_file(const Network *network, Scan *scan, const char *path, char **ret_problem) {
        g_autoptr(GError) failure = NULL;
        g_autoptr(CniConfig) config = cni_config_load(path, &failure);

        if (config && cni_config_is_loopback(config))
                return;
        if (config && has_plugins(network, config, &failure)) {
                g_ptr_array_add(scan->configs, g_steal_pointer(&config));
                return;
        }
        log_warning("ignoring CNI configuration %s", failure->message);
        if (!*ret_problem)
                *ret_problem = g_strdup(failure->message);
}

static void choose(const Network *network, Scan *scan, const char *problem) {
        const char *wanted = network->default_network;

        for (unsigned i = 0; i < scan->configs->len && !scan->chosen; i++) {
                CniConfig *config = scan->configs->pdata[i];

                if (!*wanted || g_str_equal(config->name, wanted))
                        scan->chosen = cni_config_ref(config);
        }
        if (scan->chosen)
                return;
        scan->reason = g_strdup_printf(
                "No CNI configuration file%s%s in %s. Has your network provider started?%s%s%s",
                *wanted ? " for network " : "", wanted, network->config_dir, problem ? " (" : "",
                problem ? problem : "", problem ? ")" : "");
}

static void scan_run(const Network *network, Scan *scan) {
        g_autoptr(GError) failure = NULL;
        g_autoptr(GPtrArray) paths = cni_config_files(network->config_dir, &failure);
        g_autofree char *problem = paths ? NULL : g_strdup(failure->message);

        scan->configs = g_ptr_array_new_with_free_func((GDestroyNotify) cni_config_unref);
        for (unsigned i = 0; paths && i < paths->len; i++)
                scan_file(network, scan, paths->pdata[i], &problem);
        choose(network, scan, problem);
}

static void wake(Network *network) {
        for (GSList *waiter = network->waiters; waiter; waiter = waiter->next)
                eventfd_write(GPOINTER_TO_INT(waiter->data), 1);
}

/* Lock held. A list that was only touched stays the same object, and keeps its STATUS. */
static void install(Network *network, Scan *scan) {
        bool same = network->current && scan->chosen &&
                    g_str_equal(network->current->text, scan->chosen->text);

        if (!same) {
                g_clear_pointer(&network->current, cni_config_unref);
                network->current = g_steal_pointer(&scan->chosen);
        }
        g_free(network->reason);
        network->reason = g_steal_pointer(&scan->reason);
        g_clear_pointer(&network->configs, g_ptr_array_unref);
        network->configs = g_steal_pointer(&scan->configs);
        g_free(network->signature);
        network->signature = g_steal_pointer(&scan->signature);
        if (!network->current)
                network->status_good = false;
        wake(network);
}

/* Read the directories again when they changed. No lock is held while files are read. */
static void refresh(Network *network) {
        g_auto(Scan) scan = { 0 };
        g_autofree char *news = NULL;

        /* Signed first: a change during the scan shows up at the next look. */
        scan.signature = sign(network);
        {
                lock_guard(&network->lock);
                if (network->signature && g_str_equal(network->signature, scan.signature))
                        return;
        }
        scan_run(network, &scan);
        news = scan.chosen ? g_strdup_printf("the default is %s from %s", scan.chosen->name,
                                             scan.chosen->path)
                           : g_strdup(scan.reason);
        log_info("CNI configuration read: %s", news);
        lock_guard(&network->lock);
        install(network, &scan);
}

/* Whether the thread has to ask, and what. Lock held. */
static CniConfig *next_question(Network *network) {
        if (!network->current || !cni_list_has_status(network->current))
                return NULL;
        if (network->asked == network->current && network->status_good)
                return NULL;
        return cni_config_ref(network->current);
}

static void note_answer(Network *network, CniConfig *config, const GError *failure) {
        lock_guard(&network->lock);

        g_clear_pointer(&network->asked, cni_config_unref);
        network->asked = cni_config_ref(config);
        network->status_good = !failure;
        g_free(network->status_reason);
        network->status_reason = failure ? g_strdup(failure->message) : NULL;
        wake(network);
}

static CniConfig *take_question(Network *network) {
        CniConfig *config;

        lock_guard(&network->lock);
        config = next_question(network);
        if (!config)
                network->asking = false;
        return config;
}

/* Ask for the STATUS until it is good. Plugins have no way to tell when it changed. */
static void *ask(void *data) {
        Network *network = data;
        CniConfig *config;

        while ((config = take_question(network))) {
                CniCall call = { .plugin_dirs = (const char *const *) network->plugin_dirs,
                                 .deadline_usec = clock_deadline_usec(STATUS_SECONDS) };
                g_autoptr(GError) failure = NULL;
                bool stopped;

                cni_list_status(config, &call, &failure);
                note_answer(network, config, failure);
                cni_config_unref(config);
                stopped = fd_wait(network->stop_fd, POLLIN,
                                  failure ? clock_monotonic_usec() + STATUS_PAUSE_USEC
                                          : clock_monotonic_usec(),
                                  -1) == 1;
                if (stopped)
                        break;
        }
        return NULL;
}

/* Lock held. */
static void start_asking(Network *network) {
        CniConfig *config = network->asking ? NULL : next_question(network);

        if (!config)
                return;
        cni_config_unref(config);
        /* The former thread has seen that there is nothing to ask and only has to return. */
        if (network->thread_made)
                pthread_join(network->thread, NULL);
        network->asking = pthread_create(&network->thread, NULL, ask, network) == 0;
        network->thread_made = network->asking;
        if (!network->asking)
                log_error("CNI network %s: no thread to ask for its STATUS",
                          network->current->name);
}

/* Lock held. While a changed list has not been asked, the answer of the one before it counts. */
static bool is_usable(Network *network) {
        return network->current &&
               (!cni_list_has_status(network->current) || network->status_good);
}

/* Lock held. */
static char *explain(const Network *network) {
        if (!network->current)
                return g_strdup(network->reason);
        if (network->status_reason)
                return g_strdup_printf("CNI %s", network->status_reason);
        return g_strdup_printf("CNI network %s: waiting for its STATUS", network->current->name);
}

CniConfig *network_find_current(Network *network, char **ret_reason) {
        refresh(network);
        lock_guard(&network->lock);
        start_asking(network);
        if (is_usable(network)) {
                if (!cni_list_has_status(network->current))
                        network->status_good = true;
                return cni_config_ref(network->current);
        }
        if (ret_reason)
                *ret_reason = explain(network);
        return NULL;
}

CniConfig *network_find_default(Network *network) {
        refresh(network);
        lock_guard(&network->lock);
        return network->current ? cni_config_ref(network->current) : NULL;
}

CniConfig *network_find_named(Network *network, const char *name) {
        refresh(network);
        lock_guard(&network->lock);
        for (unsigned i = 0; i < network->configs->len; i++) {
                CniConfig *config = network->configs->pdata[i];

                if (g_str_equal(config->name, name))
                        return cni_config_ref(config);
        }
        return NULL;
}

bool network_is_ready(Network *network, char **ret_reason) {
        g_autoptr(CniConfig) config = network_find_current(network, ret_reason);

        return config != NULL;
}

static bool wait_woken(Network *network, int wake_fd, gint64 deadline_usec, int cancel_fd,
                       GError **error) {
        g_autofree char *reason = NULL;
        eventfd_t count;
        int ready;

        while (!network_is_ready(network, &reason)) {
                ready = fd_wait(wake_fd, POLLIN, deadline_usec, cancel_fd);
                if (ready == 0)
                        return fail(error, ERROR_DEADLINE_EXCEEDED, "%s", reason);
                if (ready < 0)
                        return fail(error, ERROR_CANCELLED, "gave up waiting for the network: %s",
                                    reason);
                eventfd_read(wake_fd, &count);
                g_clear_pointer(&reason, g_free);
        }
        return true;
}

bool network_wait_ready(Network *network, gint64 deadline_usec, int cancel_fd, GError **error) {
        autofd int wake_fd = -1;
        bool ready;

        if (network_is_ready(network, NULL))
                return true;
        wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (wake_fd < 0)
                return fail_errno(error, "wait for the network");
        {
                lock_guard(&network->lock);
                network->waiters = g_slist_prepend(network->waiters, GINT_TO_POINTER(wake_fd));
        }
        ready = wait_woken(network, wake_fd, deadline_usec, cancel_fd, error);
        lock_guard(&network->lock);
        network->waiters = g_slist_remove(network->waiters, GINT_TO_POINTER(wake_fd));
        return ready;
}

static void watch_all(Network *network);

/* Not from inside a watch's own callback, which still uses it. */
static gboolean on_rewatch(void *data) {
        Network *network = data;

        network->rewatch = 0;
        g_ptr_array_set_size(network->watches, 0);
        watch_all(network);
        return G_SOURCE_REMOVE;
}

static void on_change(const char *name, guint32 mask, void *data) {
        Network *network = data;

        if ((!name || (mask & IN_ISDIR)) && network->rewatch == 0)
                network->rewatch = g_idle_add(on_rewatch, network);
        lock_guard(&network->lock);
        g_clear_pointer(&network->signature, g_free);
        wake(network);
}

/* A directory that is missing is awaited in the nearest one above it. */
static void watch_one(Network *network, const char *path) {
        g_autofree char *dir = g_strdup(path);
        g_autoptr(GError) failure = NULL;
        Watch *watch;

        while (!g_file_test(dir, G_FILE_TEST_IS_DIR) && !g_str_equal(dir, "/") &&
               !g_str_equal(dir, ".")) {
                char *parent = g_path_get_dirname(dir);

                g_free(dir);
                dir = parent;
        }
        watch = watch_new(dir, WATCH_MASK, on_change, network, &failure);
        if (watch)
                g_ptr_array_add(network->watches, watch);
        else
                log_warning("ignoring changes in %s until somebody asks: %s", path,
                            failure->message);
}

static void watch_all(Network *network) {
        watch_one(network, network->config_dir);
        for (unsigned i = 0; network->plugin_dirs[i]; i++)
                watch_one(network, network->plugin_dirs[i]);
        lock_guard(&network->lock);
        g_clear_pointer(&network->signature, g_free);
        wake(network);
}

void network_ready_init(Network *network) {
        network->watches = g_ptr_array_new_with_free_func((GDestroyNotify) watch_free);
        watch_all(network);
        refresh(network);
        lock_guard(&network->lock);
        start_asking(network);
}

void network_ready_clear(Network *network) {
        if (network->rewatch)
                g_source_remove(network->rewatch);
        g_clear_pointer(&network->watches, g_ptr_array_unref);
        eventfd_write(network->stop_fd, 1);
        if (network->thread_made)
                pthread_join(network->thread, NULL);
        g_clear_pointer(&network->configs, g_ptr_array_unref);
        g_clear_pointer(&network->current, cni_config_unref);
        g_clear_pointer(&network->asked, cni_config_unref);
        g_free(network->signature);
        g_free(network->reason);
        g_free(network->status_reason);
}
