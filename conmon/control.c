/* SPDX-License-Identifier: Apache-2.0 */
#include "conmon/control.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conmon/file.h"
#include "conmon/monitor.h"

#define NUMBER_MAX 1000

typedef void (*LineHandler)(Monitor *monitor, const char *line);

void control_init(Control *control) {
        *control = (Control) { .ctl.fd = -1, .winsz.fd = -1 };
}

bool control_parse(const char *line, int count, int *ret_numbers) {
        int numbers[3] = { 0 };

        for (int i = 0; i < count; i++) {
                size_t digits;

                line += strspn(line, " \t");
                digits = strspn(line, "0123456789");
                if (digits == 0 || digits > 4)
                        return false;
                for (; digits > 0; digits--)
                        numbers[i] = numbers[i] * 10 + *line++ - '0';
                if (numbers[i] > NUMBER_MAX || (i + 1 < count && *line != ' ' && *line != '\t'))
                        return false;
        }
        if (line[strspn(line, " \t\r")] != '\0')
                return false;
        memcpy(ret_numbers, numbers, sizeof(int) * (size_t) count);
        return true;
}

/* control_open_fifo() - we are a writer, too: when the last other one leaves nothing ends */
static int control_open_fifo(Monitor *monitor, const char *name) {
        const char *path = arena_join(&monitor->arena, monitor->options.bundle, "/", name, NULL);
        int fd;

        if (unlink(path) < 0 && errno != ENOENT)
                die(monitor, "cannot remove ", path, ": ", strerror(errno));
        if (mkfifo(path, 0660) < 0)
                die(monitor, "cannot make ", path, ": ", strerror(errno));
        fd = open(path, O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                die(monitor, "cannot open ", path, ": ", strerror(errno));
        return fd;
}

void control_open(Monitor *monitor) {
        Control *control = &monitor->control;

        control->ctl.fd = control_open_fifo(monitor, "ctl");
        control->winsz.fd = control_open_fifo(monitor, "winsz");
        monitor_watch(monitor, control->ctl.fd, EPOLLIN, EVENT_CONTROL, 0);
        monitor_watch(monitor, control->winsz.fd, EPOLLIN, EVENT_WINSZ, 0);
}

/* control_apply_size() - to be called again when the terminal has come */
void control_apply_size(Monitor *monitor) {
        const Control *control = &monitor->control;
        struct winsize size = {
                .ws_row = (unsigned short) control->height,
                .ws_col = (unsigned short) control->width,
        };
        int fd = monitor->stdio.streams[LOG_STDOUT].fd;

        if (!monitor->options.terminal || fd < 0 || (size.ws_row == 0 && size.ws_col == 0))
                return;
        if (ioctl(fd, TIOCSWINSZ, &size) < 0)
                warn(monitor, "cannot resize the terminal: ", strerror(errno));
}

static void control_resize(Monitor *monitor, int height, int width) {
        monitor->control.height = height;
        monitor->control.width = width;
        control_apply_size(monitor);
}

static void control_reopen(Monitor *monitor) {
        for (int i = 0; i < monitor->options.log_file_count; i++)
                if (!log_k8s_reopen(&monitor->logs[i]))
                        warn(monitor, "cannot reopen ", monitor->logs[i].path, ": ",
                                strerror(errno));
}

static void control_obey_ctl(Monitor *monitor, const char *line) {
        int numbers[3];

        if (!control_parse(line, 3, numbers))
                warn(monitor, "refused on the control fifo: ", line);
        else if (numbers[0] == CONTROL_RESIZE)
                control_resize(monitor, numbers[1], numbers[2]);
        else if (numbers[0] == CONTROL_REOPEN)
                control_reopen(monitor);
        else
                warn(monitor, "unknown on the control fifo: ", line);
}

static void control_obey_winsz(Monitor *monitor, const char *line) {
        int numbers[2];

        if (control_parse(line, 2, numbers))
                control_resize(monitor, numbers[0], numbers[1]);
        else
                warn(monitor, "refused on the winsz fifo: ", line);
}

/* fifo_read() - lines may come in pieces, or several at once */
static void fifo_read(Monitor *monitor, Fifo *fifo, LineHandler handle) {
        size_t room = sizeof(fifo->line) - 1 - fifo->length;
        ssize_t n = read(fifo->fd, fifo->line + fifo->length, room);
        char *start = fifo->line, *end;

        if (n <= 0)
                return;
        fifo->length += (size_t) n;
        fifo->line[fifo->length] = '\0';

        while ((end = memchr(start, '\n', fifo->length - (size_t) (start - fifo->line)))) {
                *end = '\0';
                if (!fifo->skipping)
                        handle(monitor, start);
                fifo->skipping = false;
                start = end + 1;
        }

        fifo->length -= (size_t) (start - fifo->line);
        memmove(fifo->line, start, fifo->length);
        if (fifo->length == sizeof(fifo->line) - 1) {
                fifo->skipping = true;
                fifo->length = 0;
        }
}

void control_on_ctl(Monitor *monitor, unsigned index, uint32_t events) {
        fifo_read(monitor, &monitor->control.ctl, control_obey_ctl);
}

void control_on_winsz(Monitor *monitor, unsigned index, uint32_t events) {
        fifo_read(monitor, &monitor->control.winsz, control_obey_winsz);
}
