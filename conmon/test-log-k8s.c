/* SPDX-License-Identifier: Apache-2.0 */
#include "conmon/log-k8s.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conmon/log-rotate.h"

#define BUFFER (16 * 1024)
#define STAMP "2026-02-03T04:05:06.000000789+00:00 "

/* a log in a folder of its own */
typedef struct Fixture {
        char *folder, *path;
        char memory[4096], buffer[BUFFER];
        Arena arena;
        Options options;
        LogK8s log;
} Fixture;

static const struct timespec now = { .tv_sec = 1770091506, .tv_nsec = 789 };

static void set_zone(const char *zone) {
        g_setenv("TZ", zone, TRUE);
        tzset();
}

static void setup(Fixture *f, gconstpointer data) {
        set_zone("UTC");
        f->folder = g_dir_make_tmp("log-k8s-XXXXXX", NULL);
        f->path = g_build_filename(f->folder, "log", NULL);
        f->arena = (Arena) { .data = f->memory, .size = sizeof(f->memory) };
        f->options.log_size_max = f->options.log_global_size_max = -1;
        g_assert_true(log_k8s_open(&f->log, &f->arena, &f->options, f->path));
        log_k8s_set_buffer(&f->log, f->buffer, sizeof(f->buffer));
}

static void teardown(Fixture *f, gconstpointer data) {
        g_autoptr(GDir) dir = g_dir_open(f->folder, 0, NULL);
        const char *name;

        close(f->log.fd);
        while ((name = g_dir_read_name(dir))) {
                g_autofree char *path = g_build_filename(f->folder, name, NULL);
                g_remove(path);
        }
        g_rmdir(f->folder);
        g_free(f->folder);
        g_free(f->path);
}

static void write_text(Fixture *f, const char *text) {
        log_k8s_write(&f->log, LOG_STDOUT, now, text, strlen(text));
}

static void assert_file(const char *path, const char *expected) {
        g_autofree char *content = NULL;

        g_assert_true(g_file_get_contents(path, &content, NULL, NULL));
        g_assert_cmpstr(content, ==, expected);
}

static void test_lines(Fixture *f, gconstpointer data) {
        write_text(f, "one\n\ntwo\r\npart");
        log_k8s_write(&f->log, LOG_STDERR, now, "oops\n", 5);
        assert_file(f->path, STAMP "stdout F one\n" STAMP "stdout F \n" STAMP "stdout F two\r\n"
                STAMP "stdout P part\n" STAMP "stderr F oops\n");
}

static void test_nothing(Fixture *f, gconstpointer data) {
        write_text(f, "");
        assert_file(f->path, "");
}

static void test_binary(Fixture *f, gconstpointer data) {
        g_autofree char *content = NULL;
        size_t length;

        log_k8s_write(&f->log, LOG_STDOUT, now, "\0\xff\x01\n", 4);
        g_assert_true(g_file_get_contents(f->path, &content, &length, NULL));
        g_assert_cmpmem(content, (int) length, STAMP "stdout F \0\xff\x01\n", LOG_PREFIX + 4);
}

/* a line longer than 8192 bytes comes in pieces; one of exactly 8192 ends in an empty record */
static void test_long(Fixture *f, gconstpointer data) {
        static const size_t lengths[] = { 8191, 8192, 8193, 20000 };

        for (size_t i = 0; i < G_N_ELEMENTS(lengths); i++) {
                g_autofree char *line = g_strnfill(lengths[i], 'x');
                g_autofree char *text = g_strconcat("a\n", line, "\n", NULL);
                g_autoptr(GString) expected = g_string_new(STAMP "stdout F a\n");
                size_t at = 0;

                for (; lengths[i] - at >= LOG_CHUNK; at += LOG_CHUNK)
                        g_string_append_printf(expected, STAMP "stdout P %.*s\n", LOG_CHUNK,
                                line + at);
                g_string_append_printf(expected, STAMP "stdout F %s\n", line + at);
                g_assert_cmpint(truncate(f->path, 0), ==, 0);
                write_text(f, text);
                assert_file(f->path, expected->str);
        }
}

/* more records than fit the buffer at once */
static void test_many(Fixture *f, gconstpointer data) {
        g_autofree char *text = g_strnfill(60000, '\n');
        g_autofree char *content = NULL;
        size_t length;

        write_text(f, text);
        g_assert_true(g_file_get_contents(f->path, &content, &length, NULL));
        g_assert_cmpuint(length, ==, 60000 * 46);
        for (size_t i = 0; i < 60000; i++)
                g_assert_cmpmem(content + i * 46, 46, STAMP "stdout F \n", 46);
}

