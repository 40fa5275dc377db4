/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The real plugins, in a network and mount namespace of this program's own: whatever they leave
 * behind ends with it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include <net/if.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/id.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/tree.h"
#include "network/network.h"

#define PLUGIN_DIR "/usr/lib/cni"
#define PODS 20

static const char *lacking; /* why the tests cannot run here */

typedef struct Fixture {
        char *dir;
        char *pins;
        Network *network;
} Fixture;

static void write_file(const char *dir, const char *name, mode_t mode, const char *text) {
        g_autofree char *path = g_build_filename(dir, name, NULL);

        g_assert_true(file_publish(AT_FDCWD, path, text, strlen(text), mode, NULL));
}

/* bridge, then a plugin of ours that fails when the file "fail" is there. */
static void write_config(const Fixture *fixture) {
        g_autofree char *config = g_strdup_printf(
                "{\"cniVersion\": \"1.0.0\", \"name\": \"live\", \"plugins\": ["
                "{\"type\": \"bridge\", \"bridge\": \"br-live\", \"isGateway\": true,"
                " \"ipam\": {\"type\": \"host-local\", \"dataDir\": \"%s/leases\", \"ranges\":"
                " [[{\"subnet\": \"10.213.7.0/24\"}], [{\"subnet\": \"fd00:213::/64\"}]]}},"
                "{\"type\": \"moody\"}]}",
                fixture->dir);
        g_autofree char *script = g_strdup_printf(
                "#!/bin/sh\n"
                "[ $CNI_COMMAND = ADD ] || exit 0\n"
                "if [ -e %s/fail ]; then\n"
                "  echo '{\"code\": 150, \"msg\": \"in no mood\"}'; exit 1\n"
                "fi\n"
                "sed 's/.*\"prevResult\":\\(.*\\)}$/\\1/'\n",
                fixture->dir);

        write_file(fixture->dir, "net.d/10-live.conflist", 0644, config);
        write_file(fixture->dir, "bin/moody", 0755, script);
}

static void setup(Fixture *fixture, const void *data) {
        static const char *const folders[] = { "net.d", "bin", "pins" };
        g_autofree char *config_dir = NULL, *cache_dir = NULL, *bin_dir = NULL;
        const char *plugin_dirs[] = { PLUGIN_DIR, NULL, NULL };

        fixture->dir = g_dir_make_tmp("network-live-XXXXXX", NULL);
        for (unsigned i = 0; i < G_N_ELEMENTS(folders); i++) {
                g_autofree char *path = g_build_filename(fixture->dir, folders[i], NULL);

                g_mkdir(path, 0755);
        }
        write_config(fixture);
        fixture->pins = g_build_filename(fixture->dir, "pins", NULL);
        config_dir = g_build_filename(fixture->dir, "net.d", NULL);
        cache_dir = g_build_filename(fixture->dir, "results", NULL);
        plugin_dirs[1] = bin_dir = g_build_filename(fixture->dir, "bin", NULL);
        fixture->network = network_new(&(NetworkOptions) { .config_dir = config_dir,
                                                           .plugin_dirs = plugin_dirs,
                                                           .cache_dir = cache_dir },
                                       NULL);
        g_assert_nonnull(fixture->network);
}

static void teardown(Fixture *fixture, const void *data) {
        network_free(fixture->network);
        g_assert_true(tree_remove(AT_FDCWD, fixture->dir, NULL));
        g_free(fixture->dir);
        g_free(fixture->pins);
}

static void *pin_here(void *path) {
        g_assert_cmpint(unshare(CLONE_NEWNET), ==, 0);
        g_assert_cmpint(mount("/proc/thread-self/ns/net", path, NULL, MS_BIND, NULL), ==, 0);
        return NULL;
}

static char *pin_new(const Fixture *fixture, const char *id) {
        char *path = g_build_filename(fixture->pins, id, NULL);

        fd_close(open(path, O_CREAT | O_CLOEXEC | O_RDONLY, 0644));
        g_thread_join(g_thread_new("pin", pin_here, path));
        return path;
}

static void pin_remove(const char *path) {
        g_assert_cmpint(umount2(path, MNT_DETACH), ==, 0);
        g_assert_cmpint(unlink(path), ==, 0);
}

