/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Attach - the socket on which clients get the output and give the input.
 *
 * Owner    Embedded in the Monitor.
 * Threads  One.
 * Disk     <bundle>/attach; <socket-dir>/<cuuid>, a link to the bundle for the shorter path.
 *
 * Output is handed over in blocks. While a client has not taken its copy, the next block is not
 * read, so a reader that is merely slow loses nothing; one that takes nothing for too long is cut
 * off.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ATTACH_CLIENTS 64
#define ATTACH_PACKET 8192              /* most output in one packet, besides its leading byte */

typedef struct Monitor Monitor;

typedef struct Client {
        int fd;                         /* -1: a free place */
        bool readable, writable;        /* which direction is still open */
        bool stalled;                   /* has not taken the whole block */
        size_t sent;                    /* how much of it went out */
        int64_t cut_at;                 /* when patience ends; 0: never */
} Client;

typedef struct Attach {
        int listen_fd;
        const char *link;
        Client clients[ATTACH_CLIENTS];
        unsigned connected, stalled;    /* how many of them */
        char number;                    /* which output the block is */
        const char *block;
        size_t length;
} Attach;

void attach_init(Attach *attach);
void attach_open(Monitor *monitor);
void attach_close(Monitor *monitor);

void attach_broadcast(Monitor *monitor, char number, const char *data, size_t length);
void attach_settle(Monitor *monitor);
void attach_rewatch(Monitor *monitor);

void attach_on_listener(Monitor *monitor, unsigned index, uint32_t events);
void attach_on_client(Monitor *monitor, unsigned index, uint32_t events);
void attach_on_deadline(Monitor *monitor);