static void test_zones(Fixture *f, gconstpointer data) {
        static const struct { const char *zone, *stamp; } cases[] = {
                { "<+0545>-5:45", "2026-02-03T09:50:06.000000789+05:45 stdout F x\n" },
                { "<-0330>3:30", "2026-02-03T00:35:06.000000789-03:30 stdout F x\n" },
                { "UTC", STAMP "stdout F x\n" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                set_zone(cases[i].zone);
                f->log.second = -1;
                g_assert_cmpint(truncate(f->path, 0), ==, 0);
                write_text(f, "x\n");
                assert_file(f->path, cases[i].stamp);
        }
}

/* the second is cached, the nanosecond is not, and time may go back */
static void test_times(Fixture *f, gconstpointer data) {
        struct timespec later = { .tv_sec = now.tv_sec, .tv_nsec = 999999999 };

        log_k8s_write(&f->log, LOG_STDOUT, later, "a\n", 2);
        later.tv_sec++;
        later.tv_nsec = 0;
        log_k8s_write(&f->log, LOG_STDOUT, later, "b\n", 2);
        write_text(f, "c\n");
        assert_file(f->path, "2026-02-03T04:05:06.999999999+00:00 stdout F a\n"
                "2026-02-03T04:05:07.000000000+00:00 stdout F b\n" STAMP "stdout F c\n");
}

/* a record that does not fit any more begins a new file, what was there is gone */
static void test_size_limit(Fixture *f, gconstpointer data) {
        f->log.size_max = 2 * (LOG_PREFIX + 4);
        write_text(f, "one\ntwo\n");
        assert_file(f->path, STAMP "stdout F one\n" STAMP "stdout F two\n");
        write_text(f, "three\n");
        assert_file(f->path, STAMP "stdout F three\n");
        g_assert_false(g_file_test(f->log.temporary, G_FILE_TEST_EXISTS));
}

static void test_size_of_old_file(Fixture *f, gconstpointer data) {
        write_text(f, "old\n");
        close(f->log.fd);
        f->options.log_size_max = LOG_PREFIX + 6;
        g_assert_true(log_k8s_open(&f->log, &f->arena, &f->options, f->path));
        log_k8s_set_buffer(&f->log, f->buffer, sizeof(f->buffer));
        write_text(f, "new\n");
        assert_file(f->path, STAMP "stdout F new\n");
}

static void test_total_limit(Fixture *f, gconstpointer data) {
        f->log.total_max = LOG_PREFIX + 5;
        write_text(f, "one\ntwo\nthree\n");
        write_text(f, "four\n");
        assert_file(f->path, STAMP "stdout F one\n" STAMP "stdout F two\n");
}

static void test_reopen_moved(Fixture *f, gconstpointer data) {
        g_autofree char *moved = g_strconcat(f->path, ".old", NULL);

        write_text(f, "one\n");
        g_assert_cmpint(g_rename(f->path, moved), ==, 0);
        write_text(f, "two\n");
        g_assert_true(log_k8s_reopen(&f->log));
        write_text(f, "three\n");
        assert_file(moved, STAMP "stdout F one\n" STAMP "stdout F two\n");
        assert_file(f->path, STAMP "stdout F three\n");
}

static void test_reopen_in_place(Fixture *f, gconstpointer data) {
        write_text(f, "one\n");
        g_assert_true(log_k8s_reopen(&f->log));
        write_text(f, "two\n");
        assert_file(f->path, STAMP "stdout F one\n" STAMP "stdout F two\n");
        g_assert_cmpint(f->log.size, ==, 2 * (LOG_PREFIX + 4));
}

/* without the folder there is no new file: the old one goes on */
static void test_reopen_fails(Fixture *f, gconstpointer data) {
        g_autofree char *moved = g_strconcat(f->path, ".old", NULL);

        g_assert_cmpint(g_rename(f->path, moved), ==, 0);
        g_assert_cmpint(symlink("/nonexistent/log", f->path), ==, 0);
        g_assert_false(log_k8s_reopen(&f->log));
        write_text(f, "one\n");
        assert_file(moved, STAMP "stdout F one\n");
}

/* a disk that is full in the middle of a record: the next record has a line of its own */
static void test_torn(Fixture *f, gconstpointer data) {
        struct rlimit old, limit;

        getrlimit(RLIMIT_FSIZE, &old);
        limit = old;
        limit.rlim_cur = LOG_PREFIX + 4 + 10;
        setrlimit(RLIMIT_FSIZE, &limit);
        write_text(f, "one\ntwo\n");
        setrlimit(RLIMIT_FSIZE, &old);
        g_assert_cmpint(f->log.failure, ==, EFBIG);
        write_text(f, "three\n");
        g_assert_cmpint(f->log.failure, ==, 0);
        assert_file(f->path, STAMP "stdout F one\n2026-02-03\n" STAMP "stdout F three\n");
}

static void test_rotate(Fixture *f, gconstpointer data) {
        g_autofree char *first = g_strconcat(f->path, ".1", NULL);
        g_autofree char *second = g_strconcat(f->path, ".2", NULL);
        g_autofree char *third = g_strconcat(f->path, ".3", NULL);

        f->options.log_rotate = true;
        f->options.log_max_files = 2;
        f->log.size_max = LOG_PREFIX + 6;
        write_text(f, "one\ntwo\nthree\nfour\n");
        assert_file(f->path, STAMP "stdout F four\n");
        assert_file(first, STAMP "stdout F three\n");
        assert_file(second, STAMP "stdout F two\n");
        g_assert_false(g_file_test(third, G_FILE_TEST_EXISTS));
}

/* a backup that is a link could be anybody's file; the limit holds all the same */
static void test_rotate_link(Fixture *f, gconstpointer data) {
        g_autofree char *first = g_strconcat(f->path, ".1", NULL);

        f->options.log_rotate = true;
        f->options.log_max_files = 2;
        f->log.size_max = LOG_PREFIX + 6;
        g_assert_cmpint(symlink("/etc/passwd", first), ==, 0);
        write_text(f, "one\ntwo\n");
        assert_file(f->path, STAMP "stdout F two\n");
        g_assert_true(g_file_test(first, G_FILE_TEST_IS_SYMLINK));
}

static void test_rotate_allowed(Fixture *f, gconstpointer data) {
        const char *allowed[] = { "/etc", f->folder };
        g_autofree char *dotted = g_strconcat(f->folder, "/x/../log", NULL);
        g_autofree char *link = g_strconcat(f->folder, "/link", NULL);

        g_assert_true(log_rotate_is_allowed(&f->options, f->path));
        g_assert_false(log_rotate_is_allowed(&f->options, dotted));
        g_assert_cmpint(symlink(f->path, link), ==, 0);
        g_assert_false(log_rotate_is_allowed(&f->options, link));

        f->options.log_allowlist_dirs = (List) { allowed, 1 };
        g_assert_false(log_rotate_is_allowed(&f->options, f->path));
        f->options.log_allowlist_dirs.count = 2;
        g_assert_true(log_rotate_is_allowed(&f->options, f->path));

        g_assert_cmpint(chmod(f->folder, 0777), ==, 0);
        g_assert_false(log_rotate_is_allowed(&f->options, f->path));
}

int main(int argc, char **argv) {
        static const struct {
                const char *name;
                void (*run)(Fixture *, gconstpointer);
        } tests[] = {
                { "lines", test_lines }, { "nothing", test_nothing }, { "binary", test_binary },
                { "long", test_long }, { "many", test_many }, { "zones", test_zones },
                { "times", test_times }, { "size-limit", test_size_limit },
                { "size-of-old-file", test_size_of_old_file }, { "total-limit", test_total_limit },
                { "reopen-moved", test_reopen_moved }, { "reopen-in-place", test_reopen_in_place },
                { "reopen-fails", test_reopen_fails }, { "torn", test_torn },
                { "rotate", test_rotate }, { "rotate-link", test_rotate_link },
                { "rotate-allowed", test_rotate_allowed },
        };

        g_test_init(&argc, &argv, NULL);
        signal(SIGXFSZ, SIG_IGN);
        for (size_t i = 0; i < G_N_ELEMENTS(tests); i++) {
                g_autofree char *path = g_strconcat("/log-k8s/", tests[i].name, NULL);
                g_test_add(path, Fixture, NULL, setup, tests[i].run, teardown);
        }
        return g_test_run();
}
