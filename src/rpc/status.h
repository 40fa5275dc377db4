/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* status - the one place where an error becomes a gRPC status. */

#include <glib.h>
#include <grpc/status.h>

/* @ret_message is what the client reads; free with g_free(). */
grpc_status_code rpc_status_translate(const GError *error, char **ret_message);
