/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Registry - every sandbox and container, by id and by name.
 *
 * Owner    The daemon. It holds one reference to each object.
 * Threads  Any; a leaf lock for a few instructions. Readers never wait.
 *
 * A name belongs to the creation that runs, later to the object. A second request for a name joins
 * the running creation or is given what it made: there is no "name is reserved".
 */

#include <glib.h>
#include <stdbool.h>

typedef struct Container Container;
typedef struct Registry Registry;
typedef struct Sandbox Sandbox;

Registry *registry_new(void);
void registry_free(Registry *registry);

/* objects; find: by id or unique prefix, a new reference or NULL */
void registry_add_sandbox(Registry *registry, Sandbox *sandbox);
void registry_add_container(Registry *registry, Container *container);
void registry_drop_sandbox(Registry *registry, Sandbox *sandbox);
void registry_drop_container(Registry *registry, Container *container);
Sandbox *registry_find_sandbox(Registry *registry, const char *id);
Container *registry_find_container(Registry *registry, const char *id);

/* Snapshots: arrays of references. @sandbox_id NULL: all containers. */
GPtrArray *registry_list_sandboxes(Registry *registry);
GPtrArray *registry_list_containers(Registry *registry, const char *sandbox_id);

typedef enum ClaimOutcome {
        CLAIM_FAILED, /* the creation that was joined failed, or waiting for it was given up */
        CLAIM_NEW,    /* the caller creates, and must call registry_settle() */
        CLAIM_DONE,   /* it exists: @ret_id */
} ClaimOutcome;

/* Claim @name. Waits for a running creation of it until @deadline_usec or @cancel_fd; its failure
 * is returned to everybody who joined. */
ClaimOutcome registry_claim(Registry *registry, const char *name, gint64 deadline_usec,
        int cancel_fd, char **ret_id, GError **error);

/* End of a creation: @id on success, else @failure. The name is free again after a failure. */
void registry_settle(Registry *registry, const char *name, const char *id, const GError *failure);

/* Which step a running creation has reached, for messages; borrowed static text. */
void registry_note_step(Registry *registry, const char *name, const char *step);

/* A name found in a state file at start. */
void registry_adopt_name(Registry *registry, const char *name, const char *id);
/* Give up a name if it still belongs to @id. */
void registry_release_name(Registry *registry, const char *name, const char *id);

/* Whether somebody waits for the creation of @name. For tests. */
bool registry_is_joined(Registry *registry, const char *name);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Registry, registry_free)
