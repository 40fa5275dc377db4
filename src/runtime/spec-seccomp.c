/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "host/capability.h"
#include "host/seccomp-profile.h"
#include "runtime/spec-private.h"

typedef enum SeccompChoice { SECCOMP_NONE, SECCOMP_DEFAULT, SECCOMP_FILE } SeccompChoice;

static bool choose_file(const char *reference, const char **ret_path, GError **error) {
        const char *path = g_str_has_prefix(reference, "localhost/") ? reference + 10 : reference;

        if (*path != '/')
                return fail(error, ERROR_INVALID_ARGUMENT,
                        "seccomp: localhost_ref \"%.256s\" is not an absolute path", reference);
        *ret_path = path;
        return true;
}

/* The older field, a word, counts only where the newer one is missing. */
static bool choose_by_word(
        const char *word, SeccompChoice *ret_choice, const char **ret_path, GError **error) {
        *ret_choice = SECCOMP_NONE;
        if (!*word || strcmp(word, "unconfined") == 0)
                return true;
        *ret_choice = SECCOMP_DEFAULT;
        if (strcmp(word, "runtime/default") == 0 || strcmp(word, "docker/default") == 0)
                return true;
        *ret_choice = SECCOMP_FILE;
        if (g_str_has_prefix(word, "localhost/"))
                return choose_file(word, ret_path, error);
        return fail(
                error, ERROR_INVALID_ARGUMENT, "seccomp_profile_path: %.128s is not known", word);
}

static bool choose(
        const SpecBuild *build, SeccompChoice *ret_choice, const char **ret_path, GError **error) {
        const CriSecurityProfile *profile = build->security->seccomp;

        G_GNUC_BEGIN_IGNORE_DEPRECATIONS
        const char *word = build->security->seccomp_profile_path;
        G_GNUC_END_IGNORE_DEPRECATIONS

        if (!profile)
                return choose_by_word(word, ret_choice, ret_path, error);
        switch ((int)profile->profile_type) {
        case CRI_SECURITY_PROFILE_PROFILE_TYPE_RuntimeDefault:
                *ret_choice = SECCOMP_DEFAULT;
                return true;
        case CRI_SECURITY_PROFILE_PROFILE_TYPE_Unconfined:
                *ret_choice = SECCOMP_NONE;
                return true;
        case CRI_SECURITY_PROFILE_PROFILE_TYPE_Localhost:
                *ret_choice = SECCOMP_FILE;
                return choose_file(profile->localhost_ref, ret_path, error);
        }
        return fail(error, ERROR_INVALID_ARGUMENT, "seccomp: unknown profile type %d",
                (int)profile->profile_type);
}

/* The node's own default: of the handler, of the daemon, or NULL for ours. */
static const char *default_file(const SpecBuild *build) {
        const RuntimeHandlerConfig *handler = runtime_get_config(build->request->runtime);
        const char *common = build->request->config->seccomp_profile;

        if (handler->seccomp_profile && *handler->seccomp_profile)
                return handler->seccomp_profile;
        /* A file that is missing was warned of when the configuration was read. */
        return common && *common && access(common, F_OK) == 0 ? common : NULL;
}

static guint64 held_capabilities(const SpecBuild *build) {
        const Json *process = json_get(build->spec, "process");
        const Json *list = json_get(json_get(process, "capabilities"), "bounding");
        guint64 held = 0;

        for (size_t i = 0; i < json_length(list); i++) {
                guint64 mask = 0;

                if (capability_parse(json_string(json_at(list, i)), &mask, NULL))
                        held |= mask;
        }
        return held;
}

/* For a privileged container only the node's privileged profile counts, and there normally is none.
 */
bool spec_add_seccomp(SpecBuild *build, GError **error) {
        const char *privileged = build->request->config->privileged_seccomp_profile;
        SeccompChoice choice = SECCOMP_NONE;
        const char *path = NULL;
        Json *profile;

        if (build->infra || !choose(build, &choice, &path, error))
                return build->infra;
        if (build->privileged) {
                path = privileged && *privileged ? privileged : NULL;
                choice = path ? SECCOMP_FILE : SECCOMP_NONE;
        }
        if (choice == SECCOMP_NONE)
                return true;
        if (choice == SECCOMP_DEFAULT)
                path = default_file(build);
        if (!path)
                profile = seccomp_profile_default(held_capabilities(build));
        else if (!seccomp_profile_load(path, held_capabilities(build), NULL, &profile, error))
                return false;
        json_set(spec_linux(build), "seccomp", profile);
        return true;
}
