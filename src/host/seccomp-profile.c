/* SPDX-License-Identifier: Apache-2.0 */
#include "host/seccomp-profile.h"

#include <errno.h>
#include <sched.h>
#include <sys/socket.h>

#include <linux/netlink.h>

#include "host/capability.h"

#define C(name) CAPABILITY_BIT(CAP_##name)
#define NEVER   CAPABILITY_BIT(63)

/* Bits of clone() and unshare() that make a namespace. A new time namespace has the bit of a signal
 * number in clone(), so only unshare() can ask for one. */
#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif
static const guint32 namespace_flags[] = {
        CLONE_NEWNS,  CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
        CLONE_NEWPID, CLONE_NEWNET,    CLONE_NEWUSER,
};

#if defined(__s390__)
#define CLONE_FLAGS_INDEX 1
#else
#define CLONE_FLAGS_INDEX 0
#endif

static const struct {
        const char *name;
        guint64 caps; /* any of them; 0: none needed */
} calls[] = {
#define ALLOW(name)      { #name, 0 },
#define GATE(caps, name) { #name, caps },
#define DENY(name)       { #name, NEVER },
#include "host/seccomp-profile.def"
#undef ALLOW
#undef GATE
#undef DENY
};

const char *const *seccomp_profile_architectures(void) {
        static const char *const names[] = {
#if defined(__x86_64__)
                "SCMP_ARCH_X86_64", "SCMP_ARCH_X86",
#elif defined(__i386__)
                "SCMP_ARCH_X86",
#elif defined(__aarch64__)
                "SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM",
#elif defined(__arm__)
                "SCMP_ARCH_ARM",
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
                "SCMP_ARCH_PPC64LE",
#elif defined(__s390x__)
                "SCMP_ARCH_S390X", "SCMP_ARCH_S390",
#elif defined(__riscv) && __riscv_xlen == 64
                "SCMP_ARCH_RISCV64",
#else
#error "seccomp-profile.c: what is libseccomp's name of this machine?"
#endif
                NULL
        };

        return names;
}

/* rules */

static Json *add_rule(Json *rules, const char *name, int number) {
        Json *rule = json_append(rules, json_new_object());

        if (name)
                json_append_string(json_need_array(rule, "names"), name);
        json_set_string(rule, "action", number ? "SCMP_ACT_ERRNO" : "SCMP_ACT_ALLOW");
        if (number)
                json_set_int(rule, "errnoRet", number);
        return rule;
}

static void add_argument(Json *rule, unsigned index, const char *op, guint64 value, guint64 two) {
        Json *argument = json_append(json_need_array(rule, "args"), json_new_object());

        json_set_uint(argument, "index", index);
        json_set_uint(argument, "value", value);
        json_set_uint(argument, "valueTwo", two);
        json_set_string(argument, "op", op);
}

/* The kernel looks at the lower half of an int argument, a filter at all of it: compare under a
 * mask, or a set upper half walks past the rule. */
static void match_bits(Json *rule, unsigned index, guint32 mask, guint32 value) {
        add_argument(rule, index, "SCMP_CMP_MASKED_EQ", mask, value);
}

static void add_table(Json *rules, guint64 caps) {
        Json *allowed = json_need_array(add_rule(rules, NULL, 0), "names");
        Json *denied = json_need_array(add_rule(rules, NULL, EPERM), "names");

        for (unsigned i = 0; i < G_N_ELEMENTS(calls); i++) {
                bool pass = calls[i].caps == 0 || (calls[i].caps & caps & ~NEVER);

                json_append_string(pass ? allowed : denied, calls[i].name);
        }
}

/* Allowed without namespace flags; each of them alone is reason enough for EPERM. */
static void add_flags(Json *rules, const char *name, unsigned index, guint32 more) {
        guint32 all = more;

        for (unsigned i = 0; i < G_N_ELEMENTS(namespace_flags); i++) {
                all |= namespace_flags[i];
                match_bits(add_rule(rules, name, EPERM), index, namespace_flags[i],
                           namespace_flags[i]);
        }
        if (more)
                match_bits(add_rule(rules, name, EPERM), index, more, more);
        match_bits(add_rule(rules, name, 0), index, all, 0);
}

