/* SPDX-License-Identifier: Apache-2.0 */
/* Verbs, record and readiness, with plugins of ours that note how they were called. No privileges
 * needed. */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/tree.h"
#include "network/cni-cache.h"
#include "network/cni-exec.h"
#include "network/network.h"

#define ID "5f1e0000000000000000000000000000000000000000000000000000000000aa"
#define NETNS "/proc/self/ns/net"
#define LIST(name, version)                                                                        \
        "{\"cniVersion\":\"" version "\",\"name\":\"" name "\",\"plugins\":[{\"type\":\"one\","    \
        "\"odd\":[1]},{\"type\":\"two\"}]}"

/*
 * A plugin notes its call in "log" and its request in "in.VERB.NAME". It fails with the content of
 * "fail.VERB.NAME" on stdout where there is such a file, and answers an ADD with "result.NAME".
 */
static const char script[] = "#!/bin/sh\n"
                             "cd \"${0%/*}/..\"; me=$CNI_COMMAND.${0##*/}\n"
                             "echo \"$me $CNI_IFNAME [$CNI_NETNS] $CNI_ARGS\" >>log\n"
                             "cat >in.$me\n"
                             "[ ! -e fail.$me ] || { cat fail.$me; echo grumble >&2; exit 3; }\n"
                             "[ $CNI_COMMAND != ADD ] || cat result.${0##*/}\n";

typedef struct Fixture {
        char *dir, *config_dir, *bin_dir, *cache_dir;
        Network *network;
        NetworkSandbox sandbox;
} Fixture;

static void put(const Fixture *fixture, const char *name, const char *text) {
        g_autofree char *path = g_build_filename(fixture->dir, name, NULL);
        mode_t mode = g_str_has_prefix(name, "bin/") ? 0755 : 0644;

        g_assert_true(file_publish(AT_FDCWD, path, text, strlen(text), mode, NULL));
}

static char *get(const Fixture *fixture, const char *name) {
        g_autofree char *path = g_build_filename(fixture->dir, name, NULL);
        char *text = NULL;

        return g_file_get_contents(path, &text, NULL, NULL) ? text : g_strdup("");
}

static void drop(const Fixture *fixture, const char *name) {
        g_autofree char *path = g_build_filename(fixture->dir, name, NULL);

        unlink(path);
}

static bool exists(const Fixture *fixture, const char *name) {
        g_autofree char *path = g_build_filename(fixture->dir, name, NULL);

        return access(path, F_OK) == 0;
}

/* The calls since the last time, as "VERB.NAME VERB.NAME". */
static char *take_calls(const Fixture *fixture) {
        g_autofree char *log = get(fixture, "log");
        g_auto(GStrv) lines = g_strsplit(log, "\n", -1);
        GString *calls = g_string_new(NULL);

        for (unsigned i = 0; lines[i] && *lines[i]; i++)
                g_string_append_printf(calls, "%s%.*s", i ? " " : "",
                                       (int) strcspn(lines[i], " "), lines[i]);
        drop(fixture, "log");
        return g_string_free(calls, FALSE);
}

static void assert_calls(const Fixture *fixture, const char *expected) {
        g_autofree char *calls = take_calls(fixture);

        g_assert_cmpstr(calls, ==, expected);
}

static void assert_reason(const Fixture *fixture, const char *part) {
        g_autofree char *reason = NULL;

        g_assert_false(network_is_ready(fixture->network, &reason));
        g_test_message("%s", reason);
        g_assert_nonnull(strstr(reason, part));
}

static void start(Fixture *fixture, const char *default_network) {
        network_free(fixture->network);
        fixture->network = network_new(
                &(NetworkOptions) { .config_dir = fixture->config_dir,
                                    .plugin_dirs = (const char *const[]) { fixture->bin_dir, NULL },
                                    .default_network = default_network,
                                    .cache_dir = fixture->cache_dir },
                NULL);
        g_assert_nonnull(fixture->network);
}

