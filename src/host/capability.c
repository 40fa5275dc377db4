/* SPDX-License-Identifier: Apache-2.0 */
#include "host/capability.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"

/* In the order of the numbers. */
static const char *const names[] = {
        "CAP_CHOWN",            "CAP_DAC_OVERRIDE",       "CAP_DAC_READ_SEARCH",
        "CAP_FOWNER",           "CAP_FSETID",             "CAP_KILL",
        "CAP_SETGID",           "CAP_SETUID",             "CAP_SETPCAP",
        "CAP_LINUX_IMMUTABLE",  "CAP_NET_BIND_SERVICE",   "CAP_NET_BROADCAST",
        "CAP_NET_ADMIN",        "CAP_NET_RAW",            "CAP_IPC_LOCK",
        "CAP_IPC_OWNER",        "CAP_SYS_MODULE",         "CAP_SYS_RAWIO",
        "CAP_SYS_CHROOT",       "CAP_SYS_PTRACE",         "CAP_SYS_PACCT",
        "CAP_SYS_ADMIN",        "CAP_SYS_BOOT",           "CAP_SYS_NICE",
        "CAP_SYS_RESOURCE",     "CAP_SYS_TIME",           "CAP_SYS_TTY_CONFIG",
        "CAP_MKNOD",            "CAP_LEASE",              "CAP_AUDIT_WRITE",
        "CAP_AUDIT_CONTROL",    "CAP_SETFCAP",            "CAP_MAC_OVERRIDE",
        "CAP_MAC_ADMIN",        "CAP_SYSLOG",             "CAP_WAKE_ALARM",
        "CAP_BLOCK_SUSPEND",    "CAP_AUDIT_READ",         "CAP_PERFMON",
        "CAP_BPF",              "CAP_CHECKPOINT_RESTORE",
};
G_STATIC_ASSERT(G_N_ELEMENTS(names) == 41);

static guint64 known_mask(void) {
        g_autofree char *text = file_read_line(AT_FDCWD, "/proc/sys/kernel/cap_last_cap");
        guint64 last = G_N_ELEMENTS(names) - 1;
        guint64 value;

        if (text && g_ascii_string_to_unsigned(text, 10, 0, 63, &value, NULL))
                last = MIN(last, value);
        return (CAPABILITY_BIT(last) << 1) - 1;
}

guint64 capability_all(void) {
        static guint64 mask;
        static gsize known;

        if (g_once_init_enter(&known)) {
                mask = known_mask();
                g_once_init_leave(&known, 1);
        }
        return mask;
}

guint64 capability_bounding(void) {
        guint64 mask = 0;

        for (unsigned i = 0; i < G_N_ELEMENTS(names); i++)
                if (prctl(PR_CAPBSET_READ, i, 0, 0, 0) == 1)
                        mask |= CAPABILITY_BIT(i);
        return mask;
}

guint64 capability_effective(void) {
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };

        if (syscall(SYS_capget, &header, data) < 0)
                return 0;
        return ((guint64) data[1].effective << 32 | data[0].effective) & capability_all();
}

const char *capability_get_name(unsigned number) {
        return number < G_N_ELEMENTS(names) ? names[number] : NULL;
}

bool capability_parse(const char *name, guint64 *ret_mask, GError **error) {
        const char *bare = g_ascii_strncasecmp(name, "CAP_", 4) == 0 ? name + 4 : name;

        if (g_ascii_strcasecmp(name, "ALL") == 0) {
                *ret_mask = capability_all();
                return true;
        }
        for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
                if (g_ascii_strcasecmp(bare, names[i] + 4) != 0)
                        continue;
                if (!(capability_all() & CAPABILITY_BIT(i)))
                        return fail(error, ERROR_INVALID_ARGUMENT,
                                    "capability %s is unknown to this kernel", names[i]);
                *ret_mask = CAPABILITY_BIT(i);
                return true;
        }
        return fail(error, ERROR_INVALID_ARGUMENT, "unknown capability \"%s\"", name);
}

GStrv capability_names(guint64 mask) {
        g_autoptr(GStrvBuilder) builder = g_strv_builder_new();

        for (unsigned i = 0; i < G_N_ELEMENTS(names); i++)
                if (mask & CAPABILITY_BIT(i))
                        g_strv_builder_add(builder, names[i]);
        return g_strv_builder_end(builder);
}
