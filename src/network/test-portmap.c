/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host ports, with both backends, in a network namespace of this program's own that plays the
 * host. Two more play a pod and somebody outside. All three end with the program.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/id.h"
#include "base/log.h"
#include "base/process.h"
#include "network/portmap-private.h"

#define POD "10.214.0.2"
#define HOST_TO_POD "10.214.0.1"
#define OUTSIDE "10.215.0.2"
#define HOST_TO_OUTSIDE "10.215.0.1"
#define POD_V6 "fd00:214::2"
#define HOST_V6 "fd00:214::1"
#define LOCALNET "/proc/sys/net/ipv4/conf/to-pod/route_localnet"
#define WAIT_SECONDS 20 /* only a failing test waits that long */

static const char *lacking; /* why the tests cannot run here */

static char *run(const char *command) {
        const char *const argv[] = { "/bin/sh", "-c", command, NULL };
        g_auto(ProcessOutput) output = { 0 };

        g_assert_true(process_run(&(ProcessOptions) { .argv = argv }, NULL, 1 << 24,
                                  clock_deadline_usec(60), &output, NULL));
        if (output.status != 0)
                g_error("%s: %s", command, output.err);
        return g_steal_pointer(&output.out);
}

/* A socket in the namespace "pod", "outside", or, NULL, on the host. */
typedef struct Maker {
        const char *where;
        int family, type;
        int fd;
} Maker;

