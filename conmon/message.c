/* SPDX-License-Identifier: Apache-2.0 */
#include "conmon/message.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include "conmon/exit.h"
#include "conmon/monitor.h"
#include "conmon/sync.h"
#include "conmon/text.h"

#define MESSAGE_SIZE 1024

static const struct {
        const char *name;
        MessageLevel level;
} names[] = {
        { "error",   MESSAGE_ERROR   }, { "fatal", MESSAGE_ERROR },
        { "panic",   MESSAGE_ERROR   }, { "warn",  MESSAGE_WARNING },
        { "warning", MESSAGE_WARNING }, { "info",  MESSAGE_INFO },
        { "debug",   MESSAGE_DEBUG   }, { "trace", MESSAGE_TRACE },
};

bool message_level_parse(const char *name, MessageLevel *ret_level) {
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
                if (strcmp(names[i].name, name) != 0)
                        continue;
                *ret_level = names[i].level;
                return true;
        }
        return false;
}

/* message_to_syslog() - one datagram; without a listener the message is lost, as with syslog(3) */
static void message_to_syslog(Monitor *monitor, MessageLevel level, const char *said) {
        static const int priorities[] = { LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG, LOG_DEBUG };
        struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "/dev/log" };
        char buffer[MESSAGE_SIZE + 128];
        Text text = text_over(buffer, sizeof(buffer));
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        if (fd < 0)
                return;
        text_add(&text, "<");
        text_add_number(&text, LOG_DAEMON | priorities[level]);
        text_add(&text, ">conmon[");
        text_add_number(&text, getpid());
        text_add(&text, "]: ");
        text_add_data(&text, monitor->options.cid ? monitor->options.cid : "",
                monitor->options.cid ? strnlen(monitor->options.cid, 20) : 0);
        text_add(&text, ": ");
        text_add(&text, said);
        (void) !sendto(fd, text.data, text.length, MSG_NOSIGNAL,
                (const struct sockaddr *) &address, sizeof(address));
        close(fd);
}

static void message_join(Text *text, const char *first, va_list list) {
        for (const char *part = first; part; part = va_arg(list, const char *))
                text_add_data(text, part, strnlen(part, MESSAGE_SIZE / 2));
}

static void message_put(Monitor *monitor, MessageLevel level, const char *said) {
        static const char letters[] = "ewidt";
        char buffer[MESSAGE_SIZE + 16] = "[conmon:";
        Text text = { .data = buffer, .size = sizeof(buffer), .length = strlen(buffer) };

        if (level > monitor->options.level)
                return;
        text_add_data(&text, &letters[level], 1);
        text_add(&text, "]: ");
        text_add(&text, said);
        text_add(&text, "\n");
        /* with passthrough logging, stderr is the container's */
        if (!monitor->options.passthrough || level == MESSAGE_ERROR)
                (void) !write(STDERR_FILENO, text.data, text.length);
        if (monitor->options.syslog)
                message_to_syslog(monitor, level, said);
}

void message_send(Monitor *monitor, MessageLevel level, const char *first, ...) {
        char buffer[MESSAGE_SIZE];
        Text text = text_over(buffer, sizeof(buffer));
        va_list list;

        va_start(list, first);
        message_join(&text, first, list);
        va_end(list);
        message_put(monitor, level, text.data);
}

/* message_die() - say why, also to the caller if it still waits for an answer, and exit 1 */
void message_die(Monitor *monitor, const char *first, ...) {
        char buffer[MESSAGE_SIZE];
        Text text = text_over(buffer, sizeof(buffer));
        va_list list;

        va_start(list, first);
        message_join(&text, first, list);
        va_end(list);
        message_put(monitor, MESSAGE_ERROR, text.data);
        if (!monitor->answered)
                sync_send(monitor, &monitor->sync_fd, -1, text.data, text.length);
        exit_leave(monitor, EXIT_FAILURE);
}
