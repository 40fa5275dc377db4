/* SPDX-License-Identifier: Apache-2.0 */

/*
 * seccomp-load - a profile file of somebody else's making.
 *
 * Whatever is not understood is an error. A rule that was passed over in silence could be the one
 * that denies.
 */

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "host/capability.h"
#include "host/kernel.h"
#include "host/seccomp-profile.h"

#define FILE_LIMIT (1u << 20)
#define ERRNO_MAX  4095 /* of the kernel */

typedef struct Load {
        const char *name; /* of the file */
        guint64 caps;
        const char *const *architectures;
} Load;

static bool refuse(const Load *load, GError **error, const char *what, const char *value) {
        return fail(error, ERROR_INVALID_ARGUMENT, "seccomp profile %s: %s%s%s", load->name, what,
                    value ? ": " : "", value ? value : "");
}

/* words of the format */

static const char *const actions[] = {
        "SCMP_ACT_KILL",  "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD",
        "SCMP_ACT_TRAP",  "SCMP_ACT_ERRNO",        "SCMP_ACT_TRACE",
        "SCMP_ACT_ALLOW", "SCMP_ACT_LOG",          "SCMP_ACT_NOTIFY", NULL
};
static const char *const operators[] = {
        "SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE",        "SCMP_CMP_EQ",
        "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_MASKED_EQ", NULL
};

/* The names of machines in conditions. */
static const struct {
        const char *seccomp;
        const char *plain;
} machines[] = {
        { "SCMP_ARCH_X86", "x86" },          { "SCMP_ARCH_X86", "386" },
        { "SCMP_ARCH_X86_64", "amd64" },     { "SCMP_ARCH_X32", "x32" },
        { "SCMP_ARCH_ARM", "arm" },          { "SCMP_ARCH_AARCH64", "arm64" },
        { "SCMP_ARCH_PPC64LE", "ppc64le" },  { "SCMP_ARCH_S390", "s390" },
        { "SCMP_ARCH_S390X", "s390x" },      { "SCMP_ARCH_RISCV64", "riscv64" },
        { "SCMP_ARCH_LOONGARCH64", "loong64" },
};

static bool is_native(const Load *load, const char *plain) {
        for (unsigned i = 0; i < G_N_ELEMENTS(machines); i++)
                if (g_str_equal(machines[i].plain, plain) &&
                    g_str_equal(machines[i].seccomp, load->architectures[0]))
                        return true;
        return false;
}

static bool is_known(const char *const *words, const char *word) {
        return word && g_strv_contains(words, word);
}

/* Whether the member is absent or an array of strings. */
static bool check_strings(const Load *load, const Json *object, const char *key, GError **error) {
        const Json *array = json_get(object, key);

        if (json_get_type(array) == JSON_NULL)
                return true;
        if (json_get_type(array) != JSON_ARRAY)
                return refuse(load, error, "not a list", key);
        for (size_t i = 0; i < json_length(array); i++)
                if (!json_string(json_at(array, i)))
                        return refuse(load, error, "not a list of strings", key);
        return true;
}

/* A name such as "EPERM" as a number; 0 when there is none. */
static int errno_parse(const char *name) {
        for (int number = 1; number < 256; number++)
                if (g_strcmp0(strerrorname_np(number), name) == 0)
                        return number;
        return 0;
}

/* The number may be given as such or by its name; both: the number must be the one of the name. */
static bool copy_errno(const Load *load, const Json *from, Json *to, const char *const keys[3],
                       GError **error) {
        const Json *given = json_get(from, keys[0]);
        const char *name = json_get_string(from, keys[1]);
        int named = name && *name ? errno_parse(name) : 0;
        gint64 number = named;

        if (name && *name && !named)
                return refuse(load, error, "unknown error name", name);
        if (json_get_type(given) != JSON_NULL && !json_int(given, &number))
                return refuse(load, error, "not a number", keys[0]);
        if (number < 0 || number > ERRNO_MAX || (named && number != named))
                return refuse(load, error, "not a number of an error", keys[0]);
        if (named || json_get_type(given) != JSON_NULL)
                json_set_int(to, keys[2], number);
        return true;
}

