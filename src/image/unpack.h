/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Unpack - writes the entries of one layer below a directory, in the form that overlay mounts
 * want.
 *
 * Owner    Whoever made it. Threads: one at a time; any number of layers side by side.
 * Disk     Everything below the given directory, which nobody else may write to. Entries are as
 *          hostile as they like: each is made by its last component beside a parent that was
 *          resolved beneath the directory, and nothing that exists is followed or written
 *          through.
 *
 * Use: for each entry begin, data as often as needed, end; then finish once. The umask must be 0.
 */

#include <glib.h>
#include <stdbool.h>

#include "image/tar.h"

typedef struct Unpack Unpack;

typedef struct UnpackTotals {
        guint64 entries; /* made, which is about the inodes taken */
        guint64 bytes;   /* of file content written */
        bool root_given; /* the archive set the attributes of the directory itself */
} UnpackTotals;

/* @dfd: an empty directory; borrowed. */
Unpack *unpack_new(int dfd);
void unpack_free(Unpack *unpack);

bool unpack_begin(Unpack *unpack, const TarEntry *entry, GError **error);
bool unpack_data(Unpack *unpack, const void *data, size_t length, gint64 offset, GError **error);
bool unpack_end(Unpack *unpack, const TarEntry *entry, GError **error);

/* Give the directories their owners, modes and times, which had to wait. */
bool unpack_finish(Unpack *unpack, UnpackTotals *ret_totals, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Unpack, unpack_free)
