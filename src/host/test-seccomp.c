/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/netlink.h>

#include "base/error.h"
#include "base/tree.h"
#include "host/capability.h"
#include "host/seccomp-profile.h"

#define HIGH        (G_GUINT64_CONSTANT(1) << 32) /* a bit that the kernel does not look at */
#define SYS_ADMIN   CAPABILITY_BIT(CAP_SYS_ADMIN)
#define AUDIT_WRITE CAPABILITY_BIT(CAP_AUDIT_WRITE)

/* a filter of a profile, as a runtime makes it */

static uint32_t action_of(const char *name, gint64 number) {
        if (g_str_equal(name, "SCMP_ACT_ALLOW"))
                return SCMP_ACT_ALLOW;
        if (g_str_equal(name, "SCMP_ACT_ERRNO"))
                return SCMP_ACT_ERRNO((unsigned) number);
        g_assert_cmpstr(name, ==, "SCMP_ACT_KILL_PROCESS");
        return SCMP_ACT_KILL_PROCESS;
}

static guint64 number_of(const Json *argument, const char *key) {
        return g_ascii_strtoull(json_number(json_get(argument, key)), NULL, 10);
}

static void add_rule(scmp_filter_ctx filter, const Json *rule) {
        uint32_t action = action_of(json_get_string(rule, "action"),
                                    json_get_int(rule, "errnoRet", 1));
        const Json *names = json_get(rule, "names");
        const Json *list = json_get(rule, "args");
        struct scmp_arg_cmp args[6];
        unsigned count = (unsigned) json_length(list);

        g_assert_cmpuint(count, <=, 6);
        for (unsigned i = 0; i < count; i++) {
                const Json *argument = json_at(list, i);

                g_assert_cmpstr(json_get_string(argument, "op"), ==, "SCMP_CMP_MASKED_EQ");
                args[i] = SCMP_CMP((unsigned) number_of(argument, "index"), SCMP_CMP_MASKED_EQ,
                                   number_of(argument, "value"), number_of(argument, "valueTwo"));
        }
        for (size_t i = 0; i < json_length(names); i++) {
                int number = seccomp_syscall_resolve_name(json_string(json_at(names, i)));
                int result = 0;

                if (number != __NR_SCMP_ERROR)
                        result = seccomp_rule_add_array(filter, action, number, count, args);
                g_assert_cmpint(result, ==, 0);
        }
}

static scmp_filter_ctx make_filter(const Json *profile) {
        const Json *rules = json_get(profile, "syscalls");
        g_auto(GStrv) names = json_get_strings(profile, "architectures");
        scmp_filter_ctx filter = seccomp_init(action_of(json_get_string(profile, "defaultAction"),
                                              json_get_int(profile, "defaultErrnoRet", 1)));

        g_assert_nonnull(filter);
        for (unsigned i = 0; names[i]; i++) {
                g_autofree char *name = g_ascii_strdown(names[i] + strlen("SCMP_ARCH_"), -1);
                uint32_t token = seccomp_arch_resolve_name(name);
                int result;

                g_assert_cmpuint(token, !=, 0);
                result = seccomp_arch_add(filter, token);
                g_assert_true(result == 0 || result == -EEXIST);
        }
        for (size_t i = 0; i < json_length(rules); i++)
                add_rule(filter, json_at(rules, i));
        return filter;
}

/* Run @func in a child under the profile; it returns the number of the check that failed, or 0. */
static void run_under(const Json *profile, int (*func)(void)) {
        scmp_filter_ctx filter = make_filter(profile);
        int status;
        pid_t pid = fork();

        if (pid == 0) {
                if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || seccomp_load(filter) < 0)
                        _exit(255);
                _exit(func());
        }
        seccomp_release(filter);
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_true(WIFEXITED(status));
        g_assert_cmpint(WEXITSTATUS(status), ==, 0);
}

#define MUST_FAIL(id, number, call)                                                                \
        do {                                                                                       \
                errno = 0;                                                                         \
                if ((call) != -1 || errno != (number))                                             \
                        return id;                                                                 \
        } while (0)
#define MUST_PASS(id, call)                                                                        \
        do {                                                                                       \
                if ((call) < 0)                                                                    \
                        return id;                                                                 \
        } while (0)