/* The flags of clone3() are in memory where no filter sees them. Without a rule it gets ENOSYS, and
 * every libc takes clone() instead. (A rule that says the same as the default would be refused.) */
static void add_namespaces(Json *rules, guint64 caps) {
        if (caps & C(SYS_ADMIN)) {
                add_rule(rules, "clone", 0);
                add_rule(rules, "clone3", 0);
                add_rule(rules, "unshare", 0);
                return;
        }
        add_flags(rules, "clone", CLONE_FLAGS_INDEX, 0);
        add_flags(rules, "unshare", 0, CLONE_NEWTIME);
}

/* Linux, 32-bit Linux, both with the old version number, and the question which it is. */
static void add_personality(Json *rules) {
        static const guint32 values[] = { 0, 0x8, 0x20000, 0x20008, 0xffffffff };

        for (unsigned i = 0; i < G_N_ELEMENTS(values); i++)
                match_bits(add_rule(rules, "personality", 0), 0, ~0u, values[i]);
        /* The flags from ADDR_NO_RANDOMIZE up, which debuggers try: told apart from the question,
         * that has all bits, by the highest one. */
        for (unsigned bit = 18; bit < 28; bit++)
                match_bits(add_rule(rules, "personality", EPERM), 0, 1u << 31 | 1u << bit,
                           1u << bit);
}

/* Ranges of numbers under a mask, for there is no other way to say "all but one" that holds for the
 * lower half of an argument and needs it once only. */
typedef struct Range {
        guint32 mask;
        guint32 value;
} Range;

/* Families 0..63 but netlink (16), which has a say of its own, and vsock (40), which reaches past
 * the network namespace to the hypervisor. */
static const Range families[] = {
        { ~0xfu, 0 },  { ~0u, 17 },   { ~0x1u, 18 }, { ~0x3u, 20 }, { ~0x7u, 24 },
        { ~0x7u, 32 }, { ~0u, 41 },   { ~0x1u, 42 }, { ~0x3u, 44 }, { ~0xfu, 48 },
};

/* Netlink protocols 0..31 but audit (9). */
static const Range protocols[] = {
        { ~0x7u, 0 }, { ~0u, 8 }, { ~0x1u, 10 }, { ~0x3u, 12 }, { ~0xfu, 16 },
};

/* Without AUDIT_WRITE the answer for an audit socket is the one of a kernel without auditing, which
 * login programs take in their stride. */
static void add_socket(Json *rules, guint64 caps) {
        Json *rule;

        for (unsigned i = 0; i < G_N_ELEMENTS(families); i++)
                match_bits(add_rule(rules, "socket", 0), 0, families[i].mask, families[i].value);
        match_bits(add_rule(rules, "socket", EAFNOSUPPORT), 0, ~0u, AF_VSOCK);
        if (caps & C(AUDIT_WRITE)) {
                match_bits(add_rule(rules, "socket", 0), 0, ~0u, AF_NETLINK);
                return;
        }
        for (unsigned i = 0; i < G_N_ELEMENTS(protocols); i++) {
                rule = add_rule(rules, "socket", 0);
                match_bits(rule, 0, ~0u, AF_NETLINK);
                match_bits(rule, 2, protocols[i].mask, protocols[i].value);
        }
        rule = add_rule(rules, "socket", EPROTONOSUPPORT);
        match_bits(rule, 0, ~0u, AF_NETLINK);
        match_bits(rule, 2, ~0u, NETLINK_AUDIT);
}

Json *seccomp_profile_default(guint64 caps) {
        Json *profile = json_new_object();
        Json *rules;

        json_set_string(profile, "defaultAction", "SCMP_ACT_ERRNO");
        json_set_int(profile, "defaultErrnoRet", ENOSYS);
        json_set_strings(profile, "architectures", seccomp_profile_architectures());
        rules = json_need_array(profile, "syscalls");
        add_table(rules, caps);
        add_namespaces(rules, caps);
        add_personality(rules);
        add_socket(rules, caps);
        return profile;
}
