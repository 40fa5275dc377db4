/* SPDX-License-Identifier: Apache-2.0 */
#include "image/policy.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"

#define FILE_LIMIT (4 * 1024 * 1024)
#define ACCEPT "insecureAcceptAnything"
#define REJECT "reject"
#define TRANSPORT "docker"
#define HOST_FILE "/etc/containers/policy.json"

struct Policy {
        char *name;
        Json *json; /* checked */
};

/* Members besides "type" of each kind of requirement. */
static const struct {
        const char *type;
        const char *members;
} requirement_types[] = {
        { ACCEPT, "" },
        { REJECT, "" },
        { "signedBy", " keyType keyPath keyPaths keyData signedIdentity " },
        { "sigstoreSigned",
          " keyPath keyPaths keyData keyDatas fulcio pki rekorPublicKeyPath rekorPublicKeyPaths "
          "rekorPublicKeyData rekorPublicKeyDatas signedIdentity " },
        { "signedBaseLayer", " baseLayerIdentity " },
};

static bool is_among(const char *word, const char *words) {
        g_autofree char *padded = g_strconcat(" ", word, " ", NULL);

        return !strchr(word, ' ') && strstr(words, padded);
}

static const char *members_of(const char *type) {
        for (unsigned i = 0; type && i < G_N_ELEMENTS(requirement_types); i++)
                if (g_str_equal(type, requirement_types[i].type))
                        return requirement_types[i].members;
        return NULL;
}

/* A key that is not known may be a restriction that was meant, so nothing unknown is passed over.
 * */
static bool check_requirement(const Json *requirement, GError **error) {
        const char *type = json_get_string(requirement, "type");
        const char *members = members_of(type);

        if (!members)
                return fail(error, ERROR_FAILED_PRECONDITION,
                            "a requirement of unknown type \"%s\"",
                            type ? type : "");
        for (size_t i = 0; i < json_length(requirement); i++) {
                const char *key = json_key_at(requirement, i);

                if (!g_str_equal(key, "type") && !is_among(key, members))
                        return fail(error, ERROR_FAILED_PRECONDITION,
                                    "unknown key \"%s\" in a requirement of type %s", key, type);
        }
        return true;
}

static bool check_list(const Json *list, const char *scope, GError **error) {
        if (json_get_type(list) != JSON_ARRAY || json_length(list) == 0)
                return fail(error, ERROR_FAILED_PRECONDITION,
                            "\"%s\" must be a list of at least one requirement", scope);
        for (size_t i = 0; i < json_length(list); i++)
                if (!check_requirement(json_at(list, i), error))
                        return false;
        return true;
}

static bool check_transports(const Json *transports, GError **error) {
        if (transports && json_get_type(transports) != JSON_OBJECT)
                return fail(error, ERROR_FAILED_PRECONDITION, "\"transports\" must be an object");
        for (size_t i = 0; i < json_length(transports); i++) {
                const Json *scopes = json_at(transports, i);

                if (json_get_type(scopes) != JSON_OBJECT)
                        return fail(error, ERROR_FAILED_PRECONDITION,
                                    "transport \"%s\" must be an object of scopes",
                                    json_key_at(transports, i));
                for (size_t j = 0; j < json_length(scopes); j++)
                        if (!check_list(json_at(scopes, j), json_key_at(scopes, j), error))
                                return false;
        }
        return true;
}

static bool check_document(const Json *json, GError **error) {
        if (json_get_type(json) != JSON_OBJECT)
                return fail(error, ERROR_FAILED_PRECONDITION, "it is no object");
        for (size_t i = 0; i < json_length(json); i++)
                if (!is_among(json_key_at(json, i), " default transports "))
                        return fail(error, ERROR_FAILED_PRECONDITION, "unknown key \"%s\"",
                                    json_key_at(json, i));
        return check_list(json_get(json, "default"), "default", error) &&
               check_transports(json_get(json, "transports"), error);
}

Policy *policy_parse(const char *text, size_t length, const char *name, GError **error) {
        g_autoptr(Json) json = json_parse(text, length, name, error);
        Policy *policy;

        if (!json)
                return NULL;
        if (!check_document(json, error)) {
                g_prefix_error(error, "signature policy %s: ", name);
                return NULL;
        }
        policy = g_new0(Policy, 1);
        policy->name = g_strdup(name);
        policy->json = g_steal_pointer(&json);
        return policy;
}