/* conditions */

static bool has_cap(const Load *load, const char *name) {
        guint64 mask;

        /* A capability that this kernel does not know was not granted. */
        return capability_parse(name, &mask, NULL) && (load->caps & mask) == mask;
}

static bool has_all_caps(const Load *load, const Json *condition) {
        const Json *caps = json_get(condition, "caps");

        for (size_t i = 0; i < json_length(caps); i++)
                if (!has_cap(load, json_string(json_at(caps, i))))
                        return false;
        return true;
}

static bool has_any_cap(const Load *load, const Json *condition) {
        const Json *caps = json_get(condition, "caps");

        for (size_t i = 0; i < json_length(caps); i++)
                if (has_cap(load, json_string(json_at(caps, i))))
                        return true;
        return false;
}

static bool names_native(const Load *load, const Json *condition) {
        const Json *arches = json_get(condition, "arches");

        for (size_t i = 0; i < json_length(arches); i++)
                if (is_native(load, json_string(json_at(arches, i))))
                        return true;
        return false;
}

/* Whether the kernel is at least what the condition names; @absent when it names none. */
static bool has_kernel(const Json *condition, bool absent) {
        const char *text = json_get_string(condition, "minKernel");
        unsigned major = 0;
        unsigned minor = 0;

        if (!text || sscanf(text, "%u.%u", &major, &minor) < 1)
                return absent;
        return kernel_is_at_least(major, minor);
}

static bool check_condition(const Load *load, const Json *rule, const char *key, GError **error) {
        static const char *const known[] = { "caps", "arches", "minKernel", NULL };
        const Json *condition = json_get(rule, key);
        const char *kernel = json_get_string(condition, "minKernel");
        unsigned part;

        if (json_get_type(condition) == JSON_NULL)
                return true;
        if (json_get_type(condition) != JSON_OBJECT)
                return refuse(load, error, "not an object", key);
        for (size_t i = 0; i < json_length(condition); i++)
                if (!is_known(known, json_key_at(condition, i)))
                        return refuse(load, error, "unknown condition", json_key_at(condition, i));
        if (json_get_type(json_get(condition, "minKernel")) != JSON_NULL &&
            (!kernel || sscanf(kernel, "%u", &part) != 1))
                return refuse(load, error, "not a kernel version", kernel);
        return check_strings(load, condition, "caps", error) &&
               check_strings(load, condition, "arches", error);
}

static bool applies(const Load *load, const Json *rule) {
        const Json *includes = json_get(rule, "includes");
        const Json *excludes = json_get(rule, "excludes");

        if (json_length(json_get(includes, "arches")) > 0 && !names_native(load, includes))
                return false;
        if (!has_all_caps(load, includes) || !has_kernel(includes, true))
                return false;
        return !names_native(load, excludes) && !has_any_cap(load, excludes) &&
               !has_kernel(excludes, false);
}

/* rules */

/* A call that the library does not know cannot be let through by it: such a name is dropped. In a
 * rule that forbids it stays, as the runtime may have been built with a newer library. */
static bool copy_name(const Load *load, const char *name, bool allows, Json *names,
                      GError **error) {
        static const char plain[] = G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS "_";

        if (!name || !*name || strlen(name) > 64 || strspn(name, plain) != strlen(name))
                return refuse(load, error, "not the name of a system call", name ? name : "");
        if (allows && seccomp_syscall_resolve_name(name) == __NR_SCMP_ERROR)
                log_debug("seccomp profile %s: call %s is unknown here", load->name, name);
        else
                json_append_string(names, name);
        return true;
}

