/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * File - the few things the monitor does with descriptors and small files.
 *
 * Functions that can fail return false or -1 with errno set.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

bool fd_write_all(int fd, const char *data, size_t length);
void fd_close(int *fd);
bool fd_set_cloexec(int fd);
void fd_close_inherited(void);

ssize_t file_read(const char *path, char *buffer, size_t size);
bool file_publish(const char *path, const char *content);
bool file_touch(const char *path);

int socket_listen(const char *path, int type, mode_t mode);