/* Somebody at this address refuses the connection, so there is somebody. */
static bool answers(const char *address) {
        struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9) };
        autofd int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        g_assert_cmpint(inet_pton(AF_INET, address, &to.sin_addr), ==, 1);
        return connect(fd, (struct sockaddr *) &to, sizeof(to)) < 0 && errno == ECONNREFUSED;
}

static unsigned count_files(const Fixture *fixture, const char *folder) {
        g_autofree char *path = g_build_filename(fixture->dir, folder, NULL);
        g_autoptr(GPtrArray) names = dir_list(AT_FDCWD, path, NULL);
        unsigned count = 0;

        for (unsigned i = 0; i < names->len; i++)
                if (!strstr(names->pdata[i], "lock") && !strstr(names->pdata[i], "last_reserved"))
                        count++;
        return count;
}

static void assert_nothing_left(const Fixture *fixture) {
        g_assert_cmpuint(count_files(fixture, "leases/live"), ==, 0);
        g_assert_cmpuint(count_files(fixture, "results"), ==, 0);
}

static void test_join_leave(Fixture *fixture, const void *data) {
        g_autofree char *id = id_new(), *pin = pin_new(fixture, id);
        NetworkSandbox sandbox = { .id = id, .netns = pin, .pod_name = "p", .pod_namespace = "d",
                                   .pod_uid = "u" };
        guint64 calls = metric_get(METRIC_CNI_CALLS);
        g_auto(NetworkResult) result = { 0 };
        g_autoptr(GError) error = NULL;

        g_assert_true(network_join(fixture->network, &sandbox, &result, &error));
        g_assert_no_error(error);
        g_assert_cmpuint(metric_get(METRIC_CNI_CALLS) - calls, ==, 2);
        g_assert_cmpuint(g_strv_length(result.ips), ==, 2);
        g_assert_true(g_str_has_prefix(result.ips[0], "10.213.7."));
        g_assert_true(g_str_has_prefix(result.ips[1], "fd00:213::"));
        g_assert_true(answers(result.ips[0]));
        g_assert_cmpuint(count_files(fixture, "leases/live"), ==, 2);

        g_assert_true(network_leave(fixture->network, &sandbox, &error));
        g_assert_cmpuint(metric_get(METRIC_CNI_CALLS) - calls, ==, 4);
        assert_nothing_left(fixture);
        g_assert_true(network_leave(fixture->network, &sandbox, &error));
        pin_remove(pin);
}

/* As after a reboot: the lease has to go although the namespace is no more. */
static void test_leave_without_namespace(Fixture *fixture, const void *data) {
        g_autofree char *id = id_new(), *pin = pin_new(fixture, id);
        NetworkSandbox sandbox = { .id = id, .netns = pin };
        g_auto(NetworkResult) result = { 0 };
        g_autoptr(GError) error = NULL;

        g_assert_true(network_join(fixture->network, &sandbox, &result, &error));
        pin_remove(pin);
        g_assert_true(network_leave(fixture->network, &sandbox, &error));
        g_assert_no_error(error);
        assert_nothing_left(fixture);
}

static void test_failed_add(Fixture *fixture, const void *data) {
        g_autofree char *id = id_new(), *pin = pin_new(fixture, id);
        NetworkSandbox sandbox = { .id = id, .netns = pin };
        g_auto(NetworkResult) result = { 0 };
        g_autoptr(GError) error = NULL;

        write_file(fixture->dir, "fail", 0644, "");
        g_assert_false(network_join(fixture->network, &sandbox, &result, &error));
        g_assert_cmpstr(error->message, ==, "network live: CNI plugin moody, ADD: in no mood");
        assert_nothing_left(fixture);
        g_assert_null(result.ips);
        pin_remove(pin);
}

typedef struct Pod {
        Fixture *fixture;
        char *id, *pin;
        NetworkResult result;
} Pod;

static void *join_pod(void *data) {
        Pod *pod = data;
        NetworkSandbox sandbox = { .id = pod->id, .netns = pod->pin };
        g_autoptr(GError) error = NULL;

        network_join(pod->fixture->network, &sandbox, &pod->result, &error);
        g_assert_no_error(error);
        return NULL;
}

