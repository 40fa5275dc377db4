/* SPDX-License-Identifier: Apache-2.0 */
#include "image/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/log.h"

/* Bombs of headers and windows end here, long before the node has no memory. */
#define DATA_LIMIT (G_GUINT64_CONSTANT(1) << 30)
#define FILES_LIMIT 1024

/* Not in the headers of the oldest system that we build on. */
#define ACCESS_REFER (1ULL << 13)
#define ACCESS_TRUNCATE (1ULL << 14)
#define ACCESS_IOCTL_DEV (1ULL << 15)

#define ACCESS_FIRST ((1ULL << 13) - 1) /* all of the first version */
#define ACCESS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)

/* To write any file as any owner: and the last one for trusted.* attributes. */
static const unsigned kept_capabilities[] = {
        CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_FSETID, CAP_MKNOD, CAP_SETFCAP, CAP_SYS_ADMIN,
};

/* Name resolution, certificates, shared objects, and what the C library asks about the system.
 * Secrets of the host are in none of them. */
static const char *const readable[] = {
        "/etc/ssl", "/etc/pki", "/etc/ca-certificates", "/etc/crypto-policies", "/etc/gnutls",
        "/etc/containers", "/etc/docker/certs.d", "/etc/static", "/etc/resolv.conf", "/etc/hosts",
        "/etc/nsswitch.conf", "/etc/host.conf", "/etc/gai.conf", "/etc/services", "/etc/protocols",
        "/etc/localtime", "/etc/ld.so.cache", "/run/systemd/resolve", "/run/resolvconf",
        "/run/NetworkManager", "/run/nscd", "/var/lib/ca-certificates", "/usr", "/lib", "/lib64",
        "/nix/store", "/proc/self", "/proc/sys", "/sys/devices/system/cpu", "/dev/urandom",
        "/dev/random", "/dev/null",
};

void confine_limits(void) {
        struct rlimit data G_GNUC_UNUSED = { DATA_LIMIT, DATA_LIMIT };
        struct rlimit files = { FILES_LIMIT, FILES_LIMIT };
        struct rlimit core = { 0, 0 };

        /* A host may have lower ones, which then stay. */
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* they map terabytes */
        setrlimit(RLIMIT_DATA, &data);
#endif
        setrlimit(RLIMIT_NOFILE, &files);
        setrlimit(RLIMIT_CORE, &core);
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

static guint64 keep_mask(void) {
        guint64 mask = 0;

        for (unsigned i = 0; i < G_N_ELEMENTS(kept_capabilities); i++)
                mask |= G_GUINT64_CONSTANT(1) << kept_capabilities[i];
        return mask;
}

bool confine_capabilities(GError **error) {
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct data[2] = { { 0 } };
        guint64 keep = keep_mask();

        prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
        for (unsigned i = 0; prctl(PR_CAPBSET_READ, i, 0, 0, 0) >= 0; i++)
                if (!(keep >> i & 1))
                        /* needs CAP_SETPCAP; not having it is fine */
                        prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
        if (syscall(SYS_capget, &header, data) < 0)
                return fail_errno(error, "read capabilities");
        for (unsigned i = 0; i < 2; i++) {
                data[i].permitted &= (guint32) (keep >> (32 * i));
                data[i].effective = data[i].permitted;
                data[i].inheritable = 0;
        }
        if (syscall(SYS_capset, &header, data) < 0)
                return fail_errno(error, "drop capabilities");
        return true;
}

/* A missing path is no error; a file can only be given the rights of a file. */
static bool allow(int ruleset, const char *path, guint64 access, GError **error) {
        autofd int fd = open(path, O_PATH | O_CLOEXEC);
        struct landlock_path_beneath_attr rule = { .allowed_access = access, .parent_fd = fd };
        struct stat status;

        if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
                return true;
        if (fd < 0 || fstat(fd, &status) < 0)
                return fail_errno(error, "open %s", path);
        if (!S_ISDIR(status.st_mode))
                rule.allowed_access &= LANDLOCK_ACCESS_FS_READ_FILE;
        if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
                return fail_errno(error, "add a Landlock rule for %s", path);
        return true;
}

static guint64 handled_access(long version) {
        guint64 access = ACCESS_FIRST | ACCESS_REFER;

        if (version >= 3)
                access |= ACCESS_TRUNCATE;
        if (version >= 5)
                access |= ACCESS_IOCTL_DEV;
        return access;
}

/* Version 1 forbids hard links between directories, so it is as if there was none. */
bool confine_files(const char *store_root, GError **error) {
        long version = syscall(SYS_landlock_create_ruleset, NULL, 0,
                               LANDLOCK_CREATE_RULESET_VERSION);
        struct landlock_ruleset_attr attributes = { 0 };
        autofd int ruleset = -1;

        if (version < 2) {
                log_debug("this kernel has no Landlock, or an old one: all files stay visible");
                return true;
        }
        attributes.handled_access_fs = handled_access(version);
        ruleset = (int) syscall(SYS_landlock_create_ruleset, &attributes, sizeof(attributes), 0);
        if (ruleset < 0)
                return fail_errno(error, "make a Landlock ruleset");
        if (!allow(ruleset, store_root,
                   attributes.handled_access_fs & ~(guint64) LANDLOCK_ACCESS_FS_EXECUTE, error))
                return false;
        for (unsigned i = 0; i < G_N_ELEMENTS(readable); i++)
                if (!allow(ruleset, readable[i], ACCESS_READ, error))
                        return false;
        if (syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
                return fail_errno(error, "apply the Landlock ruleset");
        return true;
}

bool confine_self(const char *store_root, GError **error) {
        confine_limits();
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return fail_errno(error, "confine the pull: set no_new_privs");
        if (confine_files(store_root, error) && confine_capabilities(error) && confine_calls(error))
                return true;
        g_prefix_error(error, "confine the pull: ");
        return false;
}
