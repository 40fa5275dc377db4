/* SPDX-License-Identifier: Apache-2.0 */
#include "conmon/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "conmon/text.h"

/* fd_write_all() - for blocking descriptors; a signal or a short write is not the end */
bool fd_write_all(int fd, const char *data, size_t length) {
        while (length > 0) {
                ssize_t n = write(fd, data, length);

                if (n < 0 && errno != EINTR)
                        return false;
                if (n > 0) {
                        data += n;
                        length -= (size_t) n;
                }
        }
        return true;
}

void fd_close(int *fd) {
        if (*fd >= 0)
                close(*fd);
        *fd = -1;
}

bool fd_set_cloexec(int fd) {
        int flags = fcntl(fd, F_GETFD);

        return flags >= 0 && fcntl(fd, F_SETFD, flags | FD_CLOEXEC) == 0;
}

/**
 * fd_close_inherited() - let go of descriptors the caller left open in us
 *
 * Podman keeps the published ports busy that way. All our own are close-on-exec, so the flag tells
 * the two apart.
 */
void fd_close_inherited(void) {
        _Alignas(struct dirent64) char buffer[2048];
        int dir = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        ssize_t n;

        if (dir < 0)
                return;
        while ((n = getdents64(dir, buffer, sizeof(buffer))) > 0) {
                for (ssize_t at = 0; at < n;) {
                        const struct dirent64 *entry = (const void *) (buffer + at);
                        int64_t fd;

                        at += entry->d_reclen;
                        if (!number_parse(entry->d_name, &fd) || fd <= STDERR_FILENO)
                                continue;
                        if ((fcntl((int) fd, F_GETFD) & FD_CLOEXEC) == 0)
                                close((int) fd);
                }
        }
        close(dir);
}

/* file_read() - at most @size - 1 bytes, always ended by NUL; returns how many, -1 on failure */
ssize_t file_read(const char *path, char *buffer, size_t size) {
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        size_t length = 0;
        ssize_t n = -1;

        buffer[0] = '\0';
        if (fd < 0)
                return -1;
        while (length < size - 1) {
                n = read(fd, buffer + length, size - 1 - length);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        break;
                length += (size_t) n;
        }
        close(fd);
        buffer[length] = '\0';
        return n < 0 ? -1 : (ssize_t) length;
}

/* file_temporary() - a name beside @path that nobody else has */
static bool file_temporary(const char *path, char *ret_name, size_t size) {
        static const char letters[] = "abcdefghijklmnopqrstuvwxyz012345";
        Text name = text_over(ret_name, size);
        unsigned char random[6];
        char suffix[8] = ".";

        if (getrandom(random, sizeof(random), 0) != (ssize_t) sizeof(random))
                return false;
        for (size_t i = 0; i < sizeof(random); i++)
                suffix[i + 1] = letters[random[i] & 31];
        text_add(&name, path);
        text_add(&name, suffix);
        errno = ENAMETOOLONG;
        return !name.cut;
}

/* file_publish() - @path appears whole or not at all, whatever it was before */
bool file_publish(const char *path, const char *content) {
        char temporary[PATH_MAX];
        int fd, saved;

        if (!file_temporary(path, temporary, sizeof(temporary)))
                return false;
        fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd < 0)
                return false;
        if (fd_write_all(fd, content, strlen(content)) && close(fd) == 0) {
                if (rename(temporary, path) == 0)
                        return true;
        }
        saved = errno;
        unlink(temporary);
        errno = saved;
        return false;
}

/* file_touch() - @path exists afterwards; its content stays */
bool file_touch(const char *path) {
        int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);

        if (fd < 0)
                return false;
        close(fd);
        return true;
}

/**
 * socket_bind() - bind below a directory descriptor, so that long paths fit the 108 bytes
 * @path:       where the socket shall be; what is there is removed
 */
static bool socket_bind(int fd, const char *path) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        Text where = text_over(address.sun_path, sizeof(address.sun_path));
        const char *slash = strrchr(path, '/');
        char buffer[PATH_MAX];
        Text folder = text_over(buffer, sizeof(buffer));
        int dir, result;

        text_add_data(&folder, path, slash ? (size_t) (slash - path) + 1 : 0);
        text_add(&folder, ".");
        dir = folder.cut ? -1 : open(folder.data, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (dir < 0)
                return false;

        text_add(&where, "/proc/self/fd/");
        text_add_number(&where, dir);
        text_add(&where, "/");
        text_add(&where, slash ? slash + 1 : path);
        if (unlink(path) < 0 && errno != ENOENT) {
                close(dir);
                return false;
        }
        errno = ENAMETOOLONG;
        result = where.cut ? -1 : bind(fd, (const struct sockaddr *) &address, sizeof(address));
        close(dir);
        return result == 0;
}

/**
 * socket_listen() - a non-blocking UNIX socket at @path; stream types listen already
 * @type:       SOCK_STREAM, SOCK_SEQPACKET or SOCK_DGRAM
 * @mode:       permissions, whatever the umask says
 */
int socket_listen(const char *path, int type, mode_t mode) {
        int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        int saved;

        if (fd < 0)
                return -1;
        /* the mode of a bound socket is that of its inode, less the umask: set first and after */
        if (fchmod(fd, mode) == 0 && socket_bind(fd, path) && chmod(path, mode) == 0) {
                if (type == SOCK_DGRAM || listen(fd, 10) == 0)
                        return fd;
        }
        saved = errno;
        close(fd);
        errno = saved;
        return -1;
}