/* Past the filter; what the kernel then says is its own affair. */
#define MUST_REACH(id, call)                                                                       \
        do {                                                                                       \
                errno = 0;                                                                         \
                if ((call) == -1 && (errno == EPERM || errno == ENOSYS))                           \
                        return id;                                                                 \
        } while (0)

static void *nothing(void *data) {
        return data;
}

static int ordinary_work(void) {
        pthread_t thread;
        int status;
        pid_t pid;

        if (pthread_create(&thread, NULL, nothing, NULL) != 0 || pthread_join(thread, NULL) != 0)
                return 1;
        pid = fork();
        if (pid == 0) {
                execl("/bin/true", "true", (char *) NULL);
                _exit(1);
        }
        if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
                return 2;
        MUST_PASS(3, open("/dev/null", O_RDONLY | O_CLOEXEC));
        MUST_PASS(4, socket(AF_INET, SOCK_STREAM, 0));
        MUST_PASS(5, socket(AF_UNIX, SOCK_STREAM, 0));
        MUST_PASS(6, socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
        MUST_PASS(7, unshare(CLONE_FS | CLONE_FILES));
        MUST_PASS(8, syscall(SYS_personality, 0xffffffffUL));
        MUST_PASS(9, syscall(SYS_getrandom, &status, sizeof(status), 0));
        MUST_FAIL(10, EAFNOSUPPORT, socket(AF_VSOCK, SOCK_STREAM, 0));
        MUST_FAIL(11, EAFNOSUPPORT, syscall(SYS_socket, HIGH | AF_VSOCK, SOCK_STREAM, 0));
        return 0;
}

static int unprivileged(void) {
        MUST_FAIL(20, EPERM, mount("none", "/nowhere", "tmpfs", 0, NULL));
        MUST_FAIL(21, EPERM, umount2("/nowhere", 0));
        MUST_FAIL(22, EPERM, setns(-1, 0));
        MUST_FAIL(23, EPERM, unshare(CLONE_NEWUTS));
        MUST_FAIL(24, EPERM, unshare(CLONE_NEWUSER));
        MUST_FAIL(25, EPERM, unshare(0x80)); /* a time namespace */
        MUST_FAIL(26, EPERM, syscall(SYS_unshare, HIGH | CLONE_NEWUTS));
        MUST_FAIL(27, EPERM, syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL));
        MUST_FAIL(28, EPERM, syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, NULL, NULL, NULL, NULL));
        MUST_FAIL(29, ENOSYS, syscall(SYS_clone3, NULL, 0));
        MUST_FAIL(30, EPERM, syscall(SYS_bpf, 0, NULL, 0));
        MUST_FAIL(31, EPERM, syscall(SYS_perf_event_open, NULL, 0, 0, 0, 0));
        MUST_FAIL(32, EPERM, syscall(SYS_init_module, NULL, 0, NULL));
        MUST_FAIL(33, EPERM, syscall(SYS_open_by_handle_at, -1, NULL, 0));
        MUST_FAIL(34, EPERM, syscall(SYS_kexec_load, 0, 0, NULL, 0));
        MUST_FAIL(35, EPERM, syscall(SYS_settimeofday, NULL, NULL));
        MUST_FAIL(36, EPERM, syscall(SYS_keyctl, 0, 0, 0, 0, 0));
        MUST_FAIL(37, EPERM, syscall(SYS_io_uring_setup, 1, NULL));
        MUST_FAIL(38, EPERM, syscall(SYS_userfaultfd, 0));
        MUST_FAIL(39, EPERM, syscall(SYS_personality, 0x40000UL));
        MUST_FAIL(40, ENOSYS, syscall(9999));
        MUST_FAIL(41, EPROTONOSUPPORT, socket(AF_NETLINK, SOCK_RAW, NETLINK_AUDIT));
        MUST_FAIL(42, EPROTONOSUPPORT,
                  syscall(SYS_socket, AF_NETLINK, SOCK_RAW, HIGH | NETLINK_AUDIT));
        MUST_FAIL(43, EPERM, syscall(SYS_chroot, "/"));
        MUST_FAIL(44, ENOSYS, syscall(SYS_personality, 0x10UL));
        return 0;
}

