/* SPDX-License-Identifier: Apache-2.0 */
#include "host/selinux-label-private.h"

#include <fcntl.h>
#include <selinux/selinux.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/lock.h"

#define CATEGORIES    1024
#define PICK_ATTEMPTS 10000
#define FILE_LIMIT    (64u << 10)

/* Rows of the policy's file, and what all the policies in use say when there is no such row. */
static const struct {
        const char *key;
        const char *fallback;
} processes[SELINUX_KIND_COUNT] = {
        [SELINUX_KIND_CONTAINER] = { "process", "system_u:system_r:container_t:s0" },
        [SELINUX_KIND_KVM] = { "kvm_process", "system_u:system_r:container_kvm_t:s0" },
        [SELINUX_KIND_INIT] = { "init_process", "system_u:system_r:container_init_t:s0" },
};
#define FILE_KEY      "file"
#define FILE_FALLBACK "system_u:object_r:container_file_t:s0"

bool selinux_label_is_enabled(void) {
        static gsize answer; /* 1 no, 2 yes */

        if (g_once_init_enter(&answer))
                g_once_init_leave(&answer, is_selinux_enabled() == 1 ? 2 : 1);
        return answer == 2;
}

/* categories */

static Lock taken_lock = LOCK_INIT(LOCK_RANK_LEAF);
static GHashTable *taken; /* "c1,c2" */

/* True when it was free. */
static bool take(const char *categories) {
        lock_guard(&taken_lock);
        if (!taken)
                taken = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        return g_hash_table_add(taken, g_strdup(categories));
}

bool selinux_label_pick(const char *sensitivity, char **ret_level, GError **error) {
        for (unsigned i = 0; i < PICK_ATTEMPTS; i++) {
                unsigned low = (unsigned) g_random_int_range(0, CATEGORIES);
                unsigned high = (unsigned) g_random_int_range(0, CATEGORIES);
                g_autofree char *pair =
                        g_strdup_printf("c%u,c%u", MIN(low, high), MAX(low, high));

                if (low == high || !take(pair))
                        continue;
                *ret_level = g_strconcat(sensitivity, ":", pair, NULL);
                return true;
        }
        return fail(error, ERROR_RESOURCE_EXHAUSTED,
                    "SELinux: all pairs of categories seem to be taken");
}

/* The categories of "user:role:type:sensitivity:categories"; NULL when there are none. */
static const char *categories_of(const char *label) {
        for (unsigned colons = 0; label && colons < 4; colons++) {
                label = strchr(label, ':');
                label = label ? label + 1 : NULL;
        }
        return label && *label ? label : NULL;
}

void selinux_label_reserve(const char *label) {
        const char *categories = categories_of(label);

        if (categories)
                (void) take(categories);
}

void selinux_label_release(const char *label) {
        const char *categories = categories_of(label);

        lock_guard(&taken_lock);
        if (categories && taken)
                g_hash_table_remove(taken, categories);
}

/* composing */

char *selinux_label_find_base(const char *text, const char *key) {
        g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

        for (unsigned i = 0; lines[i]; i++) {
                g_auto(GStrv) pair = g_strsplit(lines[i], "=", 2);

                if (g_strv_length(pair) == 2 && g_str_equal(g_strstrip(pair[0]), key))
                        return g_strdup(g_strstrip(g_strdelimit(pair[1], "\"", ' ')));
        }
        return NULL;
}

/* @colon: a level has colons, the other parts may not, or they would set what follows them. */
static bool part_is_valid(const char *part, bool colon) {
        for (const char *c = part; *c; c++)
                if (!g_ascii_isalnum(*c) && !strchr("_-.", *c) && !(colon && strchr(":,", *c)))
                        return false;
        return true;
}

static void put(GStrv parts, unsigned index, const char *value) {
        if (!value || !*value)
                return;
        g_free(parts[index]);
        parts[index] = g_strdup(value);
}

bool selinux_label_compose(const char *base, const SelinuxWish *wish, const char *level,
                           char **ret_label, GError **error) {
        const char *wished[] = { wish->user, wish->role, wish->type, level };
        g_auto(GStrv) parts = g_strsplit(base, ":", 4);
        guint count = g_strv_length(parts);

        if (count < 3)
                return fail(error, ERROR_FAILED_PRECONDITION,
                            "SELinux: \"%s\" of the policy is no context", base);
        for (unsigned i = 0; i < G_N_ELEMENTS(wished); i++) {
                if (wished[i] && !part_is_valid(wished[i], i == 3))
                        return fail(error, ERROR_INVALID_ARGUMENT,
                                    "SELinux: \"%s\" cannot be a part of a label", wished[i]);
                if (i < count) /* a policy without levels has three parts */
                        put(parts, i, wished[i]);
        }
        *ret_label = g_strjoinv(":", parts);
        return true;
}

static char *policy_base(const char *key, const char *fallback) {
        const char *path = selinux_lxc_contexts_path();
        g_autofree char *text = NULL;
        char *found;

        if (!path || !file_read(AT_FDCWD, path, FILE_LIMIT, &text, NULL, NULL))
                return g_strdup(fallback);
        found = selinux_label_find_base(text, key);
        return found ? found : g_strdup(fallback);
}

/* The sensitivity of a base context, "s0" of "...:s0-s0:c0.c1023"; NULL when it has no level. */
static char *sensitivity_of(const char *base) {
        g_auto(GStrv) parts = g_strsplit(base, ":", 4);

        return g_strv_length(parts) == 4 ? g_strndup(parts[3], strcspn(parts[3], "-:")) : NULL;
}

static bool check(const char *label, GError **error) {
        if (security_check_context(label) < 0)
                return fail(error, ERROR_INVALID_ARGUMENT,
                            "SELinux: the policy of this host does not know the label %s", label);
        return true;
}

/* The files get user and level of the wish; role and type of a process mean nothing to them. */
static bool build(const SelinuxWish *wish, const char *level, char **ret_process, char **ret_mount,
                  GError **error) {
        SelinuxWish of_files = { .user = wish->user };
        g_autofree char *base =
                policy_base(processes[wish->kind].key, processes[wish->kind].fallback);
        g_autofree char *file_base = policy_base(FILE_KEY, FILE_FALLBACK);
        g_autofree char *process = NULL;
        g_autofree char *mount = NULL;

        if (!selinux_label_compose(base, wish, level, &process, error) ||
            !selinux_label_compose(file_base, &of_files, level, &mount, error) ||
            !check(process, error) || !check(mount, error))
                return false;
        *ret_process = g_steal_pointer(&process);
        *ret_mount = g_steal_pointer(&mount);
        return true;
}

bool selinux_label_build(const SelinuxWish *wish, char **ret_process, char **ret_mount,
                         GError **error) {
        g_autofree char *base = NULL;
        g_autofree char *sensitivity = NULL;
        g_autofree char *picked = NULL;

        if (!selinux_label_is_enabled()) {
                *ret_process = NULL;
                *ret_mount = NULL;
                return true;
        }
        base = policy_base(processes[wish->kind].key, processes[wish->kind].fallback);
        sensitivity = sensitivity_of(base);
        if (sensitivity && !(wish->level && *wish->level) &&
            !selinux_label_pick(sensitivity, &picked, error))
                return false;
        if (build(wish, picked ? picked : wish->level, ret_process, ret_mount, error)) {
                if (!picked)
                        selinux_label_reserve(*ret_process);
                return true;
        }
        if (picked) {
                g_autofree char *whole = g_strconcat("::", ":", picked, NULL);

                selinux_label_release(whole);
        }
        return false;
}
