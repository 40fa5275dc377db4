/* SPDX-License-Identifier: Apache-2.0 */
#include "host/namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "host/mount.h"
#include "host/sysctl.h"

#define STACK_SIZE (256u << 10)
#define BIT(kind)  (1u << (kind))
#define PINNABLE   (BIT(NAMESPACE_NET) | BIT(NAMESPACE_IPC) | BIT(NAMESPACE_UTS))

static const struct {
        const char *name;
        int flag;
} kinds_table[NAMESPACE_COUNT] = {
        [NAMESPACE_NET] = { "net", CLONE_NEWNET },   [NAMESPACE_IPC] = { "ipc", CLONE_NEWIPC },
        [NAMESPACE_UTS] = { "uts", CLONE_NEWUTS },   [NAMESPACE_PID] = { "pid", CLONE_NEWPID },
        [NAMESPACE_MNT] = { "mnt", CLONE_NEWNS },    [NAMESPACE_USER] = { "user", CLONE_NEWUSER },
        [NAMESPACE_CGROUP] = { "cgroup", CLONE_NEWCGROUP },
};

const char *namespace_get_name(NamespaceKind kind) {
        return kinds_table[kind].name;
}

char *namespace_pin_path(const char *dir, NamespaceKind kind, const char *name) {
        return g_strdup_printf("%s/%sns/%s", dir, kinds_table[kind].name, name);
}

/* A thread that is about to change its namespaces. It ends with the work, since no other work may
 * ever run in them by accident. */
static bool run_thread(void *(*body)(void *), void *data, GError **error) {
        pthread_attr_t attributes;
        pthread_t thread;
        int number;

        pthread_attr_init(&attributes);
        pthread_attr_setstacksize(&attributes, STACK_SIZE);
        number = pthread_create(&thread, &attributes, body, data);
        pthread_attr_destroy(&attributes);
        if (number != 0) {
                errno = number;
                return fail_errno(error, "start a thread for a namespace");
        }
        pthread_join(thread, NULL);
        return true;
}

/* pin */

typedef struct Pin {
        const char *dir;
        unsigned kinds;
        const char *name;
        const char *hostname;
        const char *const *sysctls;
        unsigned made; /* kinds whose pin file exists */
        bool done;
        GError *error;
} Pin;

static bool loopback_up(GError **error) {
        autofd int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        struct ifreq request = { .ifr_name = "lo" };

        if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &request) < 0)
                return fail_errno(error, "read the flags of the loopback interface");
        request.ifr_flags |= IFF_UP;
        if (ioctl(fd, SIOCSIFFLAGS, &request) < 0)
                return fail_errno(error, "bring the loopback interface up");
        return true;
}

static bool write_sysctls(const Pin *pin, GError **error) {
        for (const char *const *pair = pin->sysctls; pair && pair[0]; pair += 2) {
                g_autofree char *path = sysctl_path(pair[0]);

                if (!file_write(AT_FDCWD, path, pair[1]))
                        return fail_errno(error, "set sysctl %s to %s", pair[0], pair[1]);
        }
        return true;
}

static bool make_pin(Pin *pin, NamespaceKind kind, GError **error) {
        g_autofree char *path = namespace_pin_path(pin->dir, kind, pin->name);
        g_autofree char *folder = g_path_get_dirname(path);
        autofd int fd = -1;
        char source[40];

        if (!dir_make(AT_FDCWD, folder, 0755, error))
                return false;
        fd = open(path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0444);
        if (fd < 0)
                return fail_errno(error, "create the namespace file %s", path);
        pin->made |= BIT(kind);
        snprintf(source, sizeof(source), "/proc/thread-self/ns/%s", kinds_table[kind].name);
        return mount_bind(source, path, false, error);
}

static bool pin_all(Pin *pin, GError **error) {
        int flags = 0;

        for (unsigned kind = 0; kind < NAMESPACE_COUNT; kind++)
                flags |= pin->kinds & BIT(kind) ? kinds_table[kind].flag : 0;
        if (unshare(flags) < 0)
                return fail_errno(error, "unshare namespaces");
        if (pin->hostname && sethostname(pin->hostname, strlen(pin->hostname)) < 0)
                return fail_errno(error, "set the hostname %s", pin->hostname);
        if ((pin->kinds & BIT(NAMESPACE_NET)) && !loopback_up(error))
                return false;
        if (!write_sysctls(pin, error))
                return false;
        for (unsigned kind = 0; kind < NAMESPACE_COUNT; kind++)
                if ((pin->kinds & BIT(kind)) && !make_pin(pin, kind, error))
                        return false;
        return true;
}

