/* SPDX-License-Identifier: Apache-2.0 */
#include "conmon/log-journal.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* a journal that the test reads */
typedef struct Fixture {
        char *folder, *path;
        int journal;
        char memory[4096];
        Arena arena;
        Options options;
        LogJournal log;
} Fixture;

static void setup(Fixture *f, gconstpointer data) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        static const char *labels[] = { "APP=web", "TIER=two\nINJECTED=1" };

        f->folder = g_dir_make_tmp("log-journal-XXXXXX", NULL);
        f->path = g_build_filename(f->folder, "socket", NULL);
        g_strlcpy(address.sun_path, f->path, sizeof(address.sun_path));
        f->journal = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        g_assert_cmpint(bind(f->journal, (struct sockaddr *) &address, sizeof(address)), ==, 0);

        f->arena = (Arena) { .data = f->memory, .size = sizeof(f->memory) };
        f->options.cid = "0123456789abcdef";
        f->options.name = "web";
        if (data) {
                f->options.log_tag = "tag";
                f->options.no_partial_message = true;
                f->options.log_labels = (List) { labels, 2 };
        }
        g_assert_true(log_journal_open(&f->log, &f->arena, &f->options, f->path));
}

static void teardown(Fixture *f, gconstpointer data) {
        close(f->journal);
        close(f->log.fd);
        g_unlink(f->path);
        g_rmdir(f->folder);
        g_free(f->folder);
        g_free(f->path);
}

/* assert_entry() - the next entry: its fields, then the message in the binary form */
static void assert_entry(Fixture *f, const char *fields, const char *message) {
        static char entry[20000];
        ssize_t n = recv(f->journal, entry, sizeof(entry), MSG_DONTWAIT);
        size_t head = strlen(fields), length = strlen(message);
        uint64_t told;

        g_assert_cmpint(n, ==, (ssize_t) (head + strlen("MESSAGE\n") + 8 + length + 1));
        g_assert_cmpmem(entry, (int) head, fields, (int) head);
        g_assert_cmpmem(entry + head, 8, "MESSAGE\n", 8);
        memcpy(&told, entry + head + 8, 8);
        g_assert_cmpuint(GUINT64_FROM_LE(told), ==, length);
        g_assert_cmpmem(entry + head + 16, (int) length, message, (int) length);
        g_assert_cmpint(entry[n - 1], ==, '\n');
}

static void assert_no_entry(Fixture *f) {
        char byte;

        g_assert_cmpint(recv(f->journal, &byte, 1, MSG_DONTWAIT), ==, -1);
}

#define FIELDS "CONTAINER_ID_FULL=0123456789abcdef\nCONTAINER_ID=0123456789ab\n" \
        "CONTAINER_NAME=web\nSYSLOG_IDENTIFIER=web\n"

static void write_text(Fixture *f, LogStream stream, const char *text) {
        log_journal_write(&f->log, stream, text, strlen(text));
}

static void test_lines(Fixture *f, gconstpointer data) {
        write_text(f, LOG_STDOUT, "one\ntw");
        write_text(f, LOG_STDERR, "err\n");
        write_text(f, LOG_STDOUT, "o\n");
        assert_entry(f, FIELDS "PRIORITY=6\n", "one");
        assert_entry(f, FIELDS "PRIORITY=3\n", "err");
        assert_entry(f, FIELDS "PRIORITY=6\n", "two");
        assert_no_entry(f);
}

static void test_priority(Fixture *f, gconstpointer data) {
        write_text(f, LOG_STDOUT, "<2>loud\n<8>no\n<1\n");
        assert_entry(f, FIELDS "PRIORITY=2\n", "loud");
        assert_entry(f, FIELDS "PRIORITY=6\n", "<8>no");
        assert_entry(f, FIELDS "PRIORITY=6\n", "<1");
}

static void test_partial(Fixture *f, gconstpointer data) {
        g_autofree char *full = g_strnfill(LOG_JOURNAL_LINE - 1, 'x');

        write_text(f, LOG_STDOUT, full);
        assert_entry(f, FIELDS "CONTAINER_PARTIAL_MESSAGE=true\nPRIORITY=6\n", full);
        write_text(f, LOG_STDOUT, "end");
        assert_no_entry(f);
        log_journal_flush(&f->log);
        assert_entry(f, FIELDS "CONTAINER_PARTIAL_MESSAGE=true\nPRIORITY=6\n", "end");
        log_journal_flush(&f->log);
        assert_no_entry(f);
}

/* labels and tag; a newline in them must not begin a field */
static void test_fields(Fixture *f, gconstpointer data) {
        write_text(f, LOG_STDOUT, "part");
        log_journal_flush(&f->log);
        assert_entry(f, "CONTAINER_ID_FULL=0123456789abcdef\nCONTAINER_ID=0123456789ab\n"
                "CONTAINER_NAME=web\nCONTAINER_TAG=tag\nSYSLOG_IDENTIFIER=tag\nAPP=web\n"
                "TIER=two INJECTED=1\nPRIORITY=6\n", "part");
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add("/log-journal/lines", Fixture, NULL, setup, test_lines, teardown);
        g_test_add("/log-journal/priority", Fixture, NULL, setup, test_priority, teardown);
        g_test_add("/log-journal/partial", Fixture, NULL, setup, test_partial, teardown);
        g_test_add("/log-journal/fields", Fixture, "", setup, test_fields, teardown);
        return g_test_run();
}