void policy_free(Policy *policy) {
        if (!policy)
                return;
        g_free(policy->name);
        json_free(policy->json);
        g_free(policy);
}

/* Which file holds, NULL when there is none and all is accepted. */
static char *find_file(const char *file, const char *namespace_dir, const char *name_space) {
        const char *home = g_getenv("HOME");
        g_autofree char *own = NULL;

        if (namespace_dir && *namespace_dir && name_space && *name_space) {
                g_autofree char *base = g_strconcat(name_space, ".json", NULL);

                own = g_build_filename(namespace_dir, base, NULL);
                if (access(own, F_OK) == 0)
                        return g_steal_pointer(&own);
        }
        if (file && *file)
                return g_strdup(file);
        g_free(own);
        own = g_build_filename(home && *home ? home : "/root", ".config/containers/policy.json",
                               NULL);
        if (access(own, F_OK) == 0)
                return g_steal_pointer(&own);
        return access(HOST_FILE, F_OK) == 0 ? g_strdup(HOST_FILE) : NULL;
}

Policy *policy_load(const char *file, const char *namespace_dir, const char *name_space,
                    GError **error) {
        static const char accept_all[] = "{\"default\":[{\"type\":\"" ACCEPT "\"}]}";
        g_autofree char *path = NULL;
        g_autofree char *text = NULL;
        size_t length;

        if (name_space && (strchr(name_space, '/') || g_str_has_prefix(name_space, ".")))
                return fail_null(error, ERROR_INVALID_ARGUMENT, "\"%.100s\" is no namespace",
                                 name_space);
        path = find_file(file, namespace_dir, name_space);
        if (!path)
                return policy_parse(accept_all, strlen(accept_all), "built in", error);
        if (!file_read(AT_FDCWD, path, FILE_LIMIT, &text, &length, error)) {
                g_prefix_error(error, "signature policy: ");
                return NULL;
        }
        return policy_parse(text, length, path, error);
}

/* From the full name over repository and parents to the host, then its parent domains as
 * wildcards. */
static const Json *find_scope(const Json *scopes, const ImageReference *reference) {
        g_autofree char *scope = image_reference_print_stored(reference);
        g_autofree char *host = g_strndup(reference->domain, strcspn(reference->domain, ":"));
        g_autofree char *repository = image_reference_print_repository(reference);
        const Json *found = json_get(scopes, scope);
        const char *dot;
        char *slash;

        for (; !found && repository; *slash = '\0') {
                found = json_get(scopes, repository);
                slash = strrchr(repository, '/');
                if (!slash)
                        break;
        }
        for (dot = strchr(host, '.'); !found && dot; dot = strchr(dot + 1, '.')) {
                g_autofree char *wildcard = g_strconcat("*", dot, NULL);

                found = json_get(scopes, wildcard);
        }
        return found ? found : json_get(scopes, "");
}

static bool check_one(const Policy *policy, const char *type, const char *name, GError **error) {
        if (g_str_equal(type, ACCEPT))
                return true;
        if (g_str_equal(type, REJECT))
                return fail(error, ERROR_SIGNATURE_VALIDATION_FAILED,
                            "Source image rejected: Running image docker://%s is rejected by "
                            "policy (%s)", name, policy->name);
        return fail(error, ERROR_SIGNATURE_VALIDATION_FAILED,
                    "Source image rejected: the policy %s demands a signature (%s) for "
                    "docker://%s, and checking signatures is not supported yet",
                    policy->name, type, name);
}

bool policy_check(const Policy *policy, const ImageReference *reference, GError **error) {
        const Json *scopes = json_get(json_get(policy->json, "transports"), TRANSPORT);
        g_autofree char *name = image_reference_print_stored(reference);
        const Json *list = find_scope(scopes, reference);

        if (!list)
                list = json_get(policy->json, "default");
        for (size_t i = 0; i < json_length(list); i++)
                if (!check_one(policy, json_get_string(json_at(list, i), "type"), name, error))
                        return false;
        return true;
}
