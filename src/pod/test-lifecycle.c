/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/error.h"
#include "pod/lifecycle.h"

/* An object whose stages write down what is done to them. */
typedef struct Object {
        Lifecycle life;
        GString *log;
        const char *fails; /* the step that fails, such as "up b" */
        unsigned saved;    /* what the last record said is held */
        bool save_fails;
} Object;

static bool step(Object *object, const char *what, GError **error) {
        g_string_append_printf(object->log, "%s%s", object->log->len ? ", " : "", what);
        return g_strcmp0(object->fails, what) != 0 ||
               fail(error, ERROR_UNKNOWN, "%s does not work", what);
}

#define STAGE(letter)                                                                              \
        static bool letter##_up(void *object, GError **error) {                                    \
                g_assert_cmpuint(((Object *)object)->saved, ==, ((Object *)object)->life.held);    \
                return step(object, "up " #letter, error);                                         \
        }                                                                                          \
        static bool letter##_down(void *object, GError **error) {                                  \
                return step(object, "down " #letter, error);                                       \
        }

STAGE(a)
STAGE(b)
STAGE(c)

static const Stage stages[] = {{"a", a_up, a_down}, {"b", b_up, b_down}, {"c", c_up, c_down}};

static bool save(void *data, GError **error) {
        Object *object = data;

        if (object->save_fails)
                return fail(error, ERROR_UNKNOWN, "the disk is full");
        object->saved = object->life.held;
        return true;
}

static void object_init(Object *object) {
        *object = (Object){.log = g_string_new(NULL)};
        object->life = (Lifecycle){
                .kind = "test", .stages = stages, .count = 3, .object = object, .save = save};
}

static void expect(Object *object, const char *log, unsigned held) {
        g_assert_cmpstr(object->log->str, ==, log);
        g_assert_cmpuint(object->life.held, ==, held);
        g_assert_cmpuint(object->saved, ==, held);
        g_string_truncate(object->log, 0);
}

static void object_clear(Object *object) {
        g_string_free(object->log, TRUE);
}

static void test_there_and_back(void) {
        Object object;

        object_init(&object);
        g_assert_true(lifecycle_bring_up(&object.life, NULL));
        expect(&object, "up a, up b, up c", 3);
        g_assert_true(lifecycle_tear_down(&object.life, 1, NULL));
        expect(&object, "down c, down b", 1);
        g_assert_true(lifecycle_tear_down(&object.life, 1, NULL));
        expect(&object, "", 1);
        g_assert_true(lifecycle_tear_down(&object.life, 0, NULL));
        expect(&object, "down a", 0);
        object_clear(&object);
}

/* The stage that failed is taken down too: it may have got half-way. */
static void test_half_way(void) {
        g_autoptr(GError) error = NULL;
        Object object;

        object_init(&object);
        object.fails = "up b";
        g_assert_false(lifecycle_bring_up(&object.life, &error));
        g_assert_cmpstr(error->message, ==, "b: up b does not work");
        expect(&object, "up a, up b, down b, down a", 0);
        object_clear(&object);
}

/* What does not let go does not shield what lies below, stays on record, and is tried again. */
static void test_stuck(void) {
        g_autoptr(GError) error = NULL;
        Object object;

        object_init(&object);
        g_assert_true(lifecycle_bring_up(&object.life, NULL));
        expect(&object, "up a, up b, up c", 3);
        object.fails = "down c";
        g_assert_false(lifecycle_tear_down(&object.life, 0, &error));
        g_assert_cmpstr(error->message, ==, "c: down c does not work");
        expect(&object, "down c, down b, down a", 3);
        object.fails = NULL;
        g_assert_true(lifecycle_tear_down(&object.life, 0, NULL));
        expect(&object, "down c, down b, down a", 0);
        object_clear(&object);
}

/* Without a record nothing is done. */
static void test_no_record(void) {
        g_autoptr(GError) error = NULL;
        Object object;

        object_init(&object);
        object.save_fails = true;
        g_assert_false(lifecycle_bring_up(&object.life, &error));
        g_assert_null(strstr(object.log->str, "up a"));
        object_clear(&object);
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/lifecycle/there-and-back", test_there_and_back);
        g_test_add_func("/lifecycle/half-way", test_half_way);
        g_test_add_func("/lifecycle/stuck", test_stuck);
        g_test_add_func("/lifecycle/no-record", test_no_record);
        return g_test_run();
}