static void setup(Fixture *fixture, const void *data) {
        fixture->dir = g_dir_make_tmp("network-XXXXXX", NULL);
        fixture->config_dir = g_build_filename(fixture->dir, "net.d", NULL);
        fixture->bin_dir = g_build_filename(fixture->dir, "bin", NULL);
        fixture->cache_dir = g_build_filename(fixture->dir, "results", NULL);
        fixture->sandbox = (NetworkSandbox) { .id = ID, .netns = NETNS, .pod_name = "p",
                                              .pod_namespace = "d", .pod_uid = "u" };
        start(fixture, "");
        put(fixture, "bin/one", script);
        put(fixture, "bin/two", script);
        put(fixture, "result.one", "{\"cniVersion\":\"0.4.0\",\"ips\":[{\"version\":\"4\","
                                   "\"address\":\"10.0.0.1/24\"}]}");
        put(fixture, "result.two", "{\"cniVersion\":\"1.0.0\",\"ips\":[{\"address\":"
                                   "\"10.0.0.2/24\"}]}");
}

static void teardown(Fixture *fixture, const void *data) {
        network_free(fixture->network);
        g_assert_true(tree_remove(AT_FDCWD, fixture->dir, NULL));
        g_free(fixture->dir);
        g_free(fixture->config_dir);
        g_free(fixture->bin_dir);
        g_free(fixture->cache_dir);
}

static bool join(Fixture *fixture, GError **error) {
        g_auto(NetworkResult) result = { 0 };

        return network_join(fixture->network, &fixture->sandbox, &result, error);
}

static void test_verbs(Fixture *fixture, const void *data) {
        g_autofree char *log = NULL, *first = NULL, *second = NULL, *undo = NULL;
        g_auto(NetworkResult) result = { 0 };
        g_autoptr(GError) error = NULL;

        put(fixture, "net.d/10-n.conflist", LIST("n", "1.0.0"));
        network_join(fixture->network, &fixture->sandbox, &result, &error);
        g_assert_no_error(error);
        g_assert_cmpstr(result.ips[0], ==, "10.0.0.2");
        g_assert_null(result.ips[1]);
        g_assert_cmpstr(result.result_json, ==,
                        "{\"cniVersion\":\"1.0.0\",\"ips\":[{\"address\":\"10.0.0.2/24\"}]}");
        log = get(fixture, "log");
        g_assert_true(g_str_has_prefix(
                log, "ADD.one eth0 [" NETNS "] IgnoreUnknown=1;K8S_POD_NAMESPACE=d;"
                     "K8S_POD_NAME=p;K8S_POD_INFRA_CONTAINER_ID=" ID ";K8S_POD_UID=u\n"));
        first = get(fixture, "in.ADD.one");
        second = get(fixture, "in.ADD.two");
        g_assert_cmpstr(first, ==,
                        "{\"type\":\"one\",\"odd\":[1],\"name\":\"n\",\"cniVersion\":\"1.0.0\"}");
        g_assert_cmpstr(second, ==,
                        "{\"type\":\"two\",\"name\":\"n\",\"cniVersion\":\"1.0.0\",\"prevResult\":"
                        "{\"cniVersion\":\"1.0.0\",\"ips\":[{\"address\":\"10.0.0.1/24\"}]}}");

        g_assert_true(network_check(fixture->network, &fixture->sandbox, &error));
        g_assert_true(network_leave(fixture->network, &fixture->sandbox, &error));
        assert_calls(fixture, "ADD.one ADD.two CHECK.one CHECK.two DEL.two DEL.one");
        undo = get(fixture, "in.DEL.one");
        g_assert_nonnull(strstr(undo, "\"prevResult\":{\"cniVersion\":\"1.0.0\",\"ips\":"
                                      "[{\"address\":\"10.0.0.2/24\"}]}"));
        g_assert_false(exists(fixture, "results/n-" ID "-eth0"));
        g_assert_false(network_check(fixture->network, &fixture->sandbox, &error));
        g_assert_error(error, ERROR_DOMAIN, ERROR_FAILED_PRECONDITION);
}

/* An ADD that failed is followed by a DEL; when that fails too it is owed, and tried again. */
static void test_owed(Fixture *fixture, const void *data) {
        g_autoptr(GError) error = NULL, stuck = NULL;

        put(fixture, "net.d/10-n.conflist", LIST("n", "1.0.0"));
        put(fixture, "fail.ADD.two", "{\"code\":11,\"msg\":\"later\",\"details\":\"much\"}");
        g_assert_false(join(fixture, &error));
        g_assert_error(error, ERROR_DOMAIN, ERROR_UNAVAILABLE);
        g_assert_cmpstr(error->message, ==, "network n: CNI plugin two, ADD: later; much");
        assert_calls(fixture, "ADD.one ADD.two DEL.two DEL.one");
        g_assert_false(exists(fixture, "results/n-" ID "-eth0"));

        put(fixture, "fail.DEL.two", "");
        g_assert_false(join(fixture, NULL));
        assert_calls(fixture, "ADD.one ADD.two DEL.two DEL.one");
        g_assert_true(exists(fixture, "results/n-" ID "-eth0"));
        g_assert_false(network_leave(fixture->network, &fixture->sandbox, &stuck));
        g_assert_cmpstr(stuck->message, ==,
                        "network n: CNI plugin two, DEL: exit status 3: grumble");
        assert_calls(fixture, "DEL.two DEL.one");
        drop(fixture, "fail.DEL.two");
        g_assert_true(network_leave(fixture->network, &fixture->sandbox, NULL));
        g_assert_false(exists(fixture, "results/n-" ID "-eth0"));
}

