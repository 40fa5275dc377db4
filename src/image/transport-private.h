/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <curl/curl.h>

#include "image/transport.h"

/* transport-tls: certificates that the host's administrator put beside a registry's name */

/* Set CAs, client certificate and key: the system's and those of @directory (NULL: none). CAs are
 * megabytes, so there are none without @verify. @ret_ca_fd: what must stay open while the handle is
 * in use, -1 when nothing. */
bool transport_use_certs(CURL *easy, const char *directory, bool verify, int *ret_ca_fd,
                         GError **error);

/* transport-url */

/* Whether both URLs have scheme, host and port in common. */
bool transport_same_origin(const char *a, const char *b);

/* @target, which is absolute, without user, password and fragment; NULL with @error when it must
 * not be followed from @from. Free with g_free(). */
char *transport_check_redirect(const char *from, const char *target, bool insecure, GError **error);
