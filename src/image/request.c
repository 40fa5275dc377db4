/* SPDX-License-Identifier: Apache-2.0 */
#include "image/request.h"

#include <stddef.h>

#include "base/error.h"

static const struct {
        const char *object; /* NULL: at the top */
        const char *key;
        size_t offset;
} members[] = {
        { NULL, "reference", offsetof(PullRequest, reference) },
        { NULL, "root", offsetof(PullRequest, root) },
        { NULL, "runroot", offsetof(PullRequest, runroot) },
        { NULL, "registries_conf", offsetof(PullRequest, registries_conf) },
        { NULL, "registries_conf_dir", offsetof(PullRequest, registries_conf_dir) },
        { NULL, "auth_file", offsetof(PullRequest, auth_file) },
        { NULL, "signature_policy", offsetof(PullRequest, signature_policy) },
        { NULL, "signature_policy_dir", offsetof(PullRequest, signature_policy_dir) },
        { NULL, "namespace", offsetof(PullRequest, name_space) },
        { NULL, "log_level", offsetof(PullRequest, log_level) },
        { "platform", "os", offsetof(PullRequest, os) },
        { "platform", "architecture", offsetof(PullRequest, architecture) },
        { "platform", "variant", offsetof(PullRequest, variant) },
};

static char **member_at(PullRequest *request, size_t offset) {
        return (char **) (void *) ((char *) request + offset);
}

PullRequest *pull_request_parse(const char *text, size_t length, GError **error) {
        g_autoptr(PullRequest) request = g_new0(PullRequest, 1);
        g_autoptr(Json) json = json_parse(text, length, "request", error);

        if (!json)
                return NULL;
        for (unsigned i = 0; i < G_N_ELEMENTS(members); i++) {
                const Json *from = members[i].object ? json_get(json, members[i].object) : json;
                const char *value = json_get_string(from, members[i].key);

                *member_at(request, members[i].offset) = g_strdup(value ? value : "");
        }
        if (!*request->root || *request->root != '/')
                return fail_null(error, ERROR_INVALID_ARGUMENT,
                                 "request: the root of the image store must be an absolute path");
        if (!credentials_from_request(json_get(json, "auth"), &request->credentials, error))
                return NULL;
        return g_steal_pointer(&request);
}

void pull_request_free(PullRequest *request) {
        if (!request)
                return;
        for (unsigned i = 0; i < G_N_ELEMENTS(members); i++)
                g_free(*member_at(request, members[i].offset));
        credentials_free(request->credentials);
        g_free(request);
}
