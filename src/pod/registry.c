/* SPDX-License-Identifier: Apache-2.0 */
#include "pod/registry.h"

#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/id.h"
#include "base/lock.h"
#include "pod/container.h"
#include "pod/sandbox.h"

struct Registry {
        Lock lock;
        GHashTable *sandboxes;  /* id -> Sandbox */
        GHashTable *containers; /* id -> Container */
        GHashTable *claims;     /* name -> Claim */
};

/* A name and what became of it; counted. */
typedef struct Claim {
        char *id; /* NULL while the creation runs, and after a failure */
        GError *failure;
        bool settled;
        int done_fd; /* eventfd, readable once settled */
        gint64 since_usec;
        const char *step;
        int waiting; /* atomic */
} Claim;

static void claim_clear(void *data) {
        Claim *claim = data;

        g_free(claim->id);
        g_clear_error(&claim->failure);
        if (claim->done_fd >= 0)
                fd_close(claim->done_fd);
}

static void claim_unref(void *claim) {
        g_atomic_rc_box_release_full(claim, claim_clear);
}

static Claim *claim_new(void) {
        Claim *claim = g_atomic_rc_box_new0(Claim);

        claim->done_fd = eventfd(0, EFD_CLOEXEC);
        claim->since_usec = clock_monotonic_usec();
        return claim;
}

Registry *registry_new(void) {
        Registry *registry = g_new0(Registry, 1);

        lock_init(&registry->lock, LOCK_RANK_LEAF);
        registry->sandboxes =
                g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)sandbox_unref);
        registry->containers = g_hash_table_new_full(
                g_str_hash, g_str_equal, NULL, (GDestroyNotify)container_unref);
        registry->claims = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, claim_unref);
        return registry;
}

void registry_free(Registry *registry) {
        if (!registry)
                return;
        g_hash_table_unref(registry->containers);
        g_hash_table_unref(registry->sandboxes);
        g_hash_table_unref(registry->claims);
        lock_clear(&registry->lock);
        g_free(registry);
}

/* objects */

void registry_add_sandbox(Registry *registry, Sandbox *sandbox) {
        lock_guard(&registry->lock);
        g_hash_table_replace(
                registry->sandboxes, (char *)sandbox_get_id(sandbox), sandbox_ref(sandbox));
}

void registry_add_container(Registry *registry, Container *container) {
        lock_guard(&registry->lock);
        g_hash_table_replace(registry->containers, (char *)container_get_id(container),
                container_ref(container));
}

void registry_drop_sandbox(Registry *registry, Sandbox *sandbox) {
        lock_guard(&registry->lock);
        g_hash_table_remove(registry->sandboxes, sandbox_get_id(sandbox));
}

void registry_drop_container(Registry *registry, Container *container) {
        lock_guard(&registry->lock);
        g_hash_table_remove(registry->containers, container_get_id(container));
}

/* The value of the key, or of the only key that begins with it. */
static void *find_by_prefix(GHashTable *table, const char *id) {
        GHashTableIter iter;
        const char *key;
        void *value, *found;

        found = g_hash_table_lookup(table, id);
        if (found || !*id || strlen(id) >= ID_LENGTH)
                return found;
        g_hash_table_iter_init(&iter, table);
        while (g_hash_table_iter_next(&iter, (void **)&key, &value)) {
                if (!g_str_has_prefix(key, id))
                        continue;
                if (found)
                        return NULL;
                found = value;
        }
        return found;
}

Sandbox *registry_find_sandbox(Registry *registry, const char *id) {
        Sandbox *sandbox;

        lock_guard(&registry->lock);
        sandbox = find_by_prefix(registry->sandboxes, id);
        return sandbox ? sandbox_ref(sandbox) : NULL;
}

Container *registry_find_container(Registry *registry, const char *id) {
        Container *container;

        lock_guard(&registry->lock);
        container = find_by_prefix(registry->containers, id);
        return container ? container_ref(container) : NULL;
}

GPtrArray *registry_list_sandboxes(Registry *registry) {
        GPtrArray *list = g_ptr_array_new_with_free_func((GDestroyNotify)sandbox_unref);
        GHashTableIter iter;
        void *value;

        lock_guard(&registry->lock);
        g_hash_table_iter_init(&iter, registry->sandboxes);
        while (g_hash_table_iter_next(&iter, NULL, &value))
                g_ptr_array_add(list, sandbox_ref(value));
        return list;
}

