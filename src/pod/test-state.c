/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/tree.h"
#include "pod/state.h"

#define ID "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

typedef struct Fixture {
        char *folder;
        int dfd;
} Fixture;

static void set_up(Fixture *fixture, const void *data) {
        fixture->folder = g_dir_make_tmp("state-XXXXXX", NULL);
        fixture->dfd = dir_open(AT_FDCWD, fixture->folder, NULL);
        g_assert_true(dir_make(fixture->dfd, "sandboxes", 0700, NULL));
}

static void tear_down(Fixture *fixture, const void *data) {
        fd_close(fixture->dfd);
        g_assert_true(tree_remove(AT_FDCWD, fixture->folder, NULL));
        g_free(fixture->folder);
}

static void test_round_trip(Fixture *fixture, const void *data) {
        CriPodSandboxMetadata metadata = CRI_POD_SANDBOX_METADATA_INIT;
        ProcessIdentity identity = {42, 4711}, read;
        g_autoptr(Json) state = json_new_object();
        g_autoptr(Json) loaded = NULL;
        g_autoptr(GPtrArray) ids = NULL;
        CriPodSandboxMetadata *copy;

        metadata.name = (char *)"a \"name\"\n";
        metadata.attempt = 7;
        json_set_int(state, "version", STATE_VERSION);
        state_set_message(state, "wish", &metadata.base);
        state_set_identity(state, "init", &identity);
        g_assert_true(state_save(fixture->dfd, "sandboxes", ID, state, NULL));
        ids = state_list(fixture->dfd, "sandboxes", NULL);
        g_assert_cmpuint(ids->len, ==, 1);

        loaded = state_load(fixture->dfd, "sandboxes", ID, NULL);
        copy = state_get_message(loaded, "wish", &cri_pod_sandbox_metadata_descriptor, NULL);
        state_get_identity(loaded, "init", &read);
        g_assert_cmpstr(copy->name, ==, "a \"name\"\n");
        g_assert_cmpuint(copy->attempt, ==, 7);
        g_assert_cmpint(read.pid, ==, 42);
        g_assert_cmpuint(read.start_time, ==, 4711);
        cri_free(copy);
        g_assert_true(state_forget(fixture->dfd, "sandboxes", ID, NULL));
        g_assert_true(state_forget(fixture->dfd, "sandboxes", ID, NULL));
}

/* Every way of being damaged is an error, and the file can be set aside. */
static void test_damaged(Fixture *fixture, const void *data) {
        static const char *const texts[] = {
                "", "{", "[]", "{\"version\":99}", "\xff", "{\"version\":\"1\"}"};

        for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++) {
                g_autoptr(GError) error = NULL;
                g_autoptr(GPtrArray) ids = NULL;

                g_assert_true(file_publish(fixture->dfd, "sandboxes/" ID ".json", texts[i],
                        strlen(texts[i]), 0600, NULL));
                g_assert_null(state_load(fixture->dfd, "sandboxes", ID, &error));
                g_assert_nonnull(error);
                state_quarantine(fixture->dfd, "sandboxes", ID);
                ids = state_list(fixture->dfd, "sandboxes", NULL);
                g_assert_cmpuint(ids->len, ==, 0);
        }
}

static void test_damaged_message(Fixture *fixture, const void *data) {
        g_autoptr(GError) error = NULL;
        g_autoptr(Json) state = json_new_object();

        g_assert_null(state_get_message(state, "wish", &cri_pod_sandbox_metadata_descriptor, NULL));
        json_set_string(state, "wish", "////");
        g_assert_null(
                state_get_message(state, "wish", &cri_pod_sandbox_metadata_descriptor, &error));
        g_assert_nonnull(strstr(error->message, "damaged"));
}

#define ADD(name, test) g_test_add("/state/" name, Fixture, NULL, set_up, test, tear_down)

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        ADD("round-trip", test_round_trip);
        ADD("damaged", test_damaged);
        ADD("damaged-message", test_damaged_message);
        return g_test_run();
}
