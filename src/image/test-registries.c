/* SPDX-License-Identifier: Apache-2.0 */
#include "image/registries.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/file.h"
#include "base/tree.h"

#define DIGEST "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

typedef struct Fixture {
        char *base;
        char *file;
        char *directory;
} Fixture;

static void write_file(const char *folder, const char *name, const char *text) {
        g_autofree char *path = g_build_filename(folder, name, NULL);

        g_assert_true(file_publish(AT_FDCWD, path, text, strlen(text), 0644, NULL));
}

static void set_up(Fixture *fixture, gconstpointer data) {
        fixture->base = g_dir_make_tmp("registries-XXXXXX", NULL);
        fixture->file = g_build_filename(fixture->base, "registries.conf", NULL);
        fixture->directory = g_build_filename(fixture->base, "d", NULL);
        g_assert_true(dir_make(AT_FDCWD, fixture->directory, 0755, NULL));
        write_file(fixture->base, "registries.conf", "");
}

static void tear_down(Fixture *fixture, gconstpointer data) {
        g_assert_true(tree_remove(AT_FDCWD, fixture->base, NULL));
        g_free(fixture->base);
        g_free(fixture->file);
        g_free(fixture->directory);
}

static Registries *load(Fixture *fixture, const char *text) {
        g_autoptr(GError) error = NULL;
        Registries *registries;

        write_file(fixture->base, "registries.conf", text);
        registries = registries_load(fixture->file, fixture->directory, &error);
        g_assert_no_error(error);
        return registries;
}

/* "host/path host/path! ..." of the endpoints; ! for insecure, m for mirror. */
static char *endpoints_of(const Registries *registries, const char *name) {
        g_autoptr(ImageReference) reference = image_reference_parse(name, NULL);
        g_autoptr(GError) error = NULL;
        g_autoptr(GPtrArray) endpoints = registries_find_endpoints(registries, reference, &error);
        g_autoptr(GString) text = g_string_new(NULL);

        if (!endpoints)
                return g_strdup_printf("error %d", error->code);
        for (guint i = 0; i < endpoints->len; i++) {
                const Endpoint *endpoint = endpoints->pdata[i];

                g_string_append_printf(text, "%s%s/%s%s%s", i ? " " : "", endpoint->host,
                                       endpoint->path, endpoint->insecure ? "!" : "",
                                       endpoint->is_mirror ? "m" : "");
        }
        return g_string_free(g_steal_pointer(&text), FALSE);
}

static void assert_endpoints(const Registries *registries, const char *name, const char *expected) {
        g_autofree char *found = endpoints_of(registries, name);

        g_assert_cmpstr(found, ==, expected);
}

static const char places[] =
        "[[registry]]\nprefix = \"a.test/team\"\nlocation = \"b.test:5000/moved\"\n"
        "insecure = true\n"
        "[[registry]]\nlocation = \"a.test\"\n"
        "[[registry.mirror]]\nlocation = \"m1.test\"\n"
        "[[registry.mirror]]\nlocation = \"m2.test:80/cache/\"\ninsecure = true\n"
        "pull-from-mirror = \"digest-only\"\n"
        "[[registry.mirror]]\nlocation = \"m3.test\"\npull-from-mirror = \"tag-only\"\n"
        "[[registry]]\nlocation = \"bad.test\"\nblocked = true\n"
        "[[registry]]\nprefix = \"*.wild.test\"\n[[registry.mirror]]\nlocation = \"w.test\"\n"
        "[[registry]]\nprefix = \"*.moved.test\"\nlocation = \"there.test/x\"\n"
        "[[registry]]\nlocation = \"digests.test\"\nmirror-by-digest-only = true\n"
        "[[registry.mirror]]\nlocation = \"d.test\"\n"
        "[[registry]]\nprefix = \"docker.io\"\nlocation = \"docker.io\"\n"
        "[[registry.mirror]]\nlocation = \"hub.test\"\n";

static void test_places(Fixture *fixture, gconstpointer data) {
        g_autoptr(Registries) registries = load(fixture, places);

        assert_endpoints(registries, "other.test/x", "other.test/x");
        assert_endpoints(registries, "a.test/team/x:1", "b.test:5000/moved/x!");
        assert_endpoints(registries, "a.test/teams/x:1",
                         "m1.test/teams/xm m3.test/teams/xm a.test/teams/x");
        assert_endpoints(registries, "a.test/x@" DIGEST,
                         "m1.test/xm m2.test:80/cache/x!m a.test/x");
        assert_endpoints(registries, "bad.test/x", "error 7");
        assert_endpoints(registries, "notbad.test/x", "notbad.test/x");
        assert_endpoints(registries, "one.wild.test/x", "w.test/xm one.wild.test/x");
        assert_endpoints(registries, "wild.test/x", "wild.test/x");
        assert_endpoints(registries, "one.wild.test.evil/x", "one.wild.test.evil/x");
        assert_endpoints(registries, "a.b.moved.test/x/y", "there.test/x/x/y");
        assert_endpoints(registries, "evil.test/a.moved.test/x", "evil.test/a.moved.test/x");
        assert_endpoints(registries, "digests.test/x", "digests.test/x");
        assert_endpoints(registries, "digests.test/x@" DIGEST, "d.test/xm digests.test/x");
        assert_endpoints(registries, "busybox",
                         "hub.test/library/busyboxm docker.io/library/busybox");
}

