/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * PullRequest - what the daemon wants pulled: one JSON object on stdin, so that no secret is in a
 * command line.
 *
 * Owner    main. Strings are never NULL but may be empty.
 */

#include <glib.h>

#include "image/auth.h"

typedef struct PullRequest {
        char *reference;
        char *root; /* of the image store */
        char *runroot;
        char *registries_conf;
        char *registries_conf_dir;
        char *auth_file;
        char *signature_policy;
        char *signature_policy_dir;
        char *name_space;
        char *log_level;
        char *os; /* of the platform */
        char *architecture;
        char *variant;
        Credentials *credentials; /* of the request; NULL: none */
} PullRequest;

PullRequest *pull_request_parse(const char *text, size_t length, GError **error);
void pull_request_free(PullRequest *request);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(PullRequest, pull_request_free)
