/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "image/unpack.h"

#define WHITEOUT_PREFIX ".wh."
#define WHITEOUT_OPAQUE ".wh..wh..opq"
#define WHITEOUT_META_PREFIX ".wh..wh."
#define WHITEOUT_DEVICE 0

typedef enum ParentOutcome {
        PARENT_OPEN,
        PARENT_HIDDEN, /* the layer itself removes it: a whiteout inside is of no use */
        PARENT_FAILED,
} ParentOutcome;

struct Unpack {
        int root_dfd;

        /* The parent of the last entry, kept open. Only entries inside it were made or removed
         * since, so it still is what its path says. */
        char *parent_path; /* "" for the root; NULL: none is open */
        int parent_dfd;    /* O_PATH */

        GString *path;      /* of the current entry: components and single slashes, no other */
        const char *parent; /* its two parts; both "" for the root */
        const char *leaf;
        GString *parent_buffer;

        int file_fd; /* the open regular file, -1 when none */
        gint64 file_end;

        GByteArray *directories; /* what unpack_finish() has to set */
        guint64 written_since_check;
        UnpackTotals totals;
};

/* unpack-path: names of an archive to places beneath the root */

/* Resolve ".", ".." and slashes by the letter; false when it climbs above the root or is too
 * long. */
bool unpack_path_clean(const char *path, GString *ret_clean, GError **error);

/* The O_PATH directory of @parent (clean), made with its parents where missing; borrowed, valid
 * until the next call. */
ParentOutcome unpack_open_parent(Unpack *unpack, const char *parent, int *ret_dfd, GError **error);

void unpack_forget_parent(Unpack *unpack);

/* Make room for @name: what is there goes, with all that is in it. */
bool unpack_remove(int dfd, const char *name, GError **error);

/* unpack-whiteout */

bool unpack_name_is_whiteout(const char *leaf);
bool unpack_whiteout(Unpack *unpack, const TarEntry *entry, GError **error);
bool unpack_make_opaque(int dfd, const char *name, GError **error);
bool unpack_is_whiteout(const struct stat *status);

/* unpack-attributes: owner, mode, extended attributes, times, in the order that the kernel needs */

bool unpack_file_attributes(int fd, const TarEntry *entry, GError **error);
/* Of a symbolic link, device or FIFO, which cannot be opened. */
bool unpack_special_attributes(int dfd, const char *name, const TarEntry *entry, GError **error);
void unpack_directory_later(Unpack *unpack, const TarEntry *entry);
bool unpack_directories_now(Unpack *unpack, GError **error);