static int administrator(void) {
        MUST_FAIL(50, ENOENT, mount("none", "/nowhere/at/all", "tmpfs", 0, NULL));
        MUST_FAIL(51, EBADF, setns(-1, 0));
        MUST_FAIL(52, EINVAL, syscall(SYS_clone3, NULL, 0));
        MUST_PASS(53, unshare(CLONE_NEWUTS));
        MUST_REACH(54, syscall(SYS_bpf, 9999, NULL, 0));
        MUST_FAIL(55, EPERM, syscall(SYS_init_module, NULL, 0, NULL)); /* another capability's */
        MUST_FAIL(56, EPERM, syscall(SYS_io_uring_setup, 1, NULL));
        MUST_FAIL(57, EAFNOSUPPORT, socket(AF_VSOCK, SOCK_STREAM, 0));
        return 0;
}

static int auditor(void) {
        int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_AUDIT);

        /* A kernel without auditing says the same as the filter. */
        return fd >= 0 || errno == EPROTONOSUPPORT ? 0 : 60;
}

static void test_default(void) {
        g_autoptr(Json) profile = seccomp_profile_default(AUDIT_WRITE);

        run_under(profile, ordinary_work);
}

static void test_default_unprivileged(void) {
        g_autoptr(Json) profile = seccomp_profile_default(0);

        run_under(profile, ordinary_work);
        run_under(profile, unprivileged);
}

static void test_default_administrator(void) {
        g_autoptr(Json) profile = seccomp_profile_default(SYS_ADMIN | AUDIT_WRITE);

        if (geteuid() != 0) {
                g_test_skip("only root has the capability that is tested");
                return;
        }
        run_under(profile, administrator);
        run_under(profile, auditor);
}

static bool rule_has(const Json *rule, const char *name) {
        g_auto(GStrv) names = json_get_strings(rule, "names");

        return g_strv_contains((const char *const *) names, name);
}

/* The action for @name; NULL when no rule names it. */
static const char *find_action(const Json *profile, const char *name) {
        const Json *rules = json_get(profile, "syscalls");

        for (size_t i = 0; i < json_length(rules); i++)
                if (rule_has(json_at(rules, i), name))
                        return json_get_string(json_at(rules, i), "action");
        return NULL;
}

/* Each capability opens its own calls and no others. */
static void test_gates(void) {
        static const struct {
                unsigned capability;
                const char *call;
        } gates[] = {
                { CAP_SYS_MODULE, "finit_module" }, { CAP_SYS_BOOT, "reboot" },
                { CAP_SYS_TIME, "clock_settime" },  { CAP_SYS_PTRACE, "kcmp" },
                { CAP_SYS_RAWIO, "iopl" },          { CAP_SYS_TTY_CONFIG, "vhangup" },
                { CAP_SYS_NICE, "mbind" },          { CAP_SYS_PACCT, "acct" },
                { CAP_SYS_CHROOT, "chroot" },       { CAP_DAC_READ_SEARCH, "open_by_handle_at" },
                { CAP_BPF, "bpf" },                 { CAP_PERFMON, "perf_event_open" },
                { CAP_SYSLOG, "syslog" },           { CAP_SYS_ADMIN, "mount" },
                { CAP_SYS_ADMIN, "bpf" },           { CAP_SYS_ADMIN, "syslog" },
        };

        for (unsigned i = 0; i < G_N_ELEMENTS(gates); i++) {
                guint64 bit = CAPABILITY_BIT(gates[i].capability);
                g_autoptr(Json) with = seccomp_profile_default(bit);
                g_autoptr(Json) others = seccomp_profile_default(CAPABILITY_BIT(CAP_CHOWN));

                g_test_message("%s", gates[i].call);
                g_assert_cmpstr(find_action(with, gates[i].call), ==, "SCMP_ACT_ALLOW");
                g_assert_cmpstr(find_action(others, gates[i].call), ==, "SCMP_ACT_ERRNO");
        }
        for (unsigned i = 0; i < 64; i++) {
                g_autoptr(Json) profile = seccomp_profile_default(G_GUINT64_CONSTANT(1) << i);

                g_assert_cmpstr(find_action(profile, "io_uring_setup"), ==, "SCMP_ACT_ERRNO");
        }
}

