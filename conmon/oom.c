/* SPDX-License-Identifier: Apache-2.0 */
#include "conmon/oom.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "conmon/file.h"
#include "conmon/monitor.h"

#define CGROUP_ROOT "/sys/fs/cgroup"

int64_t oom_count(const char *text) {
        static const char word[] = "oom_kill ";

        for (const char *line = text; line; line = strchr(line, '\n')) {
                int64_t count = 0;

                line += *line == '\n';
                if (strncmp(line, word, sizeof(word) - 1) != 0)
                        continue;
                for (line += sizeof(word) - 1; *line >= '0' && *line <= '9'; line++)
                        count = count * 10 + *line - '0';
                return count;
        }
        return 0;
}

/* oom_read() - the counter now; the last value when the cgroup is gone */
static int64_t oom_read(const Oom *oom) {
        char text[1024];
        ssize_t n = pread(oom->fd, text, sizeof(text) - 1, 0);

        if (n < 0)
                return oom->kills;
        text[n] = '\0';
        return oom_count(text);
}

/* has_word() - whether @word is in a list with commas up to the colon */
static bool has_word(const char *list, const char *word) {
        size_t length = strlen(word);

        while (*list && *list != ':') {
                size_t item = strcspn(list, ",:");

                if (item == length && strncmp(list, word, length) == 0)
                        return true;
                list += item;
                list += *list == ',';
        }
        return false;
}

/**
 * oom_open_counter() - open what a line of /proc/PID/cgroup leads to
 * @line:       "NUMBER:CONTROLLERS:PATH"; no controllers at all is version 2
 */
static int oom_open_counter(const char *line) {
        const char *controllers = strchr(line, ':');
        const char *path = controllers ? strchr(controllers + 1, ':') : NULL;
        char buffer[PATH_MAX];
        Text name = text_over(buffer, sizeof(buffer));
        bool unified;

        if (!path)
                return -1;
        unified = path == controllers + 1;
        if (!unified && !has_word(controllers + 1, "memory"))
                return -1;
        text_add(&name, unified ? CGROUP_ROOT : CGROUP_ROOT "/memory");
        text_add_data(&name, path + 1, strcspn(path + 1, "\n"));
        text_add(&name, unified ? "/memory.events" : "/memory.oom_control");
        return name.cut ? -1 : open(name.data, O_RDONLY | O_CLOEXEC);
}

/* oom_open() - find the counter of @pid's cgroup; a node may well have none */
void oom_open(Monitor *monitor, pid_t pid) {
        Oom *oom = &monitor->oom;
        char buffer[64];
        Text name = text_over(buffer, sizeof(buffer));

        text_add(&name, "/proc/");
        text_add_number(&name, pid);
        text_add(&name, "/cgroup");
        if (file_read(name.data, monitor->output, sizeof(monitor->output)) <= 0)
                return;

        for (char *line = monitor->output; line && oom->fd < 0; line = strchr(line, '\n')) {
                line += *line == '\n';
                oom->fd = oom_open_counter(line);
        }
        if (oom->fd < 0) {
                debug(monitor, "no counter of out-of-memory kills for this container");
                return;
        }
        oom->kills = oom_read(oom);
        /* version 2 tells of a change this way; version 1 never does, and costs nothing */
        oom->watched = true;
        monitor_watch(monitor, oom->fd, EPOLLPRI, EVENT_OOM, 0);
}

static void oom_mark(Monitor *monitor, const char *folder) {
        char buffer[PATH_MAX];
        Text name = text_over(buffer, sizeof(buffer));

        if (!folder)
                return;
        text_add(&name, folder);
        text_add(&name, "/oom");
        if (name.cut || !file_touch(name.data))
                warn(monitor, "cannot make ", name.data, ": ", strerror(errno));
}

void oom_check(Monitor *monitor) {
        int64_t kills;

        if (monitor->oom.fd < 0)
                return;
        kills = oom_read(&monitor->oom);
        if (kills <= monitor->oom.kills)
                return;
        monitor->oom.kills = kills;
        oom_mark(monitor, monitor->options.persist_dir);
        oom_mark(monitor, monitor->options.bundle);
}

/* oom_on_event() - also comes when the cgroup is removed, and then never stops */
void oom_on_event(Monitor *monitor, unsigned index, uint32_t events) {
        char byte;

        oom_check(monitor);
        if (pread(monitor->oom.fd, &byte, 1, 0) < 0)
                monitor_unwatch(monitor, monitor->oom.fd);
}
