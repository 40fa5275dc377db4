/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * LogJournal - the container's output as entries of the systemd journal.
 *
 * Owner    Embedded in the Monitor.
 * Threads  One.
 * Disk     None; datagrams in the journal's own protocol to its socket.
 *
 * Lines are put together up to LOG_JOURNAL_LINE - 1 bytes for each stream.
 */

#include <stdbool.h>
#include <stddef.h>

#include "conmon/log-k8s.h"
#include "conmon/options.h"
#include "conmon/text.h"

#define LOG_JOURNAL_LINE 8192

typedef struct JournalLine {
        char data[LOG_JOURNAL_LINE];
        size_t length;
} JournalLine;

typedef struct LogJournal {
        int fd;
        const char *fields;             /* those that are the same in every entry, ready to send */
        size_t fields_length;
        bool mark_partial;
        JournalLine lines[2];           /* by LogStream */
} LogJournal;

bool log_journal_open(LogJournal *journal, Arena *arena, const Options *options,
        const char *socket_path);
void log_journal_write(LogJournal *journal, LogStream stream, const char *data, size_t length);
void log_journal_flush(LogJournal *journal);