static void *make_socket(void *data) {
        Maker *maker = data;
        g_autofree char *path = g_strdup_printf("/run/netns/%s", maker->where);
        autofd int ns = maker->where ? open(path, O_RDONLY | O_CLOEXEC) : -1;

        if (maker->where)
                g_assert_cmpint(setns(ns, CLONE_NEWNET), ==, 0);
        maker->fd = socket(maker->family, maker->type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        return NULL;
}

typedef struct Address {
        union {
                struct sockaddr any;
                struct sockaddr_in v4;
                struct sockaddr_in6 v6;
        };
        socklen_t length;
} Address;

static Address address_of(const char *ip, guint16 port) {
        Address address = { 0 };

        if (strchr(ip, ':')) {
                address.v6.sin6_family = AF_INET6;
                address.v6.sin6_port = htons(port);
                address.length = sizeof(address.v6);
                g_assert_cmpint(inet_pton(AF_INET6, ip, &address.v6.sin6_addr), ==, 1);
        } else {
                address.v4.sin_family = AF_INET;
                address.v4.sin_port = htons(port);
                address.length = sizeof(address.v4);
                g_assert_cmpint(inet_pton(AF_INET, ip, &address.v4.sin_addr), ==, 1);
        }
        return address;
}

static int socket_in(const char *where, const char *ip, int type) {
        Maker maker = { .where = where, .family = strchr(ip, ':') ? AF_INET6 : AF_INET,
                        .type = type };

        g_thread_join(g_thread_new("maker", make_socket, &maker));
        g_assert_cmpint(maker.fd, >=, 0);
        return maker.fd;
}

static int bind_in(const char *where, const char *ip, guint16 port, int type) {
        Address address = address_of(ip, port);
        int fd = socket_in(where, ip, type);

        g_assert_cmpint(bind(fd, &address.any, address.length), ==, 0);
        if (type == SOCK_STREAM)
                g_assert_cmpint(listen(fd, 8), ==, 0);
        return fd;
}

/* The errno of a connection from @where to that address, 0 when somebody took it. */
static int try_connect(const char *where, const char *ip, guint16 port) {
        autofd int fd = socket_in(where, ip, SOCK_STREAM);
        Address address = address_of(ip, port);
        socklen_t length = sizeof(int);
        int number = 0;

        if (connect(fd, &address.any, address.length) < 0 && errno != EINPROGRESS)
                return errno;
        if (fd_wait(fd, POLLOUT, clock_deadline_usec(WAIT_SECONDS), -1) != 1)
                return ETIMEDOUT;
        g_assert_cmpint(getsockopt(fd, SOL_SOCKET, SO_ERROR, &number, &length), ==, 0);
        return number;
}

static void assert_reaches(const char *where, const char *ip, guint16 port, int listener) {
        int accepted;

        g_test_message("%s to %s:%u", where ? where : "host", ip, port);
        g_assert_cmpint(try_connect(where, ip, port), ==, 0);
        g_assert_cmpint(fd_wait(listener, POLLIN, clock_deadline_usec(WAIT_SECONDS), -1), ==, 1);
        accepted = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        g_assert_cmpint(accepted, >=, 0);
        fd_close(accepted);
}

static void send_to(int fd, const char *ip, guint16 port, const char *text) {
        Address address = address_of(ip, port);

        g_assert_cmpint(sendto(fd, text, strlen(text), 0, &address.any, address.length), ==,
                        strlen(text));
}

static void assert_receives(int fd, const char *text) {
        char buffer[64] = "";

        g_assert_cmpint(fd_wait(fd, POLLIN, clock_deadline_usec(WAIT_SECONDS), -1), ==, 1);
        g_assert_cmpint(read(fd, buffer, sizeof(buffer) - 1), >, 0);
        g_assert_cmpstr(buffer, ==, text);
}

static void assert_no_trace(void) {
        g_autofree char *nft = run("nft list ruleset");
        g_autofree char *tables = run("iptables-save; ip6tables-save");
        g_autofree char *localnet = file_read_line(AT_FDCWD, LOCALNET);

        g_assert_null(strstr(nft, "crio"));
        g_assert_null(strstr(nft, "CRIO"));
        g_assert_null(strstr(tables, "CRIO"));
        g_assert_cmpstr(localnet, ==, "0");
}

typedef struct Fixture {
        const PortBackend *backend;
        PortMapper *mapper;
        char *id;
        int pod; /* listens on POD:80 */
} Fixture;

static const char *const pod_ips[] = { POD, POD_V6, NULL };

static bool add(Fixture *fixture, const char *id, const PortMap *map, GError **error) {
        return port_mapper_add(fixture->mapper, id, pod_ips, map, 1, error);
}

static void test_reach(Fixture *fixture) {
        const PortMap maps[] = { { PORT_TCP, 8080, 80, "" },
                                 { PORT_TCP, 8081, 80, HOST_TO_OUTSIDE },
                                 { PORT_TCP, 0, 80, "" } };
        autofd int other = bind_in("outside", OUTSIDE, 8080, SOCK_STREAM);
        autofd int own = bind_in(NULL, HOST_TO_POD, 8081, SOCK_STREAM);
        g_autoptr(GError) error = NULL;

        port_mapper_add(fixture->mapper, fixture->id, pod_ips, maps, G_N_ELEMENTS(maps), &error);
        g_assert_no_error(error);
        assert_reaches(NULL, "127.0.0.1", 8080, fixture->pod);
        assert_reaches(NULL, HOST_TO_POD, 8080, fixture->pod);
        assert_reaches(NULL, HOST_TO_OUTSIDE, 8080, fixture->pod);
        assert_reaches("outside", HOST_TO_OUTSIDE, 8080, fixture->pod);
        /* The pod reaches itself. */
        assert_reaches("pod", HOST_TO_POD, 8080, fixture->pod);
        /* What only passes through is not caught. */
        assert_reaches("pod", OUTSIDE, 8080, other);
        assert_reaches(NULL, OUTSIDE, 8080, other);
        /* A port of one address leaves the others alone. */
        assert_reaches("outside", HOST_TO_OUTSIDE, 8081, fixture->pod);
        assert_reaches(NULL, HOST_TO_POD, 8081, own);

        g_assert_true(port_mapper_remove(fixture->mapper, fixture->id, &error));
        g_assert_cmpint(try_connect(NULL, "127.0.0.1", 8080), ==, ECONNREFUSED);
        g_assert_cmpint(try_connect("outside", HOST_TO_OUTSIDE, 8080), ==, ECONNREFUSED);
        assert_no_trace();
        g_assert_true(port_mapper_remove(fixture->mapper, fixture->id, &error));
}

/* The same port of all addresses and of one: the one goes first, whatever the order of the calls.
 * */
static void test_one_address(Fixture *fixture) {
        autofd int second_port = bind_in("pod", POD, 81, SOCK_STREAM);
        g_autofree char *second = id_new();

        g_assert_true(add(fixture, fixture->id, &(PortMap) { PORT_TCP, 8080, 80, "" }, NULL));
        g_assert_true(add(fixture, second, &(PortMap) { PORT_TCP, 8080, 81, HOST_TO_OUTSIDE },
                          NULL));
        assert_reaches("outside", HOST_TO_OUTSIDE, 8080, second_port);
        assert_reaches("outside", HOST_TO_POD, 8080, fixture->pod);
        g_assert_true(port_mapper_remove(fixture->mapper, second, NULL));
        assert_reaches("outside", HOST_TO_OUTSIDE, 8080, fixture->pod);
        g_assert_true(port_mapper_remove(fixture->mapper, fixture->id, NULL));
        assert_no_trace();
}

static void test_v6(Fixture *fixture) {
        autofd int pod = bind_in("pod", POD_V6, 80, SOCK_STREAM);
        autofd int own = bind_in(NULL, "::1", 8080, SOCK_STREAM);
        g_autoptr(GError) error = NULL;

        add(fixture, fixture->id, &(PortMap) { PORT_TCP, 8080, 80, "" }, &error);
        g_assert_no_error(error);
        assert_reaches(NULL, HOST_V6, 8080, pod);
        assert_reaches("pod", HOST_V6, 8080, pod);
        assert_reaches(NULL, "::1", 8080, own);
        assert_reaches(NULL, HOST_TO_POD, 8080, fixture->pod);
        g_assert_true(port_mapper_remove(fixture->mapper, fixture->id, &error));
        assert_no_trace();
}

static void test_conflict(Fixture *fixture) {
        const PortMap map = { PORT_TCP, 8080, 80, "" };
        g_autofree char *second = id_new();
        g_autoptr(GError) error = NULL;

        g_assert_true(add(fixture, fixture->id, &map, NULL));
        g_assert_true(add(fixture, fixture->id, &map, NULL)); /* again, say after a crash */
        g_assert_false(add(fixture, second, &map, &error));
        g_assert_error(error, ERROR_DOMAIN, ERROR_ALREADY_EXISTS);
        g_assert_nonnull(strstr(error->message, fixture->id));
        g_assert_true(add(fixture, second, &(PortMap) { PORT_UDP, 8080, 80, "" }, NULL));
        g_assert_true(add(fixture, second, &(PortMap) { PORT_TCP, 8080, 80, HOST_V6 }, NULL));

        g_assert_true(port_mapper_remove(fixture->mapper, second, NULL));
        assert_reaches(NULL, "127.0.0.1", 8080, fixture->pod);
        g_assert_true(add(fixture, second, &(PortMap) { PORT_SCTP, 8080, 80, "" }, NULL));
        g_assert_true(port_mapper_remove(fixture->mapper, fixture->id, NULL));
        g_assert_cmpint(try_connect(NULL, "127.0.0.1", 8080), ==, ECONNREFUSED);
        g_assert_true(port_mapper_remove(fixture->mapper, second, NULL));
        assert_no_trace();
}

static void test_collect(Fixture *fixture) {
        g_autoptr(PortMapper) other = port_mapper_new_with(fixture->backend, "other");
        g_autoptr(GHashTable) known = g_hash_table_new(g_str_hash, g_str_equal);
        g_autofree char *second = id_new();

        g_assert_true(add(fixture, fixture->id, &(PortMap) { PORT_TCP, 8080, 80, "" }, NULL));
        g_assert_true(add(fixture, second, &(PortMap) { PORT_TCP, 8081, 80, "" }, NULL));
        /* Another daemon knows neither of them, and leaves both alone. */
        port_mapper_collect(other, id_is_in_set, known);
        assert_reaches(NULL, "127.0.0.1", 8081, fixture->pod);
        g_hash_table_add(known, fixture->id);
        port_mapper_collect(fixture->mapper, id_is_in_set, known);
        assert_reaches(NULL, "127.0.0.1", 8080, fixture->pod);
        g_assert_cmpint(try_connect(NULL, "127.0.0.1", 8081), ==, ECONNREFUSED);
        g_hash_table_remove_all(known);
        port_mapper_collect(fixture->mapper, id_is_in_set, known);
        assert_no_trace();
}

/* A client that was there first is led to the pod, and back to the host when the pod is gone. */
static void test_udp(Fixture *fixture) {
        autofd int pod = bind_in("pod", POD, 53, SOCK_DGRAM);
        autofd int host = bind_in(NULL, HOST_TO_OUTSIDE, 5353, SOCK_DGRAM);
        autofd int client = socket_in("outside", OUTSIDE, SOCK_DGRAM);
        g_autofree char *second = id_new();

        /* Some other mapping, so that the kernel tracks connections all the time. */
        g_assert_true(add(fixture, second, &(PortMap) { PORT_TCP, 8080, 80, "" }, NULL));
        send_to(client, HOST_TO_OUTSIDE, 5353, "one");
        assert_receives(host, "one");
        g_assert_true(add(fixture, fixture->id, &(PortMap) { PORT_UDP, 5353, 53, "" }, NULL));
        send_to(client, HOST_TO_OUTSIDE, 5353, "two");
        assert_receives(pod, "two");
        g_assert_true(port_mapper_remove(fixture->mapper, fixture->id, NULL));
        send_to(client, HOST_TO_OUTSIDE, 5353, "three");
        assert_receives(host, "three");
        g_assert_true(port_mapper_remove(fixture->mapper, second, NULL));
        assert_no_trace();
}

/* A pod that sends to 127.0.0.1 by the interface that we opened does not reach the host's own
 * services. */
static void test_guard(Fixture *fixture) {
        autofd int service = bind_in(NULL, "127.0.0.1", 7777, SOCK_DGRAM);
        autofd int open_service = bind_in(NULL, HOST_TO_POD, 7778, SOCK_DGRAM);
        autofd int attacker = socket_in("pod", POD, SOCK_DGRAM);
        g_autofree char *localnet = NULL;
        char buffer[8];

        g_assert_true(add(fixture, fixture->id, &(PortMap) { PORT_TCP, 8080, 80, "" }, NULL));
        localnet = file_read_line(AT_FDCWD, LOCALNET);
        g_assert_cmpstr(localnet, ==, "1");
        send_to(attacker, "127.0.0.1", 7777, "in");
        send_to(attacker, HOST_TO_POD, 7778, "barrier");
        assert_receives(open_service, "barrier");
        g_assert_cmpint(read(service, buffer, sizeof(buffer)), <, 0);
        g_assert_cmpint(errno, ==, EAGAIN);
        g_assert_true(port_mapper_remove(fixture->mapper, fixture->id, NULL));
        assert_no_trace();
}

/* Somebody else, say kube-proxy, has it on: then it is not ours to switch off. */
static void test_foreign_localnet(Fixture *fixture) {
        g_autofree char *localnet = NULL;

        g_assert_true(file_write(AT_FDCWD, LOCALNET, "1"));
        g_assert_true(add(fixture, fixture->id, &(PortMap) { PORT_TCP, 8080, 80, "" }, NULL));
        assert_reaches(NULL, "127.0.0.1", 8080, fixture->pod);
        g_assert_true(port_mapper_remove(fixture->mapper, fixture->id, NULL));
        localnet = file_read_line(AT_FDCWD, LOCALNET);
        g_assert_cmpstr(localnet, ==, "1");
        g_assert_true(file_write(AT_FDCWD, LOCALNET, "0"));
        assert_no_trace();
}

static void test_hostile(void) {
        const PortMap good = { PORT_TCP, 8080, 80, "" };
        const PortMap no_port = { PORT_TCP, 8080, 0, "" }, bad_ip = { PORT_TCP, 8080, 80, "x; }" };
        const PortMap odd = { (PortProtocol) 7, 8080, 80, "" };
        const PortMap two[] = { { PORT_TCP, 8080, 80, "" }, { PORT_TCP, 8080, 81, "" } };
        g_autoptr(PortMapper) mapper = port_mapper_new_with(&port_backend_nft, "test");
        g_autoptr(PortMapper) disabled = port_mapper_new(true, "test", NULL);
        g_autofree char *id = id_new();

        g_assert_false(port_mapper_add(mapper, "x\" }", pod_ips, &good, 1, NULL));
        g_assert_false(port_mapper_add(mapper, id, pod_ips, &no_port, 1, NULL));
        g_assert_false(port_mapper_add(mapper, id, pod_ips, &bad_ip, 1, NULL));
        g_assert_false(port_mapper_add(mapper, id, pod_ips, &odd, 1, NULL));
        g_assert_false(port_mapper_add(mapper, id, pod_ips, two, 2, NULL));
        g_assert_true(port_mapper_add(disabled, id, pod_ips, &bad_ip, 1, NULL));
        g_assert_true(port_mapper_remove(disabled, id, NULL));
}

static unsigned fake_rules[2];

static bool fake_load(PortTable *table, GError **error) {
        return true;
}

static bool fake_replace(const PortTable *table, GError **error) {
        if (table->v6)
                return fail(error, ERROR_UNKNOWN, "no IPv6 today");
        fake_rules[table->v6] = table->rules->len;
        return true;
}

/* One family that fails takes the other one back. */
static void test_all_or_nothing(void) {
        static const PortBackend fake = { "fake", NULL, fake_load, fake_replace };
        static const char *const ips[] = { "127.0.0.1", "::1", NULL };
        const PortMap map = { PORT_TCP, 8080, 80, "" };
        g_autoptr(PortMapper) mapper = port_mapper_new_with(&fake, "test");
        g_autofree char *id = id_new();

        fake_rules[0] = 99;
        g_assert_false(port_mapper_add(mapper, id, ips, &map, 1, NULL));
        g_assert_cmpuint(fake_rules[0], ==, 0);
}

/* The host, a pod, and somebody outside, each behind a link of its own. */
static const char topology[] =
        "set -e\n"
        "mount -t tmpfs none /run/netns 2>/dev/null || { mkdir -p /run/netns; mount -t tmpfs none "
        "/run/netns; }\n"
        "ip link set lo up\n"
        "ip netns add pod; ip netns add outside\n"
        "for n in pod outside; do\n"
        "  ip link add to-$n type veth peer name eth0 netns $n\n"
        "  ip link set to-$n up; ip -n $n link set eth0 up\n"
        "done\n"
        "ip -n outside link set lo up\n"
        "ip addr add " HOST_TO_POD "/24 dev to-pod\n"
        "ip addr add " HOST_TO_OUTSIDE "/24 dev to-outside\n"
        "ip addr add " HOST_V6 "/64 dev to-pod nodad\n"
        "ip -n pod addr add " POD "/24 dev eth0\n"
        "ip -n pod addr add " POD_V6 "/64 dev eth0 nodad\n"
        "ip -n outside addr add " OUTSIDE "/24 dev eth0\n"
        "ip -n pod route add default via " HOST_TO_POD "\n"
        "ip -n outside route add default via " HOST_TO_OUTSIDE "\n"
        "echo 1 >/proc/sys/net/ipv4/ip_forward\n"
        "echo 1 >/proc/sys/net/ipv6/conf/all/forwarding\n"
        /* The pod is malicious: without a loopback of its own it sends 127.0.0.1 to the host. */
        "ip netns exec pod sh -c 'echo 1 >/proc/sys/net/ipv4/conf/all/route_localnet'\n"
        "ip -n pod route add 127.0.0.1 via " HOST_TO_POD " src " POD "\n";

static void isolate(void) {
        g_autofree char *nft = g_find_program_in_path("nft");
        g_autofree char *iptables = g_find_program_in_path("iptables-restore");
        g_autofree char *ip = g_find_program_in_path("ip");

        if (!nft || !iptables || !ip) {
                lacking = "nft, iptables or ip is not installed";
                return;
        }
        if (unshare(CLONE_NEWNET | CLONE_NEWNS) < 0 ||
            mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
                lacking = "no permission to make namespaces";
                return;
        }
        g_free(run(topology));
}

typedef struct Case {
        const char *name;
        void (*test)(Fixture *fixture);
} Case;

static const Case cases[] = {
        { "reach", test_reach },     { "v6", test_v6 },       { "conflict", test_conflict },
        { "one-address", test_one_address },
        { "collect", test_collect }, { "udp", test_udp },     { "guard", test_guard },
        { "foreign-localnet", test_foreign_localnet },
};

static void run_case(const PortBackend *backend, const Case *what) {
        Fixture fixture = { 0 };
        g_autoptr(GError) error = NULL;

        if (lacking) {
                g_test_skip(lacking);
                return;
        }
        if (!backend->probe(&error)) {
                g_test_skip(error->message);
                return;
        }
        fixture.backend = backend;
        fixture.mapper = port_mapper_new_with(backend, "test");
        fixture.id = id_new();
        fixture.pod = bind_in("pod", POD, 80, SOCK_STREAM);
        what->test(&fixture);
        fd_close(fixture.pod);
        g_free(fixture.id);
        port_mapper_free(fixture.mapper);
}

static void run_nft(const void *data) {
        run_case(&port_backend_nft, data);
}

static void run_iptables(const void *data) {
        run_case(&port_backend_iptables, data);
}

int main(int argc, char **argv) {
        signal(SIGPIPE, SIG_IGN);
        log_set_level(LOG_LEVEL_FATAL);
        isolate();
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/portmap/hostile", test_hostile);
        g_test_add_func("/portmap/all-or-nothing", test_all_or_nothing);
        for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *nft = g_strdup_printf("/portmap/nft/%s", cases[i].name);
                g_autofree char *iptables = g_strdup_printf("/portmap/iptables/%s", cases[i].name);

                g_test_add_data_func(nft, &cases[i], run_nft);
                g_test_add_data_func(iptables, &cases[i], run_iptables);
        }
        return g_test_run();
}
