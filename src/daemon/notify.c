/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/notify.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <glib.h>

#include "base/fd.h"
#include "base/log.h"

void notify_send(const char *state) {
        const char *path = g_getenv("NOTIFY_SOCKET");
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        autofd int fd = -1;
        size_t length;

        if (!path || (*path != '/' && *path != '@') || strlen(path) >= sizeof(address.sun_path))
                return;
        length = strlen(path);
        memcpy(address.sun_path, path, length);
        /* systemd inside a container may hand out a name in the abstract name space. */
        if (*path == '@')
                address.sun_path[0] = '\0';
        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0 ||
                sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&address,
                        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)) < 0)
                log_warning(
                        "tell the service manager \"%s\": %s, ignoring", state, g_strerror(errno));
}
