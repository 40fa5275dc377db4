/* SPDX-License-Identifier: Apache-2.0 */
#include "conmon/console.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include "conmon/file.h"
#include "conmon/monitor.h"

/* console_open() - listen at a name that cannot be guessed; the runtime gets it as an argument */
void console_open(Monitor *monitor) {
        static const char letters[] = "abcdefghijklmnopqrstuvwxyz012345";
        const char *folder = getenv("TMPDIR");
        unsigned char random[6] = { 0 };
        char suffix[sizeof(random) + 1] = "";
        Stdio *stdio = &monitor->stdio;

        if (getrandom(random, sizeof(random), 0) != (ssize_t) sizeof(random))
                die(monitor, "no random numbers: ", strerror(errno));
        for (size_t i = 0; i < sizeof(random); i++)
                suffix[i] = letters[random[i] & 31];
        stdio->console_path = arena_join(&monitor->arena, folder && *folder ? folder : "/tmp",
                "/conmon-term.", suffix, NULL);
        if (strlen(stdio->console_path) >= sizeof(((struct sockaddr_un *) NULL)->sun_path))
                die(monitor, "the path of the console socket is too long for the runtime: ",
                        stdio->console_path);
        stdio->console_fd = socket_listen(stdio->console_path, SOCK_STREAM, 0700);
        if (stdio->console_fd < 0)
                die(monitor, "cannot listen on ", stdio->console_path, ": ", strerror(errno));
}

/* console_receive_fd() - the first descriptor that comes with a message, -1 if there is none */
static int console_receive_fd(int connection) {
        union {
                struct cmsghdr header;
                char space[CMSG_SPACE(sizeof(int))];
        } control;
        char name[256];
        struct iovec part = { .iov_base = name, .iov_len = sizeof(name) };
        struct msghdr message = {
                .msg_iov = &part, .msg_iovlen = 1,
                .msg_control = &control, .msg_controllen = sizeof(control),
        };
        struct cmsghdr *header;
        int fd = -1;

        if (recvmsg(connection, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT) < 0)
                return -1;
        header = CMSG_FIRSTHDR(&message);
        if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS &&
            header->cmsg_len == CMSG_LEN(sizeof(int)))
                memcpy(&fd, CMSG_DATA(header), sizeof(fd));
        return fd;
}

/* console_is_trusted() - the folder of the socket may be open to all, the socket is not */
static bool console_is_trusted(int connection) {
        struct ucred peer;
        socklen_t length = sizeof(peer);

        if (getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0)
                return false;
        return peer.uid == 0 || peer.uid == geteuid();
}

static void console_set_onlcr(Monitor *monitor, int fd) {
        struct termios termios;

        if (tcgetattr(fd, &termios) == 0) {
                termios.c_oflag |= ONLCR;
                if (tcsetattr(fd, TCSANOW, &termios) == 0)
                        return;
        }
        warn(monitor, "cannot set up the terminal: ", strerror(errno));
}

/**
 * console_receive() - our side of the terminal, non-blocking; -1 when the runtime sent none
 *
 * Called when the runtime has ended: whatever it sent waits in the socket then.
 */
int console_receive(Monitor *monitor) {
        int connection, fd;

        connection = accept4(monitor->stdio.console_fd, NULL, NULL, SOCK_CLOEXEC);
        if (connection < 0)
                return -1;
        fd = console_is_trusted(connection) ? console_receive_fd(connection) : -1;
        close(connection);
        if (fd < 0 || !isatty(fd)) {
                fd_close(&fd);
                return -1;
        }
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
        console_set_onlcr(monitor, fd);
        return fd;
}

void console_close(Monitor *monitor) {
        if (monitor->stdio.console_fd < 0)
                return;
        fd_close(&monitor->stdio.console_fd);
        unlink(monitor->stdio.console_path);
}