static bool copy_names(const Load *load, const Json *from, Json *to, GError **error) {
        const Json *list = json_get(from, "names");
        const char *single = json_get_string(from, "name");
        const char *action = json_get_string(from, "action");
        bool allows = g_str_equal(action, "SCMP_ACT_ALLOW") || g_str_equal(action, "SCMP_ACT_LOG");
        Json *names = json_need_array(to, "names");

        if (!check_strings(load, from, "names", error))
                return false;
        if (single && !*single)
                single = NULL;
        if ((single != NULL) == (json_length(list) > 0))
                return refuse(load, error, "a rule needs either name or names", single);
        if (single)
                return copy_name(load, single, allows, names, error);
        for (size_t i = 0; i < json_length(list); i++)
                if (!copy_name(load, json_string(json_at(list, i)), allows, names, error))
                        return false;
        return true;
}

/* The digits are kept: a value may need all 64 bits. */
static bool copy_number(const Load *load, const Json *from, Json *to, const char *key,
                        GError **error) {
        const char *digits = json_number(json_get(from, key));
        guint64 value = 0;

        if (json_get_type(json_get(from, key)) != JSON_NULL &&
            (!digits || !g_ascii_string_to_unsigned(digits, 10, 0, G_MAXUINT64, &value, NULL)))
                return refuse(load, error, "not a number that fits 64 bits", key);
        json_set_uint(to, key, value);
        return true;
}

static bool copy_argument(const Load *load, const Json *from, Json *to, GError **error) {
        const char *op = json_get_string(from, "op");

        if (!is_known(operators, op))
                return refuse(load, error, "unknown operator", op ? op : "none");
        if (!copy_number(load, from, to, "index", error) ||
            !copy_number(load, from, to, "value", error) ||
            !copy_number(load, from, to, "valueTwo", error))
                return false;
        if (json_get_int(to, "index", -1) < 0 || json_get_int(to, "index", -1) > 5)
                return refuse(load, error, "a call has the arguments 0 to 5 only", NULL);
        json_set_string(to, "op", op);
        return true;
}

static bool copy_arguments(const Load *load, const Json *from, Json *to, GError **error) {
        const Json *list = json_get(from, "args");
        Json *copies;

        if (json_get_type(list) == JSON_NULL)
                return true;
        if (json_get_type(list) != JSON_ARRAY)
                return refuse(load, error, "not a list", "args");
        if (json_length(list) == 0)
                return true;
        copies = json_need_array(to, "args");
        for (size_t i = 0; i < json_length(list); i++)
                if (!copy_argument(load, json_at(list, i), json_append(copies, json_new_object()),
                                   error))
                        return false;
        return true;
}

static bool copy_rule(const Load *load, const Json *from, Json *rules, GError **error) {
        static const char *const keys[] = { "errnoRet", "errno", "errnoRet" };
        g_autoptr(Json) rule = json_new_object();
        const char *action = json_get_string(from, "action");

        if (json_get_type(from) != JSON_OBJECT)
                return refuse(load, error, "a rule is not an object", NULL);
        if (!is_known(actions, action))
                return refuse(load, error, "unknown action", action ? action : "none");
        if (!check_condition(load, from, "includes", error) ||
            !check_condition(load, from, "excludes", error) ||
            !copy_names(load, from, rule, error))
                return false;
        json_set_string(rule, "action", action);
        if (!copy_errno(load, from, rule, keys, error) || !copy_arguments(load, from, rule, error))
                return false;
        if (applies(load, from) && json_length(json_get(rule, "names")) > 0)
                json_append(rules, g_steal_pointer(&rule));
        return true;
}

/* the whole */

