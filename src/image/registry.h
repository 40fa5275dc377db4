/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Registry - one repository at one registry: requests with the right authorization, retried where
 * that helps.
 *
 * Owner    Whoever made it. Threads: any, each with a transport of its own; connect first, on one
 *          thread.
 *
 * Errors name the host and the step. Credentials go to this host and to the token server that it
 * names, over https unless the registry is configured as insecure, and nowhere else.
 */

#include <glib.h>
#include <stdbool.h>

#include "image/auth.h"
#include "image/source.h"
#include "image/transport.h"
#include "storage/digest.h"

typedef struct Registry Registry;

/* @host with port, @path of the repository there. @credentials: copied, NULL for none. */
Registry *registry_new(const char *host, const char *path, bool insecure,
                       const Credentials *credentials);
void registry_free(Registry *registry);

const char *registry_get_host(const Registry *registry);

/* Find out how to talk to it: https, or plain http when insecure; and what authorization it
 * wants. */
bool registry_connect(Registry *registry, Transport *transport, GError **error);

/* The raw manifest of a tag or digest, at most 4 MiB, and its content type. No such manifest:
 * NOT_FOUND. */
GBytes *registry_get_manifest(Registry *registry, Transport *transport, const char *tag_or_digest,
                              char **ret_content_type, GError **error);

/* A small blob, whole: exactly @size bytes of @digest. */
GBytes *registry_get_blob(Registry *registry, Transport *transport, const Digest *digest,
                          guint64 size, GError **error);

/* A blob as a source of exactly @size bytes, which picks up broken connections where they ended.
 * The digest is not verified. @transport is used until the source is freed. */
Source *registry_open_blob(Registry *registry, Transport *transport, const Digest *digest,
                           guint64 size, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Registry, registry_free)
