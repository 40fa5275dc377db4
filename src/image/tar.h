/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * TarReader - the entries of a plain tar, whatever dialect; nothing of it is believed yet.
 *
 * Owner    Whoever made it; it owns its source. Threads: one at a time.
 *
 * libarchive reads, without converting a name and without writing to the disk.
 */

#include <glib.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "image/source.h"

typedef struct TarReader TarReader;

typedef struct TarXattr {
        const char *name;
        const void *value;
        size_t size;
} TarXattr;

/* Strings are raw bytes, borrowed until the next entry. */
typedef struct TarEntry {
        const char *path;
        const char *link;  /* target of a symbolic or hard link, else NULL */
        bool is_hard_link; /* then type is of no meaning */
        mode_t type;       /* S_IFMT bits */
        mode_t mode;       /* 07777 bits */
        uid_t uid;
        gid_t gid;
        gint64 size; /* of a regular file */
        dev_t device;
        struct timespec mtime;
        TarXattr *xattrs;
        unsigned n_xattrs;
} TarEntry;

TarReader *tar_reader_new(Source *take_source);
void tar_reader_free(TarReader *reader);

/* 1 and @ret_entry; 0 at the end of the archive; -1 with @error. */
int tar_reader_next(TarReader *reader, const TarEntry **ret_entry, GError **error);

/* A piece of the current entry's data at its place in the file (between pieces are holes): 1, 0
 * at the end of the entry, -1 with @error. */
int tar_reader_data(TarReader *reader, const void **ret_data, size_t *ret_length,
                    gint64 *ret_offset,
                    GError **error);

/* Read what follows the end of the archive: it counts for digests. */
bool tar_reader_drain(TarReader *reader, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(TarReader, tar_reader_free)