/* The configuration that made the attachment takes it down, whatever is there now. */
static void test_cached_config(Fixture *fixture, const void *data) {
        g_autofree char *line = NULL;

        put(fixture, "net.d/10-n.conflist", LIST("n", "1.0.0"));
        g_assert_true(join(fixture, NULL));
        drop(fixture, "net.d/10-n.conflist");
        put(fixture, "net.d/20-m.conf",
            "{\"cniVersion\":\"1.0.0\",\"name\":\"m\",\"type\":\"one\"}");
        g_assert_true(network_is_ready(fixture->network, NULL));
        drop(fixture, "log");

        /* A missing program is an error, and the debt stays. */
        drop(fixture, "bin/two");
        g_assert_false(network_leave(fixture->network, &fixture->sandbox, NULL));
        g_assert_true(exists(fixture, "results/n-" ID "-eth0"));
        put(fixture, "bin/two", script);
        drop(fixture, "log");

        fixture->sandbox.netns = "/nowhere";
        g_assert_true(network_leave(fixture->network, &fixture->sandbox, NULL));
        line = get(fixture, "log");
        g_assert_true(g_str_has_prefix(line, "DEL.two eth0 [] IgnoreUnknown=1;"));
        assert_calls(fixture, "DEL.two DEL.one");
        g_assert_false(exists(fixture, "results/n-" ID "-eth0"));
}

static void test_nothing_cached(Fixture *fixture, const void *data) {
        g_assert_true(network_leave(fixture->network, &fixture->sandbox, NULL));
        assert_calls(fixture, "");
        put(fixture, "net.d/10-n.conflist", LIST("n", "1.0.0"));
        g_assert_true(network_leave(fixture->network, &fixture->sandbox, NULL));
        assert_calls(fixture, "DEL.two DEL.one");

        /* A broken entry goes, and the DEL is made without it. */
        g_mkdir(fixture->cache_dir, 0700);
        put(fixture, "results/n-" ID "-eth0", "{\"kind\":");
        g_assert_true(network_leave(fixture->network, &fixture->sandbox, NULL));
        assert_calls(fixture, "DEL.two DEL.one");
        g_assert_false(exists(fixture, "results/n-" ID "-eth0"));
}

/* What older libraries cached: the bare result. */
static void test_old_entry(Fixture *fixture, const void *data) {
        g_autofree char *request = NULL;

        put(fixture, "net.d/10-n.conflist", LIST("n", "0.4.0"));
        g_mkdir(fixture->cache_dir, 0700);
        put(fixture, "results/n-" ID "-eth0",
            "{\"cniVersion\":\"0.4.0\",\"ips\":[{\"version\":\"4\",\"address\":\"10.0.0.7/24\"}]}");
        g_assert_true(network_leave(fixture->network, &fixture->sandbox, NULL));
        request = get(fixture, "in.DEL.two");
        g_assert_nonnull(strstr(request, "10.0.0.7/24"));
        g_assert_false(exists(fixture, "results/n-" ID "-eth0"));
}

static void test_hostile_plugin(Fixture *fixture, const void *data) {
        static const char *const results[] = { "", "nonsense", "[]",
                                               "{\"ips\":[{\"address\":\"host\"}]}" };
        g_autoptr(GError) error = NULL;

        put(fixture, "net.d/10-n.conflist", LIST("n", "1.0.0"));
        for (unsigned i = 0; i < G_N_ELEMENTS(results); i++) {
                put(fixture, "result.two", results[i]);
                g_assert_false(join(fixture, NULL));
                assert_calls(fixture, "ADD.one ADD.two DEL.two DEL.one");
        }
        put(fixture, "bin/one", "#!/bin/sh\nexec cat /dev/zero\n");
        g_assert_false(join(fixture, &error));
        g_assert_error(error, ERROR_DOMAIN, ERROR_RESOURCE_EXHAUSTED);
        g_clear_error(&error);
        fixture->sandbox.pod_name = "p;IP=10.0.0.9";
        g_assert_false(join(fixture, &error));
        g_assert_error(error, ERROR_DOMAIN, ERROR_INVALID_ARGUMENT);
        g_clear_error(&error);
        fixture->sandbox.pod_name = "p";
        fixture->sandbox.id = "../../x";
        g_assert_false(join(fixture, &error));
        g_assert_error(error, ERROR_DOMAIN, ERROR_INVALID_ARGUMENT);
}

