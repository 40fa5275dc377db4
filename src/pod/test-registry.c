/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <sys/eventfd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "pod/registry.h"

typedef struct Joiner {
        Registry *registry;
        ClaimOutcome outcome;
        char *id;
        GError *error;
} Joiner;

static void *join(void *data) {
        Joiner *joiner = data;

        joiner->outcome = registry_claim(
                joiner->registry, "n", clock_deadline_usec(60), -1, &joiner->id, &joiner->error);
        return NULL;
}

static void claim_new(Registry *registry) {
        char *id = NULL;

        g_assert_cmpint(registry_claim(registry, "n", 0, -1, &id, NULL), ==, CLAIM_NEW);
}

/* A second request waits for the first one and is given the same id; a third one later, too. */
static void test_join(void) {
        g_autoptr(Registry) registry = registry_new();
        Joiner joiner = {.registry = registry}, later = {.registry = registry};
        GThread *thread;

        claim_new(registry);
        thread = g_thread_new("join", join, &joiner);
        registry_settle(registry, "n", "id", NULL);
        g_thread_join(thread);
        join(&later);
        g_assert_cmpint(joiner.outcome, ==, CLAIM_DONE);
        g_assert_cmpstr(joiner.id, ==, "id");
        g_assert_cmpstr(later.id, ==, "id");
        g_free(joiner.id);
        g_free(later.id);
}

/* Everybody who joined hears of the failure, and the name is free again. */
static void test_failure(void) {
        g_autoptr(Registry) registry = registry_new();
        g_autoptr(GError) failure = NULL;
        Joiner joiner = {.registry = registry};
        GThread *thread;

        claim_new(registry);
        thread = g_thread_new("join", join, &joiner);
        /* Without this the joiner might come after the failure and be told to create. */
        while (!registry_is_joined(registry, "n"))
                g_thread_yield();
        fail(&failure, ERROR_UNAVAILABLE, "no network");
        registry_settle(registry, "n", NULL, failure);
        g_thread_join(thread);
        g_assert_cmpint(joiner.outcome, ==, CLAIM_FAILED);
        g_assert_error(joiner.error, ERROR_DOMAIN, ERROR_UNAVAILABLE);
        g_clear_error(&joiner.error);
        claim_new(registry);
}

static void test_deadline_names_the_step(void) {
        g_autoptr(Registry) registry = registry_new();
        g_autoptr(GError) error = NULL;
        char *id = NULL;

        claim_new(registry);
        registry_note_step(registry, "n", "network");
        g_assert_cmpint(
                registry_claim(registry, "n", clock_monotonic_usec() + 1000, -1, &id, &error), ==,
                CLAIM_FAILED);
        g_assert_error(error, ERROR_DOMAIN, ERROR_DEADLINE_EXCEEDED);
        g_assert_nonnull(strstr(error->message, "step network"));
}

static void test_cancel(void) {
        g_autoptr(Registry) registry = registry_new();
        g_autoptr(GError) error = NULL;
        autofd int cancel_fd = eventfd(1, EFD_CLOEXEC);
        char *id = NULL;

        claim_new(registry);
        g_assert_cmpint(registry_claim(registry, "n", 0, cancel_fd, &id, &error), ==, CLAIM_FAILED);
        g_assert_error(error, ERROR_DOMAIN, ERROR_CANCELLED);
}

/* A name is given up only by the object that has it. */
static void test_release(void) {
        g_autoptr(Registry) registry = registry_new();
        Joiner joiner = {.registry = registry};

        registry_adopt_name(registry, "n", "new");
        registry_release_name(registry, "n", "old");
        join(&joiner);
        g_assert_cmpstr(joiner.id, ==, "new");
        g_free(joiner.id);
        registry_release_name(registry, "n", "new");
        claim_new(registry);
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/registry/join", test_join);
        g_test_add_func("/registry/failure", test_failure);
        g_test_add_func("/registry/deadline-names-the-step", test_deadline_names_the_step);
        g_test_add_func("/registry/cancel", test_cancel);
        g_test_add_func("/registry/release", test_release);
        return g_test_run();
}
