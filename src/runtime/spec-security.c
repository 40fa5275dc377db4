/* SPDX-License-Identifier: Apache-2.0 */
#include <linux/capability.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "host/apparmor.h"
#include "host/capability.h"
#include "host/selinux-label.h"
#include "runtime/spec-private.h"

#define MAX_PATHS 1024

/* capabilities */

/* The sets of a container before they are written. */
typedef struct Capabilities {
        guint64 held;    /* bounding, effective, permitted */
        guint64 ambient; /* and, as the kernel demands it, inheritable */
} Capabilities;

static bool change_set(guint64 *set, char *const *names, size_t count, bool add, GError **error) {
        for (size_t i = 0; i < count; i++) {
                guint64 mask;

                if (!capability_parse(names[i], &mask, error))
                        return false;
                *set = add ? *set | mask : *set & ~mask;
        }
        return true;
}

static bool names_all(char *const *names, size_t count) {
        for (size_t i = 0; i < count; i++)
                if (g_ascii_strcasecmp(names[i], "ALL") == 0)
                        return true;
        return false;
}

/* Names one by one; ALL went first, so that "all but this one" and "none but this one" can be said.
 */
static bool change_named(guint64 *set, char *const *names, size_t count, bool add, GError **error) {
        for (size_t i = 0; i < count; i++)
                if (g_ascii_strcasecmp(names[i], "ALL") != 0 &&
                        !change_set(set, names + i, 1, add, error))
                        return false;
        return true;
}

static bool choose_capabilities(const SpecBuild *build, Capabilities *out, GError **error) {
        GStrv defaults = build->request->config->default_capabilities;
        const CriCapability *wish = build->security->capabilities;
        /* What we do not have ourselves cannot be given; "all" means all of ours. */
        guint64 all = capability_all() & capability_bounding();
        bool drop_all = wish && names_all(wish->drop_capabilities, wish->n_drop_capabilities);

        if (build->infra)
                return true;
        if (build->privileged) {
                out->held = all;
                return !wish || change_set(&out->ambient, wish->add_ambient_capabilities,
                                        wish->n_add_ambient_capabilities, true, error);
        }
        if (!drop_all && defaults &&
                !change_set(&out->held, defaults, g_strv_length(defaults), true, error))
                return false;
        if (!wish)
                return true;
        if (!drop_all && names_all(wish->add_capabilities, wish->n_add_capabilities))
                out->held = all;
        if (!change_named(
                    &out->held, wish->add_capabilities, wish->n_add_capabilities, true, error) ||
                !change_named(&out->held, wish->drop_capabilities, wish->n_drop_capabilities, false,
                        error) ||
                !change_set(&out->ambient, wish->add_ambient_capabilities,
                        wish->n_add_ambient_capabilities, true, error))
                return false;
        return true;
}

static void set_names(Json *object, const char *key, guint64 mask) {
        g_auto(GStrv) names = capability_names(mask);

        json_set_strings(object, key, (const char *const *)names);
}

static bool add_capabilities(SpecBuild *build, GError **error) {
        Json *process = json_need_object(build->spec, "process");
        Json *object = json_need_object(process, "capabilities");
        Capabilities sets = {0};

        if (!choose_capabilities(build, &sets, error))
                return false;
        sets.held |= sets.ambient;
        set_names(object, "bounding", sets.held);
        set_names(object, "effective", sets.held);
        set_names(object, "permitted", sets.held);
        set_names(object, "inheritable",
                build->request->config->add_inheritable_capabilities ? sets.held : sets.ambient);
        set_names(object, "ambient", sets.ambient);
        return true;
}

/* paths */

static bool add_paths(
        SpecBuild *build, const char *key, char *const *paths, size_t count, GError **error) {
        Json *array;

        if (count > MAX_PATHS)
                return fail(
                        error, ERROR_INVALID_ARGUMENT, "%s: more than %u paths", key, MAX_PATHS);
        array = json_need_array(spec_linux(build), key);
        for (size_t i = 0; i < count; i++) {
                g_autofree char *clean = spec_clean_path(key, paths[i], error);

                if (!clean)
                        return false;
                json_append_string(array, clean);
        }
        return true;
}