static void test_deadline(Fixture *fixture, const void *data) {
        CniCall call = { .command = "ADD",
                         .plugin_dirs = (const char *const[]) { fixture->bin_dir, NULL },
                         .deadline_usec = clock_monotonic_usec() + 50000 };
        g_autoptr(GError) error = NULL;

        put(fixture, "bin/one", "#!/bin/sh\nsleep 1000 & wait\n");
        g_assert_false(cni_exec(&call, "one", "{}", NULL, &error));
        g_assert_error(error, ERROR_DOMAIN, ERROR_DEADLINE_EXCEEDED);
}

static void *close_later(void *data) {
        guint64 calls = metric_get(METRIC_CNI_CALLS);

        while (metric_get(METRIC_CNI_CALLS) == calls)
                fd_wait(-1, 0, clock_monotonic_usec() + 1000, -1);
        fd_wait(-1, 0, clock_monotonic_usec() + 100000, -1);
        fd_close(GPOINTER_TO_INT(data));
        return NULL;
}

/* A plugin that is just being written is run again until it is whole. */
static void test_busy(Fixture *fixture, const void *data) {
        CniCall call = { .command = "DEL",
                         .plugin_dirs = (const char *const[]) { fixture->bin_dir, NULL },
                         .deadline_usec = clock_deadline_usec(60) };
        g_autofree char *path = g_build_filename(fixture->bin_dir, "one", NULL);
        g_autoptr(GError) error = NULL;
        int fd = open(path, O_WRONLY | O_CLOEXEC);
        GThread *writer = g_thread_new("writer", close_later, GINT_TO_POINTER(fd));

        cni_exec(&call, "one", "{}", NULL, &error);
        g_thread_join(writer);
        g_assert_no_error(error);
        assert_calls(fixture, "DEL.one");
}

static void test_choice(Fixture *fixture, const void *data) {
        assert_reason(fixture, "No CNI configuration file in ");
        assert_reason(fixture, "net.d. Has your network provider started?");

        /* Without a look from the main loop: each question looks for itself. */
        put(fixture, "net.d/00-lo.conf", "{\"cniVersion\":\"1.0.0\",\"type\":\"loopback\"}");
        put(fixture, "net.d/01-other.conflist.mk_disabled", LIST("x", "1.0.0"));
        assert_reason(fixture, "started?");
        put(fixture, "net.d/05-bad.conf", "{\"type\":\"../one\"}");
        assert_reason(fixture, "net.d/05-bad.conf: a plugin has the type \"../one\"");
        put(fixture, "net.d/06-later.conf", "{\"name\":\"later\",\"type\":\"three\"}");
        put(fixture, "net.d/10-n.conflist", LIST("n", "1.0.0"));
        put(fixture, "net.d/20-n.conf", "{\"name\":\"n\",\"type\":\"one\"}");
        put(fixture, "net.d/30-m.json", "{\"name\":\"m\",\"type\":\"one\"}");
        g_assert_true(join(fixture, NULL));
        assert_calls(fixture, "ADD.one ADD.two");
        g_assert_true(exists(fixture, "results/n-" ID "-eth0"));

        /* The program of the first network is installed. */
        put(fixture, "bin/three", script);
        g_assert_true(network_is_ready(fixture->network, NULL));
        g_assert_true(network_leave(fixture->network, &fixture->sandbox, NULL));
        put(fixture, "result.three", "{\"ip4\":{\"ip\":\"10.0.0.3/24\"}}");
        drop(fixture, "log");
        g_assert_true(join(fixture, NULL));
        assert_calls(fixture, "ADD.three");
        g_assert_true(network_leave(fixture->network, &fixture->sandbox, NULL));

        start(fixture, "m");
        drop(fixture, "log");
        put(fixture, "result.one", "{\"ip4\":{\"ip\":\"10.0.0.3/24\"}}");
        g_assert_true(join(fixture, NULL));
        assert_calls(fixture, "ADD.one");
        start(fixture, "nosuch");
        assert_reason(fixture, "No CNI configuration file for network nosuch in ");
}

