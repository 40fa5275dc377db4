/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <string.h>

#include "base/error.h"
#include "runtime/spec-private.h"
#include "runtime/stop-signal.h"

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define MAX_GROUPS   65536

/* args */

static void append_all(GPtrArray *args, char *const *texts, size_t count) {
        for (size_t i = 0; i < count; i++)
                g_ptr_array_add(args, g_strdup(texts[i]));
}

static void append_vector(GPtrArray *args, GStrv texts) {
        if (texts)
                append_all(args, texts, g_strv_length(texts));
}

/* The table of Kubernetes: a command replaces the image's entrypoint and its arguments, arguments
 * replace only the image's arguments. */
bool spec_make_args(const SpecBuild *build, GStrv *ret_args, GError **error) {
        const CriContainerConfig *wish = build->wish;
        const ImageRecord *image = build->request->image;
        g_autoptr(GPtrArray) args = g_ptr_array_new_with_free_func(g_free);

        if (wish->n_command > 0)
                append_all(args, wish->command, wish->n_command);
        else if (image)
                append_vector(args, image->entrypoint);
        if (wish->n_args > 0)
                append_all(args, wish->args, wish->n_args);
        else if (image && wish->n_command == 0)
                append_vector(args, image->command);
        if (args->len == 0 || !*(char *)args->pdata[0])
                return fail(error, ERROR_INVALID_ARGUMENT,
                        "no command specified: neither the request nor the image has one");
        g_ptr_array_add(args, NULL);
        *ret_args = (GStrv)g_ptr_array_free(g_steal_pointer(&args), FALSE);
        return true;
}

/* env */

typedef struct Environment {
        GPtrArray *entries; /* "NAME=value", first seen first */
        GHashTable *index;  /* NAME -> position + 1 */
} Environment;

