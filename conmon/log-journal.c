/* SPDX-License-Identifier: Apache-2.0 */
#include "conmon/log-journal.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#define SHORT_ID 12
#define JOURNAL_PATIENCE 1000           /* ms for a journal that does not read */

/* field_add() - NAME=value; newlines would need the binary form, so they become blanks */
static void field_add(Text *fields, const char *name, const char *value) {
        text_add(fields, name);
        for (const char *c = value; *c; c++)
                text_add_data(fields, *c == '\n' ? " " : c, 1);
        text_add(fields, "\n");
}

/* journal_fields() - what is the same in every entry */
static Text journal_fields(Arena *arena, const Options *options) {
        const char *name = options->name ? options->name : "";
        const char *tag = options->log_tag ? options->log_tag : "";
        size_t size = 256 + strlen(options->cid) + 2 * strlen(name) + 2 * strlen(tag);
        char short_id[SHORT_ID + 1] = "";
        Text fields;

        for (int i = 0; i < options->log_labels.count; i++)
                size += strlen(options->log_labels.items[i]) + 1;
        fields = text_over(arena_take(arena, size), size);
        memcpy(short_id, options->cid, SHORT_ID);

        field_add(&fields, "CONTAINER_ID_FULL=", options->cid);
        field_add(&fields, "CONTAINER_ID=", short_id);
        if (*name)
                field_add(&fields, "CONTAINER_NAME=", name);
        if (*tag)
                field_add(&fields, "CONTAINER_TAG=", tag);
        field_add(&fields, "SYSLOG_IDENTIFIER=", *tag ? tag : *name ? name : short_id);
        for (int i = 0; i < options->log_labels.count; i++)
                field_add(&fields, "", options->log_labels.items[i]);
        return fields;
}

/* log_journal_open() - false with errno when there is no journal to talk to */
bool log_journal_open(LogJournal *journal, Arena *arena, const Options *options,
                const char *socket_path) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int size = 1024 * 1024;
        Text fields;

        if (strlen(socket_path) >= sizeof(address.sun_path)) {
                errno = ENAMETOOLONG;
                return false;
        }
        memcpy(address.sun_path, socket_path, strlen(socket_path));
        journal->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (journal->fd < 0)
                return false;
        setsockopt(journal->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
        if (connect(journal->fd, (const struct sockaddr *) &address, sizeof(address)) < 0)
                return false;
        fields = journal_fields(arena, options);
        journal->fields = fields.data;
        journal->fields_length = fields.length;
        journal->mark_partial = !options->no_partial_message;
        return true;
}

/* journal_priority() - a line may begin with its own, <0> to <7>, as systemd's services do */
static char journal_priority(LogStream stream, const JournalLine *line, size_t *ret_start) {
        *ret_start = 0;
        if (line->length < 3 || line->data[0] != '<' || line->data[2] != '>' ||
            line->data[1] < '0' || line->data[1] > '7')
                return stream == LOG_STDERR ? '3' : '6';
        *ret_start = 3;
        return line->data[1];
}

/**
 * journal_send() - one entry
 *
 * The message goes in the binary form, a length before any bytes; the length is little-endian.
 */
static void journal_send(LogJournal *journal, LogStream stream, bool partial) {
        static char partial_field[] = "CONTAINER_PARTIAL_MESSAGE=true\n";
        JournalLine *line = &journal->lines[stream];
        char head[] = "PRIORITY=6\nMESSAGE\n", size[8];
        struct pollfd wait = { .fd = journal->fd, .events = POLLOUT };
        size_t start, left;
        struct iovec parts[6];

        head[9] = journal_priority(stream, line, &start);
        left = line->length - start;
        for (size_t i = 0; i < sizeof(size); i++)
                size[i] = (char) ((uint64_t) left >> (8 * i));
        parts[0] = (struct iovec) { (char *) journal->fields, journal->fields_length };
        parts[1] = (struct iovec) { partial_field,
                partial && journal->mark_partial ? sizeof(partial_field) - 1 : 0 };
        parts[2] = (struct iovec) { head, sizeof(head) - 1 };
        parts[3] = (struct iovec) { size, sizeof(size) };
        parts[4] = (struct iovec) { line->data + start, left };
        parts[5] = (struct iovec) { "\n", 1 };

        line->length = 0;
        while (writev(journal->fd, parts, 6) < 0) {
                if (errno != EINTR && (errno != EAGAIN || poll(&wait, 1, JOURNAL_PATIENCE) <= 0))
                        return;
        }
}

void log_journal_write(LogJournal *journal, LogStream stream, const char *data, size_t length) {
        JournalLine *line = &journal->lines[stream];

        while (length > 0) {
                size_t room = sizeof(line->data) - 1 - line->length;
                size_t most = length < room ? length : room;
                const char *newline = memchr(data, '\n', most);
                size_t content = newline ? (size_t) (newline - data) : most;
                size_t taken = newline ? content + 1 : content;

                memcpy(line->data + line->length, data, content);
                line->length += content;
                data += taken;
                length -= taken;
                if (newline || line->length == sizeof(line->data) - 1)
                        journal_send(journal, stream, !newline);
        }
}

/* log_journal_flush() - the container is gone: what has no newline yet will get none */
void log_journal_flush(LogJournal *journal) {
        for (LogStream i = LOG_STDOUT; i <= LOG_STDERR; i++)
                if (journal->lines[i].length > 0)
                        journal_send(journal, i, true);
}