typedef struct Waiter {
        Network *network;
        GMainLoop *loop;
        gint64 deadline_usec;
        int cancel_fd;
        GError *error;
        bool ready;
        gint waiting;
} Waiter;

static gboolean end_loop(void *loop) {
        g_main_loop_quit(loop);
        return G_SOURCE_REMOVE;
}

static void *wait_ready(void *data) {
        Waiter *waiter = data;

        g_atomic_int_set(&waiter->waiting, 1);
        waiter->ready = network_wait_ready(waiter->network, waiter->deadline_usec,
                                           waiter->cancel_fd, &waiter->error);
        g_idle_add(end_loop, waiter->loop);
        return NULL;
}

/* Wait on a thread while @change (may be NULL) is made under the running main loop. */
static void wait_for(Fixture *fixture, Waiter *waiter, GSourceFunc change) {
        GThread *thread;

        waiter->network = fixture->network;
        waiter->loop = g_main_loop_new(NULL, FALSE);
        thread = g_thread_new("waiter", wait_ready, waiter);
        while (!g_atomic_int_get(&waiter->waiting))
                g_thread_yield();
        if (change)
                g_timeout_add(20, change, fixture);
        g_main_loop_run(waiter->loop);
        g_thread_join(thread);
        g_main_loop_unref(waiter->loop);
}

static gboolean write_config(void *data) {
        put(data, "net.d/10-n.conflist", LIST("n", "1.0.0"));
        return G_SOURCE_REMOVE;
}

static void test_wait(Fixture *fixture, const void *data) {
        Waiter good = { .cancel_fd = -1 };
        Waiter late = { .cancel_fd = -1 }, cancelled = { .cancel_fd = -1 };
        int ends[2];

        late.deadline_usec = clock_monotonic_usec() + 20000;
        wait_for(fixture, &late, NULL);
        g_assert_error(late.error, ERROR_DOMAIN, ERROR_DEADLINE_EXCEEDED);
        g_assert_nonnull(strstr(late.error->message, "No CNI configuration file in "));

        g_assert_true(fd_pipe(ends, NULL));
        fd_close(ends[1]);
        cancelled.cancel_fd = ends[0];
        wait_for(fixture, &cancelled, NULL);
        g_assert_error(cancelled.error, ERROR_DOMAIN, ERROR_CANCELLED);
        fd_close(ends[0]);

        wait_for(fixture, &good, write_config);
        g_assert_true(good.ready);
        g_clear_error(&late.error);
        g_clear_error(&cancelled.error);
}

static gboolean remake_directory(void *data) {
        Fixture *fixture = data;

        g_mkdir(fixture->config_dir, 0755);
        g_timeout_add(20, write_config, data);
        return G_SOURCE_REMOVE;
}

static gboolean remove_directory(void *data) {
        Fixture *fixture = data;

        g_assert_true(tree_remove(AT_FDCWD, fixture->config_dir, NULL));
        g_timeout_add(20, remake_directory, data);
        return G_SOURCE_REMOVE;
}

/* The whole directory is replaced while somebody waits. */
static void test_wait_directory(Fixture *fixture, const void *data) {
        Waiter waiter = { .cancel_fd = -1 };

        wait_for(fixture, &waiter, remove_directory);
        g_assert_true(waiter.ready);
}

static gboolean install_plugin(void *data) {
        put(data, "bin/two", script);
        return G_SOURCE_REMOVE;
}

static void test_wait_plugin(Fixture *fixture, const void *data) {
        Waiter waiter = { .cancel_fd = -1 };

        drop(fixture, "bin/two");
        put(fixture, "net.d/10-n.conflist", LIST("n", "1.0.0"));
        assert_reason(fixture, "CNI plugin two is not installed in ");
        wait_for(fixture, &waiter, install_plugin);
        g_assert_true(waiter.ready);
}

static gboolean mend_status(void *data) {
        drop(data, "fail.STATUS.two");
        return G_SOURCE_REMOVE;
}

/* A list of 1.1.0 is asked; a pod that is to be joined meanwhile is refused with the plugin's
 * words. */
