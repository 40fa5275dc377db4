/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * file - files appear whole or not at all, beneath a directory descriptor.
 *
 * Threads  Any. Names given to these functions are ours or were checked by the caller, except for
 * the
 *          *_in_root functions, which are made for paths that a container or an image controls.
 */

#include <glib.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

/* Write @data as @name in @dfd: a reader sees the old file, the new file, or none. @name may
 * contain slashes. AT_FDCWD is allowed. Leftovers of a crash are named ".NAME.XXXXXXXX.tmp". The
 * synced form returns when data and name are on the disk. */
bool file_publish(
        int dfd, const char *name, const void *data, size_t length, mode_t mode, GError **error);
bool file_publish_synced(
        int dfd, const char *name, const void *data, size_t length, mode_t mode, GError **error);

/* Read a regular file of at most @limit bytes; a longer or irregular one is an error. The text ends
 * in a NUL that is not counted. Free with g_free(). */
bool file_read(int dfd, const char *name, size_t limit, char **ret_text, size_t *ret_length,
        GError **error);

/* As file_read(), for kernel files (procfs, sysfs, cgroupfs); the trailing newline is cut off.
 * NULL with errno set when it cannot be read. */
char *file_read_line(int dfd, const char *name);

/* Write to an existing (kernel) file with a single write(). False with errno set. */
bool file_write(int dfd, const char *name, const char *text);

/* mkdir -p below @dfd; existing directories are left as they are. */
bool dir_make(int dfd, const char *path, mode_t mode, GError **error);

/* Open a directory; -1 with @error. */
int dir_open(int dfd, const char *path, GError **error);

/* Names in a directory except "." and ".."; NULL with @error. A missing directory gives an empty
 * list. */
GPtrArray *dir_list(int dfd, const char *path, GError **error);

/* Open beneath @root_dfd as if it were "/": symbolic links, absolute ones too, stay inside; magic
 * links are refused. -1 with errno set. */
int file_open_in_root(int root_dfd, const char *path, int flags, mode_t mode);

/* mkdir -p with the same rule. Returns a descriptor of the last directory, -1 with errno set. */
int dir_make_in_root(int root_dfd, const char *path, mode_t mode);

/* Read a regular file inside a root, as file_read(). A FIFO, device or directory is refused without
 * being waited for. ret_text is NULL when there is no such file. */
bool file_read_in_root(int root_dfd, const char *path, size_t limit, char **ret_text,
        size_t *ret_length, GError **error);