/* The folders that count how often each processor was throttled; they differ from machine to
 * machine. */
static GPtrArray *thermal_paths(void) {
        static GPtrArray *paths;
        static gsize once;

        if (!g_once_init_enter(&once))
                return paths;
        paths = g_ptr_array_new_with_free_func(g_free);
        for (unsigned i = 0; i < 4096; i++) {
                g_autofree char *cpu = g_strdup_printf("/sys/devices/system/cpu/cpu%u", i);
                char *path = g_strconcat(cpu, "/thermal_throttle", NULL);

                if (access(path, F_OK) == 0)
                        g_ptr_array_add(paths, path);
                else
                        g_free(path);
                if (access(cpu, F_OK) < 0)
                        break;
        }
        g_once_init_leave(&once, 1);
        return paths;
}

/* The kubelet may have named it already; a second mount over it would only cost. */
static void mask_once(Json *array, const char *path) {
        for (size_t i = 0; i < json_length(array); i++)
                if (g_strcmp0(json_string(json_at(array, i)), path) == 0)
                        return;
        json_append_string(array, path);
}

static void mask_more(SpecBuild *build) {
        static const char *const more[] = {
                "/proc/asound", "/proc/interrupts", "/sys/devices/virtual/powercap"};
        Json *array = json_need_array(spec_linux(build), "maskedPaths");
        GPtrArray *thermal = thermal_paths();

        for (unsigned i = 0; i < G_N_ELEMENTS(more); i++)
                mask_once(array, more[i]);
        for (guint i = 0; i < thermal->len; i++)
                mask_once(array, thermal->pdata[i]);
}

/* No list at all is the kubelet's way to ask for an unmasked /proc. */
static bool add_hidden_paths(SpecBuild *build, GError **error) {
        const CriLinuxContainerSecurityContext *security = build->security;

        if (build->privileged)
                return true;
        if (!add_paths(build, "maskedPaths", security->masked_paths, security->n_masked_paths,
                    error) ||
                !add_paths(build, "readonlyPaths", security->readonly_paths,
                        security->n_readonly_paths, error))
                return false;
        if (security->n_masked_paths > 0)
                mask_more(build);
        return true;
}

/* AppArmor */

/* The profile asked for: NULL is none. The newer field counts when both are there. */
static const char *wanted_apparmor(const SpecBuild *build, bool *ret_named) {
        const CriSecurityProfile *field = build->security->apparmor;
        G_GNUC_BEGIN_IGNORE_DEPRECATIONS
        const char *old = build->security->apparmor_profile;
        G_GNUC_END_IGNORE_DEPRECATIONS
        const char *standard = build->request->config->apparmor_profile;

        *ret_named = false;
        if (field && field->profile_type == CRI_SECURITY_PROFILE_PROFILE_TYPE_Localhost) {
                *ret_named = true;
                return g_str_has_prefix(field->localhost_ref, "localhost/")
                               ? field->localhost_ref + 10
                               : field->localhost_ref;
        }
        if (field ? field->profile_type == CRI_SECURITY_PROFILE_PROFILE_TYPE_Unconfined
                  : strcmp(old, "unconfined") == 0)
                return NULL;
        if (!field && g_str_has_prefix(old, "localhost/")) {
                *ret_named = true;
                return old + strlen("localhost/");
        }
        return standard && strcmp(standard, "unconfined") != 0 && *standard ? standard : NULL;
}

/* The default profile is nobody's wish in particular: a node that lacks it runs on, and says so. */
static void warn_unconfined(void) {
        static gsize once;

        if (!g_once_init_enter(&once))
                return;
        log_warning(
                "AppArmor is on, but profile crio-default is not loaded: containers that ask for "
                "the default profile run without one");
        g_once_init_leave(&once, 1);
}