static void test_status(Fixture *fixture, const void *data) {
        Waiter bad = { .cancel_fd = -1 }, good = { .cancel_fd = -1 };
        g_autoptr(GError) error = NULL;

        put(fixture, "fail.STATUS.two", "{\"code\":50,\"msg\":\"no uplink\"}");
        put(fixture, "net.d/10-n.conflist", LIST("n", "1.1.0"));
        bad.deadline_usec = clock_monotonic_usec() + 300000;
        wait_for(fixture, &bad, NULL);
        g_assert_error(bad.error, ERROR_DOMAIN, ERROR_DEADLINE_EXCEEDED);
        g_clear_error(&bad.error);
        g_assert_false(join(fixture, &error));
        g_assert_error(error, ERROR_DOMAIN, ERROR_UNAVAILABLE);

        wait_for(fixture, &good, mend_status);
        g_assert_true(good.ready);
        drop(fixture, "log");
        /* Touching the file changes nothing, and nobody is asked again. */
        put(fixture, "net.d/10-n.conflist", LIST("n", "1.1.0"));
        g_assert_true(network_is_ready(fixture->network, NULL));
        assert_calls(fixture, "");
}

static void store(const Fixture *fixture, const char *id, const char *owner) {
        CniEntry entry = { .network = (char *) "n", .container_id = (char *) id,
                           .ifname = (char *) "eth0", .netns = (char *) "/nowhere",
                           .config = (char *) LIST("n", "1.1.0"), .owner = (char *) owner };

        g_assert_true(cni_cache_store(fixture->cache_dir, &entry, NULL));
}

/* Only what is ours and forgotten goes; all the rest is named as valid. */
static void test_collect(Fixture *fixture, const void *data) {
        g_autoptr(GHashTable) known = g_hash_table_new(g_str_hash, g_str_equal);
        g_autofree char *request = NULL;
        Waiter waiter = { .cancel_fd = -1 };
        Json *valid;
        g_autoptr(Json) json = NULL;

        put(fixture, "net.d/10-n.conflist", LIST("n", "1.1.0"));
        store(fixture, "known", "crio");
        store(fixture, "forgotten", "crio");
        store(fixture, "podmans", NULL);
        store(fixture, "neighbours", "/run/other");
        put(fixture, "results/garbage", "x");
        g_hash_table_add(known, (char *) "known");
        wait_for(fixture, &waiter, NULL);
        drop(fixture, "log");

        network_collect(fixture->network, id_is_in_set, known);
        assert_calls(fixture, "DEL.two DEL.one GC.one GC.two");
        g_assert_false(exists(fixture, "results/n-forgotten-eth0"));
        g_assert_true(exists(fixture, "results/n-known-eth0"));
        g_assert_true(exists(fixture, "results/n-podmans-eth0"));
        g_assert_true(exists(fixture, "results/n-neighbours-eth0"));
        request = get(fixture, "in.GC.two");
        json = json_parse(request, strlen(request), "request", NULL);
        valid = json_edit(json, "cni.dev/valid-attachments");
        g_assert_cmpuint(json_length(valid), ==, 3);
        g_assert_nonnull(strstr(request, "{\"containerID\":\"podmans\",\"ifname\":\"eth0\"}"));
        g_assert_null(strstr(request, "forgotten"));

        /* One that cannot be released stays owed. */
        store(fixture, "forgotten", "crio");
        put(fixture, "fail.DEL.one", "");
        network_collect(fixture->network, id_is_in_set, known);
        g_assert_true(exists(fixture, "results/n-forgotten-eth0"));
}

static void add(const char *path, void (*test)(Fixture *, const void *)) {
        g_test_add(path, Fixture, NULL, setup, test, teardown);
}

int main(int argc, char **argv) {
        signal(SIGPIPE, SIG_IGN);
        log_set_level(LOG_LEVEL_FATAL);
        g_test_init(&argc, &argv, NULL);
        add("/network/verbs", test_verbs);
        add("/network/owed", test_owed);
        add("/network/cached-config", test_cached_config);
        add("/network/nothing-cached", test_nothing_cached);
        add("/network/old-entry", test_old_entry);
        add("/network/hostile-plugin", test_hostile_plugin);
        add("/network/deadline", test_deadline);
        add("/network/busy", test_busy);
        add("/network/choice", test_choice);
        add("/network/wait", test_wait);
        add("/network/wait-directory", test_wait_directory);
        add("/network/wait-plugin", test_wait_plugin);
        add("/network/status", test_status);
        add("/network/collect", test_collect);
        return g_test_run();
}