/* The row of the map for this machine. Without one the filter is for this machine alone. */
static bool copy_map(const Load *load, const Json *map, Json *profile, GError **error) {
        if (json_get_type(map) != JSON_ARRAY)
                return refuse(load, error, "not a list", "archMap");
        for (size_t i = 0; i < json_length(map); i++) {
                const Json *row = json_at(map, i);
                const char *machine = json_get_string(row, "architecture");
                const Json *kin = json_get(row, "subArchitectures");
                Json *names;

                if (!machine || !check_strings(load, row, "subArchitectures", error))
                        return machine ? false : refuse(load, error, "not a machine", "archMap");
                if (!g_str_equal(machine, load->architectures[0]))
                        continue;
                names = json_need_array(profile, "architectures");
                json_append_string(names, machine);
                for (size_t k = 0; k < json_length(kin); k++)
                        json_append_string(names, json_string(json_at(kin, k)));
                return true;
        }
        return true;
}

static bool copy_architectures(const Load *load, const Json *from, Json *profile, GError **error) {
        const Json *map = json_get(from, "archMap");
        const Json *plain = json_get(from, "architectures");

        if (!check_strings(load, from, "architectures", error))
                return false;
        if (json_length(map) > 0 && json_length(plain) > 0)
                return refuse(load, error, "has both architectures and archMap", NULL);
        if (json_get_type(map) != JSON_NULL && !copy_map(load, map, profile, error))
                return false;
        if (json_length(plain) > 0)
                json_set(profile, "architectures", json_copy(plain));
        return true;
}

static bool copy_head(const Load *load, const Json *from, Json *profile, GError **error) {
        static const char *const keys[] = { "defaultErrnoRet", "defaultErrno", "defaultErrnoRet" };
        const char *action = json_get_string(from, "defaultAction");

        if (json_get_type(from) != JSON_OBJECT)
                return refuse(load, error, "not an object", NULL);
        if (!is_known(actions, action))
                return refuse(load, error, "unknown defaultAction", action ? action : "none");
        json_set_string(profile, "defaultAction", action);
        if (!copy_errno(load, from, profile, keys, error) ||
            !copy_architectures(load, from, profile, error) ||
            !check_strings(load, from, "flags", error))
                return false;
        if (json_length(json_get(from, "flags")) > 0)
                json_set(profile, "flags", json_copy(json_get(from, "flags")));
        json_set_string(profile, "listenerPath", json_get_string(from, "listenerPath"));
        json_set_string(profile, "listenerMetadata", json_get_string(from, "listenerMetadata"));
        return true;
}

bool seccomp_profile_parse(const Json *file, const char *name, guint64 caps,
                           const char *const *architectures, Json **ret_profile, GError **error) {
        Load load = { .name = name, .caps = caps, .architectures = architectures };
        g_autoptr(Json) profile = json_new_object();
        const Json *rules = json_get(file, "syscalls");
        Json *copies;

        if (!load.architectures || !load.architectures[0])
                load.architectures = seccomp_profile_architectures();
        if (!copy_head(&load, file, profile, error))
                return false;
        if (json_get_type(rules) != JSON_NULL && json_get_type(rules) != JSON_ARRAY)
                return refuse(&load, error, "not a list", "syscalls");
        copies = json_need_array(profile, "syscalls");
        for (size_t i = 0; i < json_length(rules); i++)
                if (!copy_rule(&load, json_at(rules, i), copies, error))
                        return false;
        *ret_profile = g_steal_pointer(&profile);
        return true;
}

bool seccomp_profile_load(const char *path, guint64 caps, const char *const *architectures,
                          Json **ret_profile, GError **error) {
        g_autoptr(Json) file = NULL;
        g_autofree char *text = NULL;
        size_t length;

        if (!path || path[0] != '/')
                return fail(error, ERROR_INVALID_ARGUMENT,
                            "seccomp profile \"%s\": not an absolute path", path ? path : "");
        if (!file_read(AT_FDCWD, path, FILE_LIMIT, &text, &length, error)) {
                g_prefix_error(error, "seccomp profile: ");
                return false;
        }
        file = json_parse(text, length, path, error);
        return file && seccomp_profile_parse(file, path, caps, architectures, ret_profile, error);
}