GPtrArray *registry_list_containers(Registry *registry, const char *sandbox_id) {
        GPtrArray *list = g_ptr_array_new_with_free_func((GDestroyNotify)container_unref);
        GHashTableIter iter;
        void *value;

        lock_guard(&registry->lock);
        g_hash_table_iter_init(&iter, registry->containers);
        while (g_hash_table_iter_next(&iter, NULL, &value))
                if (!sandbox_id || g_str_equal(container_get_sandbox_id(value), sandbox_id))
                        g_ptr_array_add(list, container_ref(value));
        return list;
}

/* names */

/* Make the claim and return NULL, or return the one that exists with a reference. */
static Claim *claim_or_join(Registry *registry, const char *name) {
        Claim *claim;

        lock_guard(&registry->lock);
        claim = g_hash_table_lookup(registry->claims, name);
        if (claim)
                return g_atomic_rc_box_acquire(claim);
        g_hash_table_insert(registry->claims, g_strdup(name), claim_new());
        return NULL;
}

static ClaimOutcome claim_wait(
        Claim *claim, const char *name, gint64 deadline_usec, int cancel_fd, GError **error) {
        const char *step;
        int ready;

        g_atomic_int_inc(&claim->waiting);
        ready = fd_wait(claim->done_fd, POLLIN, deadline_usec, cancel_fd);
        step = g_atomic_pointer_get(&claim->step);
        if (ready > 0 && !claim->failure)
                return CLAIM_DONE;
        if (ready > 0)
                g_propagate_error(error, g_error_copy(claim->failure));
        else
                fail(error, ready < 0 ? ERROR_CANCELLED : ERROR_DEADLINE_EXCEEDED,
                        "%s is still being created (step %s, for %d s); asking again joins it",
                        name, step ? step : "start",
                        (int)((clock_monotonic_usec() - claim->since_usec) / USEC_PER_SEC));
        return CLAIM_FAILED;
}

ClaimOutcome registry_claim(Registry *registry, const char *name, gint64 deadline_usec,
        int cancel_fd, char **ret_id, GError **error) {
        Claim *claim = claim_or_join(registry, name);
        ClaimOutcome outcome;

        if (!claim)
                return CLAIM_NEW;
        outcome = claim_wait(claim, name, deadline_usec, cancel_fd, error);
        if (outcome == CLAIM_DONE)
                *ret_id = g_strdup(claim->id);
        claim_unref(claim);
        return outcome;
}

void registry_settle(Registry *registry, const char *name, const char *id, const GError *failure) {
        Claim *claim;

        lock_guard(&registry->lock);
        claim = g_hash_table_lookup(registry->claims, name);
        if (!claim || claim->settled)
                return;
        claim->id = g_strdup(id);
        claim->failure = failure ? g_error_copy(failure) : NULL;
        claim->settled = true;
        (void)eventfd_write(claim->done_fd, 1);
        if (failure)
                g_hash_table_remove(registry->claims, name);
}

void registry_note_step(Registry *registry, const char *name, const char *step) {
        Claim *claim;

        lock_guard(&registry->lock);
        claim = g_hash_table_lookup(registry->claims, name);
        if (claim)
                g_atomic_pointer_set(&claim->step, step);
}

void registry_adopt_name(Registry *registry, const char *name, const char *id) {
        Claim *claim = claim_or_join(registry, name);

        if (claim)
                claim_unref(claim);
        registry_settle(registry, name, id, NULL);
}

void registry_release_name(Registry *registry, const char *name, const char *id) {
        const Claim *claim;

        lock_guard(&registry->lock);
        claim = g_hash_table_lookup(registry->claims, name);
        if (claim && g_strcmp0(claim->id, id) == 0)
                g_hash_table_remove(registry->claims, name);
}

bool registry_is_joined(Registry *registry, const char *name) {
        Claim *claim;

        lock_guard(&registry->lock);
        claim = g_hash_table_lookup(registry->claims, name);
        return claim && g_atomic_int_get(&claim->waiting) > 0;
}