static void environment_clear(Environment *environment) {
        g_clear_pointer(&environment->entries, g_ptr_array_unref);
        g_clear_pointer(&environment->index, g_hash_table_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Environment, environment_clear)

static void environment_set(Environment *environment, const char *name, const char *value) {
        guint at = GPOINTER_TO_UINT(g_hash_table_lookup(environment->index, name));
        char *entry = g_strdup_printf("%s=%s", name, value);

        if (at > 0) {
                g_free(environment->entries->pdata[at - 1]);
                environment->entries->pdata[at - 1] = entry;
                return;
        }
        g_ptr_array_add(environment->entries, entry);
        g_hash_table_insert(
                environment->index, g_strdup(name), GUINT_TO_POINTER(environment->entries->len));
}

/* Borrowed; NULL when it is not set. */
static const char *environment_get(const Environment *environment, const char *name) {
        guint at = GPOINTER_TO_UINT(g_hash_table_lookup(environment->index, name));

        return at > 0 ? (char *)environment->entries->pdata[at - 1] + strlen(name) + 1 : NULL;
}

static void environment_add(Environment *environment, GStrv entries) {
        for (unsigned i = 0; entries && entries[i]; i++) {
                const char *equals = strchr(entries[i], '=');
                g_autofree char *name = NULL;

                if (!equals || equals == entries[i])
                        continue; /* nothing that could be set */
                name = g_strndup(entries[i], (gsize)(equals - entries[i]));
                environment_set(environment, name, equals + 1);
        }
}

static bool add_wish_env(Environment *environment, const CriContainerConfig *wish, GError **error) {
        for (size_t i = 0; i < wish->n_envs; i++) {
                const CriKeyValue *pair = wish->envs[i];
                const char *data = (const char *)pair->value.data;
                g_autofree char *value = NULL;

                if (!*pair->key || strchr(pair->key, '='))
                        return fail(error, ERROR_INVALID_ARGUMENT,
                                "envs[%zu].key: an environment variable needs a name without "
                                "an equals sign",
                                i);
                if (pair->value.len > 0 && !g_utf8_validate(data, (gssize)pair->value.len, NULL))
                        return fail(error, ERROR_INVALID_ARGUMENT,
                                "envs[%zu].value of %s: not UTF-8, or a NUL in it", i, pair->key);
                value = g_strndup(data ? data : "", pair->value.len);
                environment_set(environment, pair->key, value);
        }
        return true;
}

/* HOME ends up in a line of passwd, in shells and in logs: one line is all it can be. */
static bool check_home(const char *home, GError **error) {
        for (const char *c = home; *c; c++)
                if ((guchar)*c < ' ' || *c == 0x7f)
                        return fail(error, ERROR_INVALID_ARGUMENT,
                                "invalid HOME environment; newline not allowed, nor any other "
                                "control character");
        return true;
}

static bool is_plain(const char *text) {
        for (const char *c = text; *c; c++)
                if ((guchar)*c < ' ' || *c == 0x7f)
                        return false;
        return true;
}

static const char *choose_home(const SpecBuild *build) {
        if (!build->user.name)
                return build->cwd;
        return *build->user.home && is_plain(build->user.home) ? build->user.home : "/";
}

static bool add_env(SpecBuild *build, Json *process, GError **error) {
        const SpecRequest *request = build->request;
        g_auto(Environment) environment = {
                .entries = g_ptr_array_new_with_free_func(g_free),
                .index = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
        };

        environment_set(&environment, "PATH", DEFAULT_PATH);
        if (build->wish->tty)
                environment_set(&environment, "TERM", "xterm");
        if (request->hostname)
                environment_set(&environment, "HOSTNAME", request->hostname);
        environment_add(&environment, request->config->default_env);
        if (request->image)
                environment_add(&environment, request->image->env);
        if (!add_wish_env(&environment, build->wish, error))
                return false;
        if (!environment_get(&environment, "HOME"))
                environment_set(&environment, "HOME", choose_home(build));
        if (!check_home(environment_get(&environment, "HOME"), error))
                return false;
        g_ptr_array_add(environment.entries, NULL);
        json_set_strings(process, "env", (const char *const *)environment.entries->pdata);
        build->home =
                json_string(json_at(json_get(process, "env"),
                        GPOINTER_TO_UINT(g_hash_table_lookup(environment.index, "HOME")) - 1)) +
                5;
        return true;
}

/* user */

/* "uid", "name" or the image's "user[:group]"; NULL with @error. Free with g_free(). */
static char *choose_user(const SpecBuild *build, GError **error) {
        const CriLinuxContainerSecurityContext *security = build->security;
        const ImageRecord *image = build->request->image;

        if (security->run_as_user && *security->run_as_username)
                return fail_null(error, ERROR_INVALID_ARGUMENT,
                        "run_as_user and run_as_username exclude each other");
        if (security->run_as_group && !security->run_as_user && !*security->run_as_username)
                return fail_null(error, ERROR_INVALID_ARGUMENT,
                        "run_as_group is specified without run_as_user or "
                        "run_as_username");
        if (security->run_as_user &&
                (security->run_as_user->value < 0 || security->run_as_user->value > USER_ID_MAX))
                return fail_null(error, ERROR_INVALID_ARGUMENT,
                        "run_as_user %" G_GINT64_FORMAT ": not from 0 to %u",
                        security->run_as_user->value, USER_ID_MAX);
        if (security->run_as_user)
                return g_strdup_printf("%" G_GINT64_FORMAT, security->run_as_user->value);
        if (*security->run_as_username)
                return g_strdup(security->run_as_username);
        return g_strdup(image ? image->user : "");
}

static void add_group(GArray *groups, guint32 gid) {
        for (guint i = 0; i < groups->len; i++)
                if (g_array_index(groups, guint32, i) == gid)
                        return;
        g_array_append_val(groups, gid);
}

/* The primary group is always in the list: else a process that drops the list loses what a mode
 * denies to it. */
static bool add_groups(SpecBuild *build, Json *user, GError **error) {
        const CriLinuxContainerSecurityContext *security = build->security;
        GArray *groups = build->result->groups;
        Json *array = json_need_array(user, "additionalGids");

        if (security->n_supplemental_groups > MAX_GROUPS)
                return fail(error, ERROR_INVALID_ARGUMENT, "supplemental_groups: more than %u",
                        MAX_GROUPS);
        add_group(groups, build->user.gid);
        for (size_t i = 0; i < security->n_supplemental_groups; i++) {
                gint64 gid = security->supplemental_groups[i];

                if (gid < 0 || gid > USER_ID_MAX)
                        return fail(error, ERROR_INVALID_ARGUMENT,
                                "supplemental_groups: %" G_GINT64_FORMAT " is not from 0 to %u",
                                gid, USER_ID_MAX);
                add_group(groups, (guint32)gid);
        }
        if (security->supplemental_groups_policy > CRI_SUPPLEMENTAL_GROUPS_POLICY_Strict)
                return fail(error, ERROR_INVALID_ARGUMENT, "supplemental_groups_policy: unknown");
        if (security->supplemental_groups_policy == CRI_SUPPLEMENTAL_GROUPS_POLICY_Merge)
                for (guint i = 0; i < build->user.groups->len; i++)
                        add_group(groups, g_array_index(build->user.groups, guint32, i));
        for (guint i = 0; i < groups->len; i++)
                json_append(array, json_new_uint(g_array_index(groups, guint32, i)));
        return true;
}

bool spec_add_identity(SpecBuild *build, GError **error) {
        const CriInt64Value *group = build->security->run_as_group;
        Json *process = json_need_object(build->spec, "process");
        Json *user = json_need_object(process, "user");
        g_autofree char *text = choose_user(build, error);

        if (!text || !user_resolve(build->root_dfd, text, &build->user, error))
                return false;
        if (group && (group->value < 0 || group->value > USER_ID_MAX))
                return fail(error, ERROR_INVALID_ARGUMENT,
                        "run_as_group %" G_GINT64_FORMAT ": not from 0 to %u", group->value,
                        USER_ID_MAX);
        if (group)
                build->user.gid = (guint32)group->value;
        json_set_uint(user, "uid", build->user.uid);
        json_set_uint(user, "gid", build->user.gid);
        build->result->uid = build->user.uid;
        build->result->gid = build->user.gid;
        return add_groups(build, user, error);
}

/* cwd */

static bool add_cwd(SpecBuild *build, Json *process, GError **error) {
        const ImageRecord *image = build->request->image;
        const char *wanted = "/";
        g_autofree char *clean = NULL;

        if (*build->wish->working_dir)
                wanted = build->wish->working_dir;
        else if (image && image->working_dir && *image->working_dir)
                wanted = image->working_dir;
        clean = spec_clean_path("working_dir", wanted, error);
        if (!clean)
                return false;
        json_set_string(process, "cwd", clean);
        build->cwd = json_get_string(process, "cwd");
        return true;
}

/* stop signal */

static bool choose_stop_signal(SpecBuild *build, GError **error) {
        const ImageRecord *image = build->request->image;
        int number = stop_signal_from_cri(build->wish->stop_signal);

        if (number < 0)
                return fail(error, ERROR_INVALID_ARGUMENT, "stop_signal: unknown number %d",
                        (int)build->wish->stop_signal);
        if (number == 0 && image && image->stop_signal && *image->stop_signal)
                number = stop_signal_parse(image->stop_signal);
        build->result->stop_signal = number > 0 ? number : SIGTERM;
        return true;
}

/* limits */

static bool add_rlimits(const SpecBuild *build, Json *process, GError **error) {
        GStrv limits = build->request->config->default_ulimits;
        Json *array = NULL;

        for (unsigned i = 0; limits && limits[i]; i++) {
                g_auto(GStrv) parts = g_strsplit_set(limits[i], "=:", 3);
                g_autofree char *name = parts[0] ? g_ascii_strup(parts[0], -1) : NULL;
                g_autofree char *type = g_strdup_printf("RLIMIT_%s", name ? name : "");
                guint64 soft, hard;
                Json *limit;

                if (g_strv_length(parts) < 2 ||
                        !g_ascii_string_to_unsigned(parts[1], 10, 0, G_MAXUINT64, &soft, NULL) ||
                        !g_ascii_string_to_unsigned(
                                parts[2] ? parts[2] : parts[1], 10, 0, G_MAXUINT64, &hard, NULL))
                        return fail(error, ERROR_INVALID_ARGUMENT,
                                "default_ulimits: %s is not NAME=SOFT:HARD", limits[i]);
                array = array ? array : json_need_array(process, "rlimits");
                limit = json_append(array, json_new_object());
                json_set_string(limit, "type", type);
                json_set_uint(limit, "soft", soft);
                json_set_uint(limit, "hard", hard);
        }
        return true;
}

/* What can be refused without a rootfs. */
bool spec_check_process(const SpecBuild *build, GError **error) {
        g_autofree char *user = choose_user(build, error);
        g_auto(GStrv) args = NULL;

        return user && spec_make_args(build, &args, error);
}

bool spec_add_process(SpecBuild *build, GError **error) {
        Json *process = json_need_object(build->spec, "process");
        g_auto(GStrv) args = NULL;

        json_set_bool(process, "terminal", build->wish->tty);
        if (!spec_add_identity(build, error) || !spec_make_args(build, &args, error))
                return false;
        json_set_strings(process, "args", (const char *const *)args);
        return add_cwd(build, process, error) && add_env(build, process, error) &&
               add_rlimits(build, process, error) && choose_stop_signal(build, error);
}
