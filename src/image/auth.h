/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Credentials - who we are for a registry: from the request of the kubelet, or from the auth
 * files of the host.
 *
 * Owner    Whoever found them. No text of them ever goes into an error or a log line.
 */

#include <glib.h>
#include <stdbool.h>

#include "base/json.h"

typedef struct Credentials {
        char *username; /* with password, or NULL */
        char *password;
        char *identity_token; /* to be exchanged for a bearer token */
        char *registry_token; /* a bearer token */
} Credentials;

void credentials_free(Credentials *credentials);
Credentials *credentials_copy(const Credentials *credentials); /* NULL gives NULL */

/* From CRI's AuthConfig; @ret_credentials is NULL when there is nothing in it. */
bool credentials_from_request(const Json *auth, Credentials **ret_credentials, GError **error);

/* From the auth files for @host and repository @path. @file: this file alone, and it must exist;
 * NULL or "": the usual places. NULL in @ret_credentials when no file knows the registry. */
bool credentials_find(const char *file, const char *host, const char *path,
                      Credentials **ret_credentials, GError **error);

/* The same in the "auths" object of one file. */
bool credentials_find_in(const Json *auths, const char *host, const char *path,
                         Credentials **ret_credentials, GError **error);

/* "Basic ..." for the header; free with g_free(). NULL when there is no user name. */
char *credentials_print_basic(const Credentials *credentials);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Credentials, credentials_free)
