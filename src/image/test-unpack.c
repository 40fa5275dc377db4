/* SPDX-License-Identifier: Apache-2.0 */
#include "image/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/tree.h"
#include "image/tar.h"

#define MTIME 1700000000
#define HARD 1u /* a type of our own: a hard link */
#define FILE_OWNER 1234

/* One entry of a tar that is made for a test. */
typedef struct Item {
        const char *path;
        mode_t type; /* S_IF..., HARD; 0 ends the table */
        const char *text; /* content or target of a link; NULL: "x" for files */
        mode_t mode;      /* 0: 0644, 0755 for directories */
        uid_t uid;
        const char *xattr;
        const char *value;
} Item;

typedef struct Fixture {
        char *base;   /* holds all below */
        char *canary; /* a folder beside the layer that must not change */
        char *root;   /* the layer */
        int dfd;
} Fixture;

static void set_up(Fixture *fixture, gconstpointer data) {
        g_autofree char *file = NULL;

        fixture->base = g_dir_make_tmp("unpack-XXXXXX", NULL);
        fixture->canary = g_build_filename(fixture->base, "canary", NULL);
        fixture->root = g_build_filename(fixture->base, "root", NULL);
        g_assert_cmpint(mkdir(fixture->canary, 0711), ==, 0);
        g_assert_cmpint(mkdir(fixture->root, 0700), ==, 0);
        file = g_build_filename(fixture->canary, "file", NULL);
        g_assert_true(file_publish(AT_FDCWD, file, "safe", 4, 0640, NULL));
        fixture->dfd = open(fixture->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* Whatever a test did, the folder beside the layer is as it was. */
static void tear_down(Fixture *fixture, gconstpointer data) {
        g_autofree char *file = g_build_filename(fixture->canary, "file", NULL);
        g_autoptr(GPtrArray) names = dir_list(AT_FDCWD, fixture->canary, NULL);
        g_autofree char *text = NULL;
        struct stat status;

        g_assert_cmpuint(names->len, ==, 1);
        g_assert_true(file_read(AT_FDCWD, file, 100, &text, NULL, NULL));
        g_assert_cmpstr(text, ==, "safe");
        g_assert_cmpint(stat(file, &status), ==, 0);
        g_assert_cmpuint(status.st_mode & 07777, ==, 0640);
        g_assert_cmpuint(status.st_nlink, ==, 1);
        g_assert_cmpuint(status.st_uid, ==, 0);
        g_assert_cmpint(stat(fixture->canary, &status), ==, 0);
        g_assert_cmpuint(status.st_mode & 07777, ==, 0711);
        names = (g_ptr_array_unref(names), dir_list(AT_FDCWD, fixture->base, NULL));
        g_assert_cmpuint(names->len, ==, 2);
        fd_close(fixture->dfd);
        g_assert_true(tree_remove(AT_FDCWD, fixture->base, NULL));
        g_free(fixture->base);
        g_free(fixture->canary);
        g_free(fixture->root);
}

/* making tars */

static la_ssize_t on_write(struct archive *archive, void *data, const void *bytes, size_t length) {
        g_byte_array_append(data, bytes, (guint) length);
        return (la_ssize_t) length;
}

static void fill_entry(struct archive_entry *entry, const Item *item) {
        const char *text = item->text ? item->text : "x";
        mode_t mode = item->mode ? item->mode : item->type == S_IFDIR ? 0755 : 0644;

        archive_entry_set_pathname(entry, item->path);
        archive_entry_set_filetype(entry, item->type == HARD ? S_IFREG : item->type);
        archive_entry_set_perm(entry, mode);
        archive_entry_set_uid(entry, item->uid);
        archive_entry_set_gid(entry, item->uid);
        archive_entry_set_mtime(entry, MTIME, 123456789);
        if (item->type == S_IFREG)
                archive_entry_set_size(entry, (la_int64_t) strlen(text));
        if (item->type == HARD)
                archive_entry_set_hardlink(entry, text);
        if (item->type == S_IFLNK)
                archive_entry_set_symlink(entry, text);
        if (item->type == S_IFCHR)
                archive_entry_set_rdev(entry, makedev(1, 3));
        if (item->xattr)
                archive_entry_xattr_add_entry(entry, item->xattr, item->value, strlen(item->value));
}

static GByteArray *make_tar(const Item *items) {
        GByteArray *tar = g_byte_array_new();
        struct archive *archive = archive_write_new();

        archive_write_set_format_pax(archive);
        archive_write_set_options(archive, "xattrheader=SCHILY");
        archive_write_set_bytes_per_block(archive, 512);
        archive_write_open(archive, tar, NULL, on_write, NULL);
        for (; items->type; items++) {
                struct archive_entry *entry = archive_entry_new();
                const char *text = items->text ? items->text : "x";

                fill_entry(entry, items);
                g_assert_cmpint(archive_write_header(archive, entry), >=, ARCHIVE_WARN);
                if (items->type == S_IFREG)
                        archive_write_data(archive, text, strlen(text));
                archive_entry_free(entry);
        }
        archive_write_close(archive);
        archive_write_free(archive);
        return tar;
}

/* unpacking them */

static bool unpack_entry(Unpack *unpack, TarReader *reader, const TarEntry *entry, GError **error) {
        const void *data;
        size_t length;
        gint64 offset;

        if (!unpack_begin(unpack, entry, error))
                return false;
        while (entry->type == S_IFREG && !entry->is_hard_link &&
               tar_reader_data(reader, &data, &length, &offset, error) > 0)
                if (!unpack_data(unpack, data, length, offset, error))
                        return false;
        return !*error && unpack_end(unpack, entry, error);
}

static bool unpack_tar(Fixture *fixture, const GByteArray *tar, UnpackTotals *ret_totals,
                       GError **error) {
        g_autoptr(TarReader) reader = tar_reader_new(source_new_memory(tar->data, tar->len, 777));
        g_autoptr(Unpack) unpack = unpack_new(fixture->dfd);
        const TarEntry *entry;
        int more;

        while ((more = tar_reader_next(reader, &entry, error)) > 0)
                if (!unpack_entry(unpack, reader, entry, error))
                        return false;
        return more == 0 && tar_reader_drain(reader, error) &&
               unpack_finish(unpack, ret_totals, error);
}

static UnpackTotals unpack_good(Fixture *fixture, const Item *items) {
        g_autoptr(GByteArray) tar = make_tar(items);
        g_autoptr(GError) error = NULL;
        UnpackTotals totals = { 0 };

        unpack_tar(fixture, tar, &totals, &error);
        g_assert_no_error(error);
        return totals;
}

static void unpack_bad(Fixture *fixture, const Item *items, const char *why) {
        g_autoptr(GByteArray) tar = make_tar(items);
        g_autoptr(GError) error = NULL;
        UnpackTotals totals;

        g_assert_false(unpack_tar(fixture, tar, &totals, &error));
        g_assert_error(error, ERROR_DOMAIN, ERROR_UNKNOWN);
        if (!strstr(error->message, why))
                g_error("\"%s\" is not in \"%s\"", why, error->message);
}

/* looking at the result */

static mode_t type_of(Fixture *fixture, const char *path) {
        struct stat status;

        if (fstatat(fixture->dfd, path, &status, AT_SYMLINK_NOFOLLOW) < 0)
                return 0;
        return status.st_mode & S_IFMT;
}

static struct stat stat_of(Fixture *fixture, const char *path) {
        struct stat status;

        g_assert_cmpint(fstatat(fixture->dfd, path, &status, AT_SYMLINK_NOFOLLOW), ==, 0);
        return status;
}

static void assert_whiteout(Fixture *fixture, const char *path) {
        struct stat status = stat_of(fixture, path);

        g_assert_true(S_ISCHR(status.st_mode) && status.st_rdev == 0);
}

static void assert_text(Fixture *fixture, const char *path, const char *expected) {
        g_autofree char *text = NULL;

        g_assert_cmpuint(type_of(fixture, path), ==, S_IFREG);
        g_assert_true(file_read(fixture->dfd, path, 100, &text, NULL, NULL));
        g_assert_cmpstr(text, ==, expected);
}

static char *xattr_of(Fixture *fixture, const char *path, const char *name) {
        g_autofree char *full = g_build_filename(fixture->root, path, NULL);
        char value[256];
        ssize_t length = lgetxattr(full, name, value, sizeof(value));

        return length < 0 ? NULL : g_strndup(value, (gsize) length);
}

static bool is_opaque(Fixture *fixture, const char *path) {
        g_autofree char *value = xattr_of(fixture, path, "trusted.overlay.opaque");

        return g_strcmp0(value, "y") == 0;
}

/* tests */

static void test_kinds(Fixture *fixture, gconstpointer data) {
        static const Item items[] = {
                { "./", S_IFDIR, NULL, 0751, FILE_OWNER },
                { "d/", S_IFDIR, NULL, 02775, FILE_OWNER },
                { "d/file", S_IFREG, "text", 0640, FILE_OWNER },
                { "d/setuid", S_IFREG, "text", 04755, FILE_OWNER },
                { "d/link", S_IFLNK, "/nowhere", 0, FILE_OWNER },
                { "d/hard", HARD, "d/setuid" },
                { "d/null", S_IFCHR, NULL, 0666, FILE_OWNER },
                { "d/pipe", S_IFIFO, NULL, 0600, FILE_OWNER },
                { "d/empty", S_IFREG, "", 0604, FILE_OWNER },
                { "implied/parents/file", S_IFREG },
                { 0 },
        };
        static const struct { const char *path; mode_t mode; nlink_t links; } expected[] = {
                { ".", S_IFDIR | 0751, 0 },       { "d", S_IFDIR | 02775, 0 },
                { "d/file", S_IFREG | 0640, 1 },  { "d/setuid", S_IFREG | 04755, 2 },
                { "d/link", S_IFLNK | 0777, 1 },  { "d/hard", S_IFREG | 04755, 2 },
                { "d/null", S_IFCHR | 0666, 1 },  { "d/pipe", S_IFIFO | 0600, 1 },
                { "d/empty", S_IFREG | 0604, 1 },
        };
        UnpackTotals totals = unpack_good(fixture, items);

        g_assert_true(totals.root_given);
        g_assert_cmpuint(totals.entries, ==, 9);
        g_assert_cmpuint(totals.bytes, ==, 9);
        for (unsigned i = 0; i < G_N_ELEMENTS(expected); i++) {
                struct stat status = stat_of(fixture, expected[i].path);

                g_assert_cmpuint(status.st_mode, ==, expected[i].mode);
                g_assert_cmpuint(status.st_uid, ==, FILE_OWNER);
                g_assert_cmpuint(status.st_gid, ==, FILE_OWNER);
                g_assert_cmpint(status.st_mtim.tv_sec, ==, MTIME);
                g_assert_cmpint(status.st_mtim.tv_nsec, ==, 123456789);
                if (expected[i].links)
                        g_assert_cmpuint(status.st_nlink, ==, expected[i].links);
        }
        g_assert_cmpuint(stat_of(fixture, "d/null").st_rdev, ==, makedev(1, 3));
        g_assert_cmpuint(stat_of(fixture, "implied/parents").st_mode, ==, S_IFDIR | 0755);
        /* made inside a setgid directory, but given to nobody by that */
        g_assert_cmpuint(stat_of(fixture, "implied/parents/file").st_gid, ==, 0);
        assert_text(fixture, "d/file", "text");
}

static void test_names(Fixture *fixture, gconstpointer data) {
        g_autofree char *component = g_strnfill(250, 'n');
        g_autofree char *deep = g_strjoin("/", component, component, component, component,
                                          component,
                                          component, component, component, "end", NULL);
        const Item items[] = {
                { "/absolute", S_IFREG },
                { "././/dots//./file", S_IFREG },
                { "up/../over", S_IFREG },
                { "caf\xc3\xa9/e\xcc\x81", S_IFREG }, /* composed and not */
                { "latin\xe9", S_IFREG },              /* no UTF-8 */
                { "new\nline\x01", S_IFREG },
                { "link", S_IFLNK, "e\xcc\x81/\xe9" },
                { "hard", HARD, "caf\xc3\xa9/e\xcc\x81" },
                { deep, S_IFREG },
                { 0 },
        };
        static const char *const expected[] = { "absolute", "dots/file", "over",
                                                "caf\xc3\xa9/e\xcc\x81", "latin\xe9",
                                                "new\nline\x01" };

        char target[16];

        unpack_good(fixture, items);
        for (unsigned i = 0; i < G_N_ELEMENTS(expected); i++)
                assert_text(fixture, expected[i], "x");
        assert_text(fixture, deep, "x");
        assert_text(fixture, "hard", "x");
        g_assert_cmpint(readlinkat(fixture->dfd, "link", target, sizeof(target)), ==, 5);
        g_assert_cmpmem(target, 5, "e\xcc\x81/\xe9", 5);
        g_assert_cmpuint(type_of(fixture, "up"), ==, 0);
}

static void test_bad_names(Fixture *fixture, gconstpointer data) {
        g_autofree char *component = g_strnfill(256, 'n');
        g_autofree char *half = g_strnfill(200, 'd');
        g_autoptr(GString) deep = g_string_new(NULL);

        for (unsigned i = 0; i < 25; i++)
                g_string_append_printf(deep, "%s/", half);
        unpack_bad(fixture, (Item[]) { { "../canary/file", S_IFREG }, { 0 } }, "leaves the layer");
        unpack_bad(fixture, (Item[]) { { "a/../../canary/x", S_IFREG }, { 0 } },
                   "leaves the layer");
        unpack_bad(fixture, (Item[]) { { "/../canary/x", S_IFDIR }, { 0 } }, "leaves the layer");
        unpack_bad(fixture, (Item[]) { { "a/b", HARD, "../canary/file" }, { 0 } },
                   "leaves the layer");
        unpack_bad(fixture, (Item[]) { { "a/.wh...", S_IFREG }, { 0 } }, "whiteout");
        unpack_bad(fixture, (Item[]) { { ".wh..", S_IFREG }, { 0 } }, "whiteout");
        unpack_bad(fixture, (Item[]) { { ".wh.", S_IFREG }, { 0 } }, "whiteout");
        unpack_bad(fixture, (Item[]) { { ".", S_IFREG }, { 0 } }, "root");
        unpack_bad(fixture, (Item[]) { { component, S_IFREG }, { 0 } }, "too long");
        unpack_bad(fixture, (Item[]) { { deep->str, S_IFREG }, { 0 } }, "longer than");
}

/* A link of the layer leads where it would lead in the container, and never to the host. */
static void test_symlink_parents(Fixture *fixture, gconstpointer data) {
        const Item absolute[] = { { "a", S_IFLNK, fixture->canary },
                                  { "a/file", S_IFREG, "evil" }, { 0 } };
        const Item up[] = { { "b", S_IFLNK, "../../../../../../../../../" },
                            { "b/x", S_IFREG, "inside" }, { 0 } };
        const Item chain[] = { { "c", S_IFLNK, "../canary" }, { "d", S_IFLNK, "c" },
                               { "d/file", S_IFREG, "evil" }, { 0 } };
        const Item good[] = { { "usr/lib", S_IFDIR }, { "lib", S_IFLNK, "usr/lib" },
                              { "lib/so", S_IFREG, "fine" }, { 0 } };

        unpack_bad(fixture, absolute, "is no directory");
        unpack_good(fixture, up);
        assert_text(fixture, "x", "inside");
        unpack_bad(fixture, chain, "is no directory");
        unpack_good(fixture, good);
        assert_text(fixture, "usr/lib/so", "fine");
}

/* An existing link is replaced, not written through; so are its attributes. */
static void test_symlink_leaf(Fixture *fixture, gconstpointer data) {
        g_autofree char *file = g_build_filename(fixture->canary, "file", NULL);
        const Item items[] = {
                { "f", S_IFLNK, file },          { "f", S_IFREG, "evil", 0777, FILE_OWNER },
                { "d", S_IFLNK, fixture->canary }, { "d", S_IFDIR, NULL, 0777, FILE_OWNER },
                { "l", S_IFLNK, file, 0777, FILE_OWNER },
                { "h", HARD, "l", 0777, FILE_OWNER },
                { "p", S_IFLNK, file },          { "p", S_IFIFO },
                { "c", S_IFLNK, file },          { "c", S_IFCHR },
                { "t", S_IFREG, "first" },       { "t", S_IFLNK, file, 0, FILE_OWNER, "trusted.x",
                "1" },
                { 0 },
        };

        unpack_good(fixture, items);
        assert_text(fixture, "f", "evil");
        g_assert_cmpuint(type_of(fixture, "d"), ==, S_IFDIR);
        g_assert_cmpuint(type_of(fixture, "h"), ==, S_IFLNK);
        g_assert_cmpuint(type_of(fixture, "p"), ==, S_IFIFO);
        g_assert_cmpuint(type_of(fixture, "c"), ==, S_IFCHR);
        g_assert_cmpuint(type_of(fixture, "t"), ==, S_IFLNK);
        g_assert_cmpint(getxattr(file, "trusted.x", NULL, 0), ==, -1);
}

/* A directory whose attributes wait for the end may have become a link by then. */
static void test_late_attributes(Fixture *fixture, gconstpointer data) {
        const Item items[] = { { "d", S_IFDIR, NULL, 0777, FILE_OWNER },
                               { "d", S_IFLNK, fixture->canary },
                               { "e/f", S_IFDIR, NULL, 0777, FILE_OWNER },
                               { "e", S_IFLNK, fixture->base },
                               { "g/canary", S_IFDIR, NULL, 0777, FILE_OWNER },
                               { "g", S_IFLNK, ".." },
                               { "target", S_IFDIR, NULL, 0700 },
                               { "t", S_IFDIR, NULL, 0777, FILE_OWNER },
                               { "t", S_IFLNK, "target" },
                               { 0 } };

        unpack_good(fixture, items);
        g_assert_cmpuint(type_of(fixture, "d"), ==, S_IFLNK);
        g_assert_cmpuint(type_of(fixture, "e"), ==, S_IFLNK);
        g_assert_cmpuint(stat_of(fixture, "target").st_mode, ==, S_IFDIR | 0700);
}

static void test_hard_links(Fixture *fixture, gconstpointer data) {
        g_autofree char *file = g_build_filename(fixture->canary, "file", NULL);
        const Item good[] = { { "a", S_IFREG, "one" },   { "b", HARD, "/a" },
                              { "a", HARD, "a" },
                              { "b", HARD, "a" },        { "a", HARD, "b" },
                              { "c", S_IFREG, "other" }, { "c", HARD, "./a" },
                              { "b", S_IFREG, "new" },   { 0 } };
        const Item outside[] = { { "h", HARD, file }, { 0 } };
        const Item through[] = { { "s", S_IFLNK, fixture->canary }, { "h", HARD, "s/file" },
        { 0 } };
        const Item folder[] = { { "d", S_IFDIR }, { "h", HARD, "d" }, { 0 } };
        const Item hidden[] = { { ".wh.w", S_IFREG }, { "h", HARD, "w" }, { 0 } };

        unpack_good(fixture, good);
        assert_text(fixture, "a", "one");
        assert_text(fixture, "b", "new");
        assert_text(fixture, "c", "one");
        unpack_bad(fixture, outside, "not a file of the layer");
        unpack_bad(fixture, through, "not a file of the layer");
        unpack_bad(fixture, folder, "not a file of the layer");
        unpack_bad(fixture, hidden, "not a file of the layer");
        unpack_bad(fixture, (Item[]) { { "h", HARD, "missing" }, { 0 } }, "not a file");
        unpack_bad(fixture, (Item[]) { { "h", HARD, "." }, { 0 } }, "not a file");
        g_assert_cmpuint(type_of(fixture, "h"), ==, 0);
}

static void test_replaced(Fixture *fixture, gconstpointer data) {
        static const Item items[] = {
                { "d/sub/file", S_IFREG },          { "d", S_IFREG, "now a file" },
                { "f", S_IFREG, "was a file" },     { "f", S_IFDIR, NULL, 0700, FILE_OWNER },
                { "f/x", S_IFREG },                 { "twice", S_IFREG, "a longer first one" },
                { "twice", S_IFREG, "second" },     { "k", S_IFDIR, NULL, 0700 },
                { "k/kept", S_IFREG },              { "k", S_IFDIR, NULL, 0711, FILE_OWNER },
                { 0 },
        };

        unpack_good(fixture, items);
        assert_text(fixture, "d", "now a file");
        assert_text(fixture, "f/x", "x");
        assert_text(fixture, "twice", "second");
        assert_text(fixture, "k/kept", "x");
        g_assert_cmpuint(stat_of(fixture, "k").st_mode, ==, S_IFDIR | 0711);
        g_assert_cmpuint(stat_of(fixture, "k").st_uid, ==, FILE_OWNER);
        g_assert_true(is_opaque(fixture, "f"));
        g_assert_false(is_opaque(fixture, "k"));
        unpack_bad(fixture, (Item[]) { { "p", S_IFREG }, { "p/x", S_IFREG }, { 0 } },
                   "is no directory");
}

static void test_whiteouts(Fixture *fixture, gconstpointer data) {
        static const Item items[] = {
                { "d/.wh.gone", S_IFREG, "", 0, FILE_OWNER },
                { "after", S_IFREG, "kept" },  { ".wh.after", S_IFREG, "" },
                { ".wh.before", S_IFREG, "" }, { "before", S_IFREG, "kept" },
                { "dir-after/x", S_IFREG },    { ".wh.dir-after", S_IFREG, "" },
                { ".wh.dir-before", S_IFREG, "" }, { "dir-before", S_IFDIR },
                { "dir-before/x", S_IFREG },
                { ".wh.implied", S_IFREG, "" }, { "implied/x", S_IFREG },
                { ".wh.twice", S_IFREG, "" },  { ".wh.twice", S_IFREG, "" },
                { ".wh.tree", S_IFREG, "" },   { "tree/.wh.leaf", S_IFREG, "" },
                { 0 },
        };

        unpack_good(fixture, items);
        assert_whiteout(fixture, "d/gone");
        g_assert_cmpuint(stat_of(fixture, "d/gone").st_uid, ==, FILE_OWNER);
        assert_text(fixture, "after", "kept");
        assert_text(fixture, "before", "kept");
        assert_text(fixture, "dir-after/x", "x");
        assert_text(fixture, "dir-before/x", "x");
        assert_text(fixture, "implied/x", "x");
        g_assert_true(is_opaque(fixture, "dir-after"));
        g_assert_true(is_opaque(fixture, "dir-before"));
        g_assert_true(is_opaque(fixture, "implied"));
        g_assert_false(is_opaque(fixture, "d"));
        assert_whiteout(fixture, "twice");
        assert_whiteout(fixture, "tree");
        g_assert_cmpuint(type_of(fixture, ".wh.after"), ==, 0);
}

static void test_opaque(Fixture *fixture, gconstpointer data) {
        static const Item items[] = {
                { "first/.wh..wh..opq", S_IFREG, "" }, { "first/x", S_IFREG },
                { "last/x", S_IFREG },                 { "last/.wh..wh..opq", S_IFREG, "" },
                { "last/y", S_IFREG },                 { ".wh..wh.aufs", S_IFREG },
                { ".wh..wh.plnk/123", S_IFREG },       { "plain/x", S_IFREG },
                { "last", S_IFDIR, NULL, 0700 },       { 0 },
        };
        g_autoptr(GPtrArray) names = NULL;

        unpack_good(fixture, items);
        g_assert_true(is_opaque(fixture, "first"));
        g_assert_true(is_opaque(fixture, "last"));
        g_assert_false(is_opaque(fixture, "plain"));
        assert_text(fixture, "first/x", "x");
        assert_text(fixture, "last/x", "x");
        names = dir_list(fixture->dfd, ".", NULL);
        g_assert_cmpuint(names->len, ==, 3);
        names = (g_ptr_array_unref(names), dir_list(fixture->dfd, "last", NULL));
        g_assert_cmpuint(names->len, ==, 2);
}

static void test_xattrs(Fixture *fixture, gconstpointer data) {
        static const Item items[] = {
                { "user", S_IFREG, "x", 0, 0, "user.note", "hello" },
                { "dir", S_IFDIR, NULL, 0, FILE_OWNER, "user.note", "hello" },
                { "opaque", S_IFDIR, NULL, 0, 0, "trusted.overlay.opaque", "y" },
                { "redirect", S_IFDIR, NULL, 0, 0, "trusted.overlay.redirect", "/etc" },
                { "meta", S_IFREG, "x", 0, 0, "trusted.overlay.metacopy", "" },
                { "uopaque", S_IFDIR, NULL, 0, 0, "user.overlay.opaque", "y" },
                { "label", S_IFREG, "x", 0, 0, "security.selinux", "a:b:c:s0" },
                { "trusted", S_IFREG, "x", 0, 0, "trusted.note", "hello" },
                { 0 },
        };
        static const char *const dropped[][2] = {
                { "opaque", "trusted.overlay.opaque" }, { "redirect", "trusted.overlay.redirect" },
                { "meta", "trusted.overlay.metacopy" }, { "uopaque", "user.overlay.opaque" },
                { "label", "security.selinux" },
        };
        static const char *const kept[][2] = { { "user", "user.note" }, { "dir", "user.note" },
                                               { "trusted", "trusted.note" } };

        unpack_good(fixture, items);
        for (unsigned i = 0; i < G_N_ELEMENTS(dropped); i++)
                g_assert_null(xattr_of(fixture, dropped[i][0], dropped[i][1]));
        for (unsigned i = 0; i < G_N_ELEMENTS(kept); i++) {
                g_autofree char *value = xattr_of(fixture, kept[i][0], kept[i][1]);

                g_assert_cmpstr(value, ==, "hello");
        }
}

/* A capability is lost when the owner changes afterwards. */
static void test_capability(Fixture *fixture, gconstpointer data) {
        static const guint8 net_raw[] = { 1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0 };
        g_autoptr(Unpack) unpack = unpack_new(fixture->dfd);
        TarXattr xattr = { "security.capability", net_raw, sizeof(net_raw) };
        TarEntry entry = { .path = "ping", .type = S_IFREG, .mode = 0755, .uid = FILE_OWNER,
                           .gid = FILE_OWNER, .xattrs = &xattr, .n_xattrs = 1 };
        g_autofree char *path = g_build_filename(fixture->root, "ping", NULL);
        guint8 value[64];

        g_assert_true(unpack_begin(unpack, &entry, NULL));
        g_assert_true(unpack_end(unpack, &entry, NULL));
        g_assert_cmpint(getxattr(path, xattr.name, value, sizeof(value)), ==, sizeof(net_raw));
        g_assert_cmpuint(stat_of(fixture, "ping").st_uid, ==, FILE_OWNER);
}

static void test_sparse(Fixture *fixture, gconstpointer data) {
        g_autoptr(Unpack) unpack = unpack_new(fixture->dfd);
        const TarEntry entry = { .path = "sparse", .type = S_IFREG, .mode = 0644, .size = 1 << 30 };

        g_assert_true(unpack_begin(unpack, &entry, NULL));
        g_assert_true(unpack_data(unpack, "middle", 6, 1 << 20, NULL));
        g_assert_true(unpack_end(unpack, &entry, NULL));
        g_assert_cmpint(stat_of(fixture, "sparse").st_size, ==, 1 << 30);
        g_assert_cmpint(stat_of(fixture, "sparse").st_blocks, <, 64);
}

static void test_owner_and_type(Fixture *fixture, gconstpointer data) {
        g_autoptr(Unpack) unpack = unpack_new(fixture->dfd);
        const TarEntry odd = { .path = "socket", .type = S_IFSOCK, .mode = 0644 };
        g_autoptr(GError) error = NULL;

        unpack_bad(fixture, (Item[]) { { "f", S_IFREG, "x", 0, (uid_t) -1 }, { 0 } }, "owner");
        g_assert_false(unpack_begin(unpack, &odd, &error));
        g_assert_nonnull(strstr(error->message, "unknown type"));
}

/* What is no tar, or ends too early, is never a shorter layer. */
static void test_corrupt(Fixture *fixture, gconstpointer data) {
        static const Item items[] = { { "a", S_IFREG, "one" }, { "b", S_IFREG, "two" }, { 0 } };
        g_autoptr(GByteArray) tar = make_tar(items);
        g_autoptr(GByteArray) noise = g_byte_array_new();
        UnpackTotals totals;

        for (guint i = 0; i < 4096; i++)
                g_byte_array_append(noise, (const guint8[]) { (guint8) (i * 7 + 1) }, 1);
        g_assert_false(unpack_tar(fixture, noise, &totals, &(GError *){ NULL }));
        tar->data[100] ^= 1; /* mode of the first header, so its checksum */
        g_assert_false(unpack_tar(fixture, tar, &totals, &(GError *){ NULL }));
        tar->data[100] ^= 1;
        g_byte_array_set_size(tar, 512 + 2);
        g_assert_false(unpack_tar(fixture, tar, &totals, &(GError *){ NULL }));
        g_byte_array_set_size(tar, 0);
        g_assert_true(unpack_tar(fixture, tar, &totals, &(GError *){ NULL }));
        g_assert_cmpuint(totals.entries, ==, 0);
}

#define ADD(name, func) g_test_add("/unpack/" name, Fixture, NULL, set_up, func, tear_down)

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        if (getuid() != 0) {
                g_print("1..0 # SKIP needs root\n");
                return 0;
        }
        umask(0);
        ADD("kinds", test_kinds);
        ADD("names", test_names);
        ADD("bad-names", test_bad_names);
        ADD("symlink-parents", test_symlink_parents);
        ADD("symlink-leaf", test_symlink_leaf);
        ADD("late-attributes", test_late_attributes);
        ADD("hard-links", test_hard_links);
        ADD("replaced", test_replaced);
        ADD("whiteouts", test_whiteouts);
        ADD("opaque", test_opaque);
        ADD("xattrs", test_xattrs);
        ADD("capability", test_capability);
        ADD("sparse", test_sparse);
        ADD("owner-and-type", test_owner_and_type);
        ADD("corrupt", test_corrupt);
        return g_test_run();
}