static bool add_apparmor(SpecBuild *build, GError **error) {
        const char *profile;
        bool named, loaded;

        if (build->privileged || build->infra)
                return true;
        profile = wanted_apparmor(build, &named);
        if (named && !*profile)
                return fail(error, ERROR_INVALID_ARGUMENT, "apparmor: Localhost without a name");
        if (!profile || (!apparmor_is_enabled() && !named))
                return true;
        if (!apparmor_is_enabled())
                return fail(error, ERROR_FAILED_PRECONDITION,
                        "apparmor profile %s was asked for, but AppArmor is off on this node",
                        profile);
        if (!apparmor_has_profile(profile, &loaded, error))
                return false;
        if (!loaded && !named && strcmp(profile, "crio-default") == 0) {
                warn_unconfined();
                return true;
        }
        if (!loaded)
                return fail(error, ERROR_FAILED_PRECONDITION,
                        "apparmor profile %s is not loaded; load it with apparmor_parser", profile);
        json_set_string(json_need_object(build->spec, "process"), "apparmorProfile", profile);
        return true;
}

/* SELinux */

static bool selinux_is_used(const SpecBuild *build) {
        return build->request->config->selinux && selinux_label_is_enabled();
}

/* The fourth part of a label and what follows, which may have colons itself. */
static const char *label_level(const char *label) {
        for (unsigned i = 0; label && i < 3; i++) {
                label = strchr(label, ':');
                label = label ? label + 1 : NULL;
        }
        return label;
}

/* Options of the container itself change the pod's label; the level stays the pod's unless it is
 * named. */
static bool choose_label(const SpecBuild *build, char **ret_label, GError **error) {
        const CriSELinuxOption *options = build->security->selinux_options;
        const char *pod = build->request->process_label;
        g_autofree char *mount = NULL;
        SelinuxWish wish = {.kind = SELINUX_KIND_CONTAINER};

        if (!options ||
                (!*options->user && !*options->role && !*options->type && !*options->level)) {
                *ret_label = g_strdup(pod);
                return true;
        }
        wish.user = options->user;
        wish.role = options->role;
        wish.type = options->type;
        wish.level = *options->level ? options->level : label_level(pod);
        return selinux_label_build(&wish, ret_label, &mount, error);
}

/* A privileged container runs as the runtime's own domain decides, without a label of ours. */
static bool add_selinux(SpecBuild *build, GError **error) {
        g_autofree char *label = NULL;

        if (!selinux_is_used(build))
                return true;
        if (!build->request->process_label)
                return fail(error, ERROR_UNIMPLEMENTED,
                        "SELinux is on, but the pod has no label; set selinux = false in "
                        "[crio.runtime]");
        if (build->request->mount_label && *build->request->mount_label)
                json_set_string(spec_linux(build), "mountLabel", build->request->mount_label);
        if (build->privileged)
                return true;
        if (!choose_label(build, &label, error))
                return false;
        if (label && *label)
                json_set_string(json_need_object(build->spec, "process"), "selinuxLabel", label);
        return true;
}

static bool add_privileges(SpecBuild *build) {
        bool strict = build->security->no_new_privs || build->infra;
        const CriCapability *wish = build->security->capabilities;
        guint64 mask = 0;

        json_set_bool(json_need_object(build->spec, "process"), "noNewPrivileges", strict);
        if (strict && wish)
                for (size_t i = 0; i < wish->n_add_capabilities; i++)
                        if (capability_parse(wish->add_capabilities[i], &mask, NULL) &&
                                mask == CAPABILITY_BIT(CAP_SYS_ADMIN))
                                log_warning("container %s: no_new_privs has no effect on what "
                                            "CAP_SYS_ADMIN can do",
                                        build->request->id);
        return true;
}

bool spec_add_security(SpecBuild *build, GError **error) {
        return add_selinux(build, error) && add_capabilities(build, error) &&
               add_privileges(build) && add_hidden_paths(build, error) &&
               add_apparmor(build, error) && spec_add_seccomp(build, error);
}