/* profile files */

static const char *const amd64[] = { "SCMP_ARCH_X86_64", "SCMP_ARCH_X86", NULL };

static Json *parse(const char *text, guint64 caps, GError **error) {
        g_autoptr(Json) file = json_parse(text, strlen(text), "test", error);
        Json *profile = NULL;

        if (file)
                seccomp_profile_parse(file, "test", caps, amd64, &profile, error);
        return profile;
}

static void assert_parsed(const char *text, guint64 caps, const char *expected) {
        g_autoptr(GError) error = NULL;
        g_autoptr(Json) profile = parse(text, caps, &error);
        g_autofree char *printed = NULL;

        g_assert_no_error(error);
        printed = json_print(profile, NULL);
        g_assert_cmpstr(printed, ==, expected);
}

static void test_parse(void) {
        assert_parsed("{\"defaultAction\":\"SCMP_ACT_ALLOW\"}", 0,
                      "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[]}");
        assert_parsed("{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":38,"
                      "\"defaultErrno\":\"ENOSYS\",\"archMap\":["
                      "{\"architecture\":\"SCMP_ARCH_AARCH64\",\"subArchitectures\":[]},"
                      "{\"architecture\":\"SCMP_ARCH_X86_64\","
                      "\"subArchitectures\":[\"SCMP_ARCH_X86\"]}],"
                      "\"flags\":[\"SECCOMP_FILTER_FLAG_LOG\"],\"comment\":\"x\",\"syscalls\":["
                      "{\"names\":[\"read\",\"no_such_call\"],\"action\":\"SCMP_ACT_ALLOW\","
                      "\"args\":[],\"comment\":\"\",\"includes\":{},\"excludes\":{}},"
                      "{\"name\":\"write\",\"action\":\"SCMP_ACT_ERRNO\",\"errno\":\"EPERM\","
                      "\"args\":[{\"index\":1,\"value\":18446744073709551615,\"valueTwo\":0,"
                      "\"op\":\"SCMP_CMP_EQ\"}]}]}", 0,
                      "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":38,"
                      "\"architectures\":[\"SCMP_ARCH_X86_64\",\"SCMP_ARCH_X86\"],"
                      "\"flags\":[\"SECCOMP_FILTER_FLAG_LOG\"],\"syscalls\":["
                      "{\"names\":[\"read\"],\"action\":\"SCMP_ACT_ALLOW\"},"
                      "{\"names\":[\"write\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":1,"
                      "\"args\":[{\"index\":1,\"value\":18446744073709551615,\"valueTwo\":0,"
                      "\"op\":\"SCMP_CMP_EQ\"}]}]}");
}