static void *leave_pod(void *data) {
        Pod *pod = data;
        NetworkSandbox sandbox = { .id = pod->id, .netns = pod->pin };
        g_autoptr(GError) error = NULL;

        network_leave(pod->fixture->network, &sandbox, &error);
        g_assert_no_error(error);
        return NULL;
}

static void run_all(Pod *pods, GThreadFunc func) {
        GThread *threads[PODS];

        for (unsigned i = 0; i < PODS; i++)
                threads[i] = g_thread_new("pod", func, &pods[i]);
        for (unsigned i = 0; i < PODS; i++)
                g_thread_join(threads[i]);
}

static void test_parallel(Fixture *fixture, const void *data) {
        g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
        Pod pods[PODS] = { 0 };

        for (unsigned i = 0; i < PODS; i++) {
                pods[i].fixture = fixture;
                pods[i].id = id_new();
                pods[i].pin = pin_new(fixture, pods[i].id);
        }
        run_all(pods, join_pod);
        for (unsigned i = 0; i < PODS; i++) {
                g_assert_true(answers(pods[i].result.ips[0]));
                g_assert_true(g_hash_table_add(seen, pods[i].result.ips[0]));
        }
        run_all(pods, leave_pod);
        assert_nothing_left(fixture);
        for (unsigned i = 0; i < PODS; i++) {
                pin_remove(pods[i].pin);
                network_result_clear(&pods[i].result);
                g_free(pods[i].pin);
                g_free(pods[i].id);
        }
}

/* A daemon that forgot the sandbox releases its address at start. */
static void test_collect(Fixture *fixture, const void *data) {
        g_autoptr(GHashTable) known = g_hash_table_new(g_str_hash, g_str_equal);
        g_autofree char *id = id_new(), *pin = pin_new(fixture, id);
        NetworkSandbox sandbox = { .id = id, .netns = pin };
        g_auto(NetworkResult) result = { 0 };

        g_assert_true(network_join(fixture->network, &sandbox, &result, NULL));
        g_hash_table_add(known, id);
        network_collect(fixture->network, id_is_in_set, known);
        g_assert_true(answers(result.ips[0]));
        g_hash_table_remove_all(known);
        network_collect(fixture->network, id_is_in_set, known);
        assert_nothing_left(fixture);
        pin_remove(pin);
}

/* A namespace of our own for links, and one for mounts. */
static void isolate(void) {
        struct ifreq loopback = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
        autofd int fd = -1;

        if (access(PLUGIN_DIR "/bridge", X_OK) < 0 || access(PLUGIN_DIR "/host-local", X_OK) < 0) {
                lacking = "no CNI plugins in " PLUGIN_DIR;
                return;
        }
        if (unshare(CLONE_NEWNET | CLONE_NEWNS) < 0 ||
            mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
                lacking = "no permission to make namespaces";
                return;
        }
        fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        g_assert_cmpint(ioctl(fd, SIOCSIFFLAGS, &loopback), ==, 0);
}

static void run_test(Fixture *fixture, const void *data) {
        void (*const *test)(Fixture *, const void *) = data;

        if (lacking) {
                g_test_skip(lacking);
                return;
        }
        setup(fixture, NULL);
        (*test)(fixture, NULL);
        teardown(fixture, NULL);
}

int main(int argc, char **argv) {
        static const struct {
                const char *path;
                void (*test)(Fixture *, const void *);
        } tests[] = {
                { "/network-live/join-leave", test_join_leave },
                { "/network-live/leave-without-namespace", test_leave_without_namespace },
                { "/network-live/failed-add", test_failed_add },
                { "/network-live/parallel", test_parallel },
                { "/network-live/collect", test_collect },
        };

        isolate();
        signal(SIGPIPE, SIG_IGN);
        log_set_level(LOG_LEVEL_FATAL);
        g_test_init(&argc, &argv, NULL);
        for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++)
                g_test_add(tests[i].path, Fixture, &tests[i].test, NULL, run_test, NULL);
        return g_test_run();
}