static void test_refused(Fixture *fixture, gconstpointer data) {
        static const char *const texts[] = {
                "[[registry]]\ninsecure = true\n",
                "[[registry]]\nlocation = \"https://a.test\"\n",
                "[[registry]]\nlocation = 5\n",
                "[[registry]]\nlocation = \"a.test\"\ninsecure = \"yes\"\n",
                "[[registry]]\nlocation = \"a.test\"\n[[registry.mirror]]\ninsecure = true\n",
                "[[registry]]\nlocation = \"a.test\"\n[[registry.mirror]]\nlocation = \"m.test\"\n"
                "pull-from-mirror = \"never\"\n",
                "[[registry]]\nlocation = \"a.test\"\nmirror-by-digest-only = true\n"
                "[[registry.mirror]]\nlocation = \"m.test\"\npull-from-mirror = \"all\"\n",
                "[[registry]]\nprefix = \"*.a.test/x\"\n",
                "[[registry]]\nprefix = \"a.*.test\"\nlocation = \"a.test\"\n",
                "[registries.search]\nregistries = [\"a.test\"]\n",
                "[registry]\nlocation = \"a.test\"\n",
                "unqualified-search-registries = \"a.test\"\n",
                "unqualified-search-registries = [1]\n",
                "short-name-mode = \"strict\"\n",
                "[aliases]\nx = \"a.test/x:1\"\n",
                "[aliases]\nx = \"x\"\n",
                "not toml",
        };

        for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++) {
                g_autoptr(GError) error = NULL;
                g_autoptr(Registries) registries = NULL;

                write_file(fixture->base, "registries.conf", texts[i]);
                registries = registries_load(fixture->file, fixture->directory, &error);
                if (registries)
                        g_error("taken: %s", texts[i]);
                g_assert_nonnull(strstr(error->message, "registries.conf"));
        }
}

static char *names_of(const Registries *registries, const char *text) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GPtrArray) names = registries_resolve(registries, text, &error);
        g_autoptr(GString) all = g_string_new(NULL);

        if (!names)
                return g_strdup(error->message);
        for (guint i = 0; i < names->len; i++) {
                g_autofree char *name = image_reference_print(names->pdata[i]);

                g_string_append_printf(all, "%s%s", i ? " " : "", name);
        }
        return g_string_free(g_steal_pointer(&all), FALSE);
}

static void assert_names(const Registries *registries, const char *text, const char *expected) {
        g_autofree char *found = names_of(registries, text);

        g_assert_cmpstr(found, ==, expected);
}

static void test_short_names(Fixture *fixture, gconstpointer data) {
        g_autoptr(Registries) registries =
                load(fixture, "unqualified-search-registries = [\"one.test\", \"two.test:80\"]\n"
                              "[aliases]\nbox = \"a.test/some/box\"\n"
                              "\"team/app\" = \"b.test/app\"\n");
        g_autoptr(Registries) enforcing =
                load(fixture, "short-name-mode = \"enforcing\"\n"
                              "unqualified-search-registries = [\"one.test\", \"two.test\"]\n");
        g_autoptr(Registries) none = load(fixture, "");
        g_autofree char *ambiguous = names_of(enforcing, "box");
        g_autofree char *undefined = names_of(none, "box");
        g_autofree char *invalid = names_of(registries, "Bad Name");

        assert_names(registries, "full.test/x:1", "full.test/x:1");
        assert_names(registries, "box:1", "a.test/some/box:1");
        assert_names(registries, "box@" DIGEST, "a.test/some/box@" DIGEST);
        assert_names(registries, "team/app", "b.test/app");
        assert_names(registries, "other/app:2", "one.test/other/app:2 two.test:80/other/app:2");
        g_assert_nonnull(strstr(ambiguous, "ambiguous list"));
        g_assert_nonnull(strstr(undefined, "unqualified-search-registries"));
        g_assert_nonnull(strstr(invalid, "invalid reference format"));
}

static void test_drop_ins(Fixture *fixture, gconstpointer data) {
        g_autoptr(Registries) registries = NULL;

        write_file(fixture->directory, "20.conf",
                   "unqualified-search-registries = [\"late.test\"]\n"
                   "[[registry]]\nlocation = \"a.test\"\ninsecure = true\n"
                   "[aliases]\ngone = \"\"\nkept = \"new.test/kept\"\n");
        write_file(fixture->directory, "10.conf", "[[registry]]\nlocation = \"b.test\"\n"
                                                  "insecure = true\n");
        write_file(fixture->directory, "30.txt", "not toml");
        registries = load(fixture, "unqualified-search-registries = [\"early.test\"]\n"
                                   "[[registry]]\nlocation = \"a.test\"\nblocked = true\n"
                                   "[aliases]\ngone = \"x.test/x\"\nkept = \"old.test/kept\"\n");
        assert_endpoints(registries, "a.test/x", "a.test/x!");
        assert_endpoints(registries, "b.test/x", "b.test/x!");
        assert_names(registries, "gone", "late.test/gone");
        assert_names(registries, "kept", "new.test/kept");
}

static void test_missing(Fixture *fixture, gconstpointer data) {
        g_autofree char *path = g_build_filename(fixture->base, "no-such.conf", NULL);
        g_autoptr(GError) error = NULL;

        g_assert_null(registries_load(path, fixture->directory, &error));
        g_assert_nonnull(strstr(error->message, "no-such.conf"));
}

#define ADD(name, func) g_test_add("/registries/" name, Fixture, NULL, set_up, func, tear_down)

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        ADD("places", test_places);
        ADD("refused", test_refused);
        ADD("short-names", test_short_names);
        ADD("drop-ins", test_drop_ins);
        ADD("missing", test_missing);
        return g_test_run();
}
