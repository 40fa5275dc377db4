/* SPDX-License-Identifier: Apache-2.0 */
#include "image/tar.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>

#include "base/error.h"

/* The locale must be "C" while an archive is read: in a UTF-8 one the library composes the
 * characters of names (and so makes one name of two); in "C" it cannot convert and leaves the
 * bytes alone, with a warning, which is what we want. */

/* More on one file is an attack; Linux allows 64 KiB of names for all of them. */
#define XATTR_LIMIT 1024

struct TarReader {
        struct archive *archive;
        struct archive_entry *current;
        Source *source;
        GError *source_error;
        bool opened;
        TarEntry entry;
        GArray *xattrs;
};

/* The error of the source travels beside libarchive, which only learns that there is one. */
static la_ssize_t on_read(struct archive *archive, void *data, const void **ret_buffer) {
        TarReader *reader = data;
        const guint8 *chunk = NULL;
        ssize_t count = source_read(reader->source, &chunk, &reader->source_error);

        if (count < 0)
                archive_set_error(archive, EIO, "the source failed");
        *ret_buffer = chunk;
        return count < 0 ? ARCHIVE_FATAL : count;
}

TarReader *tar_reader_new(Source *take_source) {
        TarReader *reader = g_new0(TarReader, 1);

        reader->source = take_source;
        reader->xattrs = g_array_new(FALSE, FALSE, sizeof(TarXattr));
        reader->archive = archive_read_new();
        reader->current = archive_entry_new();
        if (!reader->archive || !reader->current ||
            archive_read_support_format_tar(reader->archive) != ARCHIVE_OK ||
            archive_read_support_format_empty(reader->archive) != ARCHIVE_OK)
                g_error("libarchive refuses to read tar");
        return reader;
}

void tar_reader_free(TarReader *reader) {
        if (!reader)
                return;
        archive_read_free(reader->archive);
        archive_entry_free(reader->current);
        source_free(reader->source);
        g_clear_error(&reader->source_error);
        g_array_free(reader->xattrs, TRUE);
        g_free(reader);
}

static int tar_fail(TarReader *reader, GError **error) {
        const char *text = archive_error_string(reader->archive);

        if (reader->source_error)
                g_propagate_error(error, g_steal_pointer(&reader->source_error));
        else
                fail(error, ERROR_UNKNOWN, "corrupt tar archive: %s",
                     text ? text : "unknown reason");
        return -1;
}

static bool read_xattrs(TarReader *reader, GError **error) {
        TarXattr xattr;

        g_array_set_size(reader->xattrs, 0);
        if (archive_entry_xattr_reset(reader->current) > XATTR_LIMIT)
                return fail(error, ERROR_UNKNOWN, "\"%s\" has more than %d extended attributes",
                            reader->entry.path, XATTR_LIMIT);
        while (archive_entry_xattr_next(reader->current, &xattr.name, &xattr.value, &xattr.size) ==
               ARCHIVE_OK)
                g_array_append_val(reader->xattrs, xattr);
        reader->entry.xattrs = (TarXattr *) (void *) reader->xattrs->data;
        reader->entry.n_xattrs = reader->xattrs->len;
        return true;
}

/* uid and gid -1 mean "leave as it is" to the kernel: nobody may own such a file. */
static bool read_owner(TarReader *reader, GError **error) {
        gint64 uid = archive_entry_uid(reader->current);
        gint64 gid = archive_entry_gid(reader->current);

        if (uid < 0 || gid < 0 || uid >= G_MAXUINT32 || gid >= G_MAXUINT32)
                return fail(error, ERROR_UNKNOWN, "\"%s\" has the owner %" G_GINT64_FORMAT ":%"
                            G_GINT64_FORMAT ", which is none", reader->entry.path, uid, gid);
        reader->entry.uid = (uid_t) uid;
        reader->entry.gid = (gid_t) gid;
        return true;
}

static bool read_entry(TarReader *reader, GError **error) {
        struct archive_entry *current = reader->current;
        TarEntry *entry = &reader->entry;
        const char *hard_link = archive_entry_hardlink(current);

        entry->path = archive_entry_pathname(current);
        if (!entry->path || !*entry->path)
                return fail(error, ERROR_UNKNOWN, "corrupt tar archive: an entry without a name");
        entry->type = archive_entry_filetype(current);
        entry->mode = archive_entry_perm(current) & 07777;
        entry->is_hard_link = hard_link != NULL;
        entry->link = hard_link;
        if (!hard_link && entry->type == S_IFLNK)
                entry->link = archive_entry_symlink(current);
        if ((hard_link || entry->type == S_IFLNK) && (!entry->link || !*entry->link))
                return fail(error, ERROR_UNKNOWN, "\"%s\" is a link to nothing", entry->path);
        entry->size = archive_entry_size(current);
        if (entry->size < 0)
                return fail(error, ERROR_UNKNOWN, "\"%s\" has a negative size", entry->path);
        entry->device = archive_entry_rdev(current);
        entry->mtime.tv_sec = archive_entry_mtime(current);
        entry->mtime.tv_nsec = archive_entry_mtime_nsec(current);
        if (entry->mtime.tv_nsec < 0 || entry->mtime.tv_nsec > 999999999)
                entry->mtime.tv_nsec = 0;
        return read_owner(reader, error) && read_xattrs(reader, error);
}

static bool open_archive(TarReader *reader, GError **error) {
        reader->opened = true;
        if (archive_read_open(reader->archive, reader, NULL, on_read, NULL) != ARCHIVE_OK)
                return tar_fail(reader, error) > 0;
        return true;
}

int tar_reader_next(TarReader *reader, const TarEntry **ret_entry, GError **error) {
        int result;

        if (!reader->opened && !open_archive(reader, error))
                return -1;
        result = archive_read_next_header2(reader->archive, reader->current);
        if (result == ARCHIVE_EOF)
                return 0;
        if (result != ARCHIVE_OK && result != ARCHIVE_WARN)
                return tar_fail(reader, error);
        *ret_entry = &reader->entry;
        return read_entry(reader, error) ? 1 : -1;
}

int tar_reader_data(TarReader *reader, const void **ret_data, size_t *ret_length,
                    gint64 *ret_offset,
                    GError **error) {
        int result = archive_read_data_block(reader->archive, ret_data, ret_length, ret_offset);

        if (result == ARCHIVE_EOF)
                return 0;
        return result == ARCHIVE_OK ? 1 : tar_fail(reader, error);
}

bool tar_reader_drain(TarReader *reader, GError **error) {
        return source_drain(reader->source, error);
}
