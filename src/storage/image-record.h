/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * ImageRecord - what the daemon knows of one image; immutable.
 *
 * Owner    Counted; the store holds one reference, callers of store_find_image() another.
 * Threads  Any.
 * Disk     <root>/overlay-images/images.json (the index, in the layout of containers/storage) and
 *          <root>/overlay-images/<id>/record.json (the configuration, normalised by crio-image,
 *          so that the daemon never parses what a registry sent).
 */

#include <glib.h>
#include <stdbool.h>

typedef struct ImageRecord {
        char *id;           /* 64 hex digits: sha256 of the image configuration */
        GStrv names;        /* full references with tag: host/path:tag */
        GStrv digests;      /* host/path@sha256:..., the pulled one (list or manifest) first */
        guint64 size;       /* bytes of all layers, uncompressed; from the index of layers */
        gint64 created_ns;
        GStrv layers;       /* layer ids, bottom first */

        /* image configuration; strings are never NULL but may be empty */
        char *user;
        GStrv env;
        GStrv entrypoint;
        GStrv command;
        char *working_dir;
        char *stop_signal;
        GStrv volumes;      /* absolute paths inside */
        GStrv labels;       /* key, value, key, value, ... */
        char *os;
        char *architecture;
} ImageRecord;

ImageRecord *image_record_ref(ImageRecord *record);
void image_record_unref(ImageRecord *record);

/* A new record with empty strings and lists; fill it, then share it. One reference. */
ImageRecord *image_record_new(void);

/* The text of record.json: all but names, layers and size, which the index holds. Free with
 * g_free(). */
char *image_record_print(const ImageRecord *record, size_t *ret_length);

/* Parse such a text; what the index holds comes back empty. @name goes into errors. */
ImageRecord *image_record_parse(const char *text, size_t length, const char *name, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ImageRecord, image_record_unref)
