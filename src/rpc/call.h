/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * RpcCall - one request on its way. Owner: the server; a handler borrows it until it returns.
 */

#include <glib.h>

#include "base/arena.h"
#include "rpc/server.h"

Arena *rpc_call_arena(RpcCall *call);

/* When the client stops waiting, monotonic microseconds; 0 = never. */
gint64 rpc_call_deadline(const RpcCall *call);

/* Readable once the client has left or the server stops; borrowed. */
int rpc_call_cancel_fd(const RpcCall *call);