static void *pin_body(void *data) {
        Pin *pin = data;

        pin->done = pin_all(pin, &pin->error);
        return NULL;
}

static bool pin_check(const Pin *pin, GError **error) {
        if (!pin->kinds || (pin->kinds & ~PINNABLE))
                return fail(error, ERROR_UNIMPLEMENTED,
                            "pin namespaces %s: only net, ipc and uts can be made by a thread",
                            pin->name);
        if (!*pin->name || strchr(pin->name, '/') || pin->name[0] == '.')
                return fail(error, ERROR_INVALID_ARGUMENT,
                            "\"%s\" cannot be the name of a namespace", pin->name);
        if (pin->hostname && !(pin->kinds & BIT(NAMESPACE_UTS)))
                return fail(error, ERROR_INVALID_ARGUMENT,
                            "hostname %s: without a UTS namespace it would be the host's",
                            pin->hostname);
        for (const char *const *pair = pin->sysctls; pair && pair[0]; pair += 2) {
                if (!sysctl_check(pair[0], pair[1], error))
                        return false;
                if (!(pin->kinds & BIT(sysctl_namespace(pair[0]))))
                        return fail(error, ERROR_INVALID_ARGUMENT,
                                    "sysctl %s: without a namespace of its own the pod would set "
                                    "the host's", pair[0]);
        }
        return true;
}

bool namespace_pin(const char *dir, unsigned kinds, const char *name, const char *hostname,
                   const char *const *sysctls, GError **error) {
        Pin pin = { .dir = dir, .kinds = kinds, .name = name, .hostname = hostname,
                    .sysctls = sysctls };

        if (!pin_check(&pin, error) || !run_thread(pin_body, &pin, error))
                return false;
        if (pin.done)
                return true;
        for (unsigned kind = 0; kind < NAMESPACE_COUNT; kind++) {
                g_autofree char *path = namespace_pin_path(dir, kind, name);
                g_autoptr(GError) stuck = NULL;

                if ((pin.made & BIT(kind)) && !namespace_unpin(path, &stuck))
                        error_keep_first(&pin.error, &stuck);
        }
        g_propagate_error(error, pin.error);
        return false;
}

bool namespace_unpin(const char *path, GError **error) {
        if (!mount_remove(path, error))
                return false;
        if (unlink(path) < 0 && errno != ENOENT && errno != ENOTDIR)
                return fail_errno(error, "remove the namespace file %s", path);
        return true;
}

bool namespace_is_pinned(const char *path) {
        struct statfs status;

        return statfs(path, &status) == 0 && status.f_type == NSFS_MAGIC;
}

/* run */

typedef struct Run {
        const char *path;
        NamespaceKind kind;
        NamespaceFunc func;
        void *data;
        bool result;
        GError *error;
} Run;

static bool enter(const Run *run, GError **error) {
        autofd int fd = open(run->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

        if (fd < 0)
                return fail_errno(error, "open namespace %s", run->path);
        if (run->kind == NAMESPACE_MNT && unshare(CLONE_FS) < 0)
                return fail_errno(error, "leave the shared working directory");
        if (setns(fd, kinds_table[run->kind].flag) < 0)
                return fail_errno(error, "enter namespace %s", run->path);
        return true;
}

static void *run_body(void *data) {
        Run *run = data;

        run->result = enter(run, &run->error) && run->func(run->data, &run->error);
        return NULL;
}

bool namespace_run(const char *path, NamespaceKind kind, NamespaceFunc func, void *data,
                   GError **error) {
        Run run = { .path = path, .kind = kind, .func = func, .data = data };

        if (kind == NAMESPACE_USER)
                return fail(error, ERROR_UNIMPLEMENTED,
                            "enter namespace %s: a thread cannot enter a user namespace", path);
        if (!run_thread(run_body, &run, error))
                return false;
        if (run.error)
                g_propagate_error(error, run.error);
        return run.result;
}