/* A call that only a newer library knows stays forbidden, and is not let through. */
static void test_unknown_call(void) {
        assert_parsed("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":["
                      "{\"names\":[\"no_such_call\"],\"action\":\"SCMP_ACT_ERRNO\"},"
                      "{\"names\":[\"no_such_call\"],\"action\":\"SCMP_ACT_ALLOW\"}]}", 0,
                      "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":["
                      "{\"names\":[\"no_such_call\"],\"action\":\"SCMP_ACT_ERRNO\"}]}");
}

static bool is_included(const char *condition, guint64 caps) {
        g_autofree char *text = g_strdup_printf(
                "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[{\"names\":[\"read\"],"
                "\"action\":\"SCMP_ACT_ALLOW\",%s}]}", condition);
        g_autoptr(GError) error = NULL;
        g_autoptr(Json) profile = parse(text, caps, &error);

        g_assert_no_error(error);
        return json_length(json_get(profile, "syscalls")) == 1;
}

static void test_conditions(void) {
        g_assert_true(is_included("\"includes\":{\"caps\":[\"CAP_SYS_ADMIN\"]}", SYS_ADMIN));
        g_assert_false(is_included("\"includes\":{\"caps\":[\"CAP_SYS_ADMIN\"]}", AUDIT_WRITE));
        g_assert_false(is_included("\"includes\":{\"caps\":[\"CAP_SYS_ADMIN\",\"CAP_CHOWN\"]}",
                                   SYS_ADMIN));
        g_assert_false(is_included("\"includes\":{\"caps\":[\"CAP_NO_SUCH\"]}", ~0ull >> 1));
        g_assert_false(is_included("\"excludes\":{\"caps\":[\"CAP_SYS_ADMIN\",\"CAP_CHOWN\"]}",
                                   SYS_ADMIN));
        g_assert_true(is_included("\"excludes\":{\"caps\":[\"CAP_SYS_ADMIN\"]}", 0));
        g_assert_true(is_included("\"includes\":{\"arches\":[\"arm64\",\"amd64\"]}", 0));
        g_assert_false(is_included("\"includes\":{\"arches\":[\"arm64\"]}", 0));
        g_assert_false(is_included("\"excludes\":{\"arches\":[\"amd64\"]}", 0));
        g_assert_true(is_included("\"excludes\":{\"arches\":[\"arm64\"]}", 0));
        g_assert_true(is_included("\"includes\":{\"minKernel\":\"3.0\"}", 0));
        g_assert_false(is_included("\"includes\":{\"minKernel\":\"999.0\"}", 0));
        g_assert_false(is_included("\"excludes\":{\"minKernel\":\"3.0\"}", 0));
        g_assert_true(is_included("\"excludes\":{\"minKernel\":\"999.0\"}", 0));
}

#define HEAD "{\"defaultAction\":\"SCMP_ACT_ALLOW\","
#define RULE(inside) HEAD "\"syscalls\":[{" inside "}]}"
#define CALL "\"names\":[\"read\"],\"action\":\"SCMP_ACT_KILL\""

/* A part that is not understood might be the one that forbids. */
static void test_refused(void) {
        static const char *const bad[] = {
                "", "{}", "[]", "null", "7", "{\"syscalls\":[]}",
                "{\"defaultAction\":7}",
                "{\"defaultAction\":\"ALLOW\"}",
                "{\"defaultAction\":\"SCMP_ACT_ALLOW\"",
                "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultAction\":\"SCMP_ACT_ALLOW\"}",
                HEAD "\"defaultErrno\":\"ENOTHING\"}",
                HEAD "\"defaultErrno\":\"EPERM\",\"defaultErrnoRet\":38}",
                HEAD "\"defaultErrnoRet\":-1}",
                HEAD "\"defaultErrnoRet\":5000}",
                HEAD "\"defaultErrnoRet\":\"1\"}",
                HEAD "\"architectures\":[\"x\"],\"archMap\":[{\"architecture\":\"x\"}]}",
                HEAD "\"architectures\":[7]}",
                HEAD "\"architectures\":\"SCMP_ARCH_X86\"}",
                HEAD "\"archMap\":{}}",
                HEAD "\"archMap\":[7]}",
                HEAD "\"flags\":\"x\"}",
                HEAD "\"syscalls\":{}}",
                HEAD "\"syscalls\":[7]}",
                RULE(""),
                RULE("\"names\":[\"read\"]"),
                RULE("\"names\":[\"read\"],\"action\":\"KILL\""),
                RULE("\"action\":\"SCMP_ACT_KILL\""),
                RULE("\"names\":[],\"action\":\"SCMP_ACT_KILL\""),
                RULE("\"names\":\"read\",\"action\":\"SCMP_ACT_KILL\""),
                RULE("\"names\":[\"read\",7],\"action\":\"SCMP_ACT_KILL\""),
                RULE("\"names\":[\"re ad\"],\"action\":\"SCMP_ACT_KILL\""),
                RULE("\"names\":[\"\"],\"action\":\"SCMP_ACT_KILL\""),
                RULE("\"name\":\"read\"," CALL),
                RULE(CALL ",\"errno\":\"ENOTHING\""),
                RULE(CALL ",\"args\":{}"),
                RULE(CALL ",\"args\":[7]"),
                RULE(CALL ",\"args\":[{\"index\":0,\"value\":1}]"),
                RULE(CALL ",\"args\":[{\"index\":6,\"value\":1,\"op\":\"SCMP_CMP_EQ\"}]"),
                RULE(CALL ",\"args\":[{\"index\":-1,\"value\":1,\"op\":\"SCMP_CMP_EQ\"}]"),
                RULE(CALL ",\"args\":[{\"index\":0,\"value\":\"1\",\"op\":\"SCMP_CMP_EQ\"}]"),
                RULE(CALL ",\"args\":[{\"index\":0,\"value\":1.5,\"op\":\"SCMP_CMP_EQ\"}]"),
                RULE(CALL ",\"args\":[{\"index\":0,\"value\":18446744073709551616,"
                          "\"op\":\"SCMP_CMP_EQ\"}]"),
                RULE(CALL ",\"includes\":[]"),
                RULE(CALL ",\"includes\":{\"cap\":[]}"),
                RULE(CALL ",\"includes\":{\"caps\":\"CAP_CHOWN\"}"),
                RULE(CALL ",\"excludes\":{\"arches\":[7]}"),
                RULE(CALL ",\"includes\":{\"minKernel\":\"new\"}"),
                RULE(CALL ",\"includes\":{\"minKernel\":5}"),
        };

        for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autoptr(GError) error = NULL;
                g_autoptr(Json) profile = parse(bad[i], 0, &error);

                g_test_message("%s", bad[i]);
                g_assert_null(profile);
                g_assert_nonnull(error);
        }
}

static void assert_not_loaded(const char *path) {
        g_autoptr(GError) error = NULL;
        Json *profile = NULL;

        g_test_message("%s", path ? path : "NULL");
        g_assert_false(seccomp_profile_load(path, 0, NULL, &profile, &error));
        g_assert_nonnull(error);
        g_assert_null(profile);
}

/* A localhost profile that is not there, or is no file, must never mean "no filter". */
static void test_load(void) {
        g_autofree char *dir = g_dir_make_tmp("seccomp-XXXXXX", NULL);
        g_autofree char *good = g_build_filename(dir, "good.json", NULL);
        g_autofree char *empty = g_build_filename(dir, "empty.json", NULL);
        g_autofree char *large = g_build_filename(dir, "large.json", NULL);
        g_autofree char *fifo = g_build_filename(dir, "fifo", NULL);
        g_autofree char *missing = g_build_filename(dir, "missing", NULL);
        static const char text[] = "{\"defaultAction\":\"SCMP_ACT_KILL_PROCESS\"}";
        g_autofree char *blanks = g_strnfill(1 << 20, ' ');
        g_autofree char *padded = g_strconcat(text, blanks, NULL);
        g_autoptr(Json) profile = NULL;

        g_assert_true(g_file_set_contents(good, text, -1, NULL));
        g_assert_true(g_file_set_contents(empty, "", 0, NULL));
        g_assert_true(g_file_set_contents(large, padded, -1, NULL));
        g_assert_cmpint(mkfifo(fifo, 0600), ==, 0);

        g_assert_true(seccomp_profile_load(good, 0, NULL, &profile, NULL));
        g_assert_cmpstr(json_get_string(profile, "defaultAction"), ==, "SCMP_ACT_KILL_PROCESS");
        assert_not_loaded(NULL);
        assert_not_loaded("");
        g_assert_cmpint(chdir(dir), ==, 0);
        assert_not_loaded("good.json");
        assert_not_loaded("./good.json");
        g_assert_cmpint(chdir("/"), ==, 0);
        assert_not_loaded(missing);
        assert_not_loaded(empty);
        assert_not_loaded(large);
        assert_not_loaded(fifo);
        assert_not_loaded(dir);
        assert_not_loaded("/dev/zero");
        g_assert_true(tree_remove(AT_FDCWD, dir, NULL));
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/seccomp/default", test_default);
        g_test_add_func("/seccomp/default-unprivileged", test_default_unprivileged);
        g_test_add_func("/seccomp/default-administrator", test_default_administrator);
        g_test_add_func("/seccomp/gates", test_gates);
        g_test_add_func("/seccomp/parse", test_parse);
        g_test_add_func("/seccomp/unknown-call", test_unknown_call);
        g_test_add_func("/seccomp/conditions", test_conditions);
        g_test_add_func("/seccomp/refused", test_refused);
        g_test_add_func("/seccomp/load", test_load);
        return g_test_run();
}
