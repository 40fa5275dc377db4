/* SPDX-License-Identifier: Apache-2.0 */
#include "conmon/attach.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "conmon/file.h"
#include "conmon/monitor.h"

/*
 * How long a client may take nothing. Behind a CRI daemon clients are remote and must not be able
 * to stop a container; podman's client is the user's own terminal or pipe, which may well stand
 * still for a while.
 */
#define PATIENCE_REMOTE 2000
#define PATIENCE_AT_END 30000

void attach_init(Attach *attach) {
        attach->listen_fd = -1;
        for (int i = 0; i < ATTACH_CLIENTS; i++)
                attach->clients[i].fd = -1;
}

/* attach_link() - a short way to the bundle, for callers that cannot connect to a long path */
static void attach_link(Monitor *monitor) {
        const Options *options = &monitor->options;
        size_t longest = sizeof(((struct sockaddr_un *) NULL)->sun_path) - 1;
        char *path = arena_join(&monitor->arena, options->socket_dir, "/", options->cuuid, NULL);

        if (strlen(path) == longest)
                path[longest - 1] = '\0';
        if (mkdir(options->socket_dir, 0711) < 0 && errno != EEXIST)
                die(monitor, "cannot make ", options->socket_dir, ": ", strerror(errno));
        if (unlink(path) < 0 && errno != ENOENT)
                die(monitor, "cannot remove ", path, ": ", strerror(errno));
        if (symlink(options->bundle, path) < 0)
                die(monitor, "cannot link ", path, ": ", strerror(errno));
        monitor->attach.link = path;
}

void attach_open(Monitor *monitor) {
        Attach *attach = &monitor->attach;
        const char *path = arena_join(&monitor->arena, monitor->options.bundle, "/attach", NULL);

        if (!monitor->options.full_attach && monitor->options.cuuid)
                attach_link(monitor);
        attach->listen_fd = socket_listen(path, SOCK_SEQPACKET, 0700);
        if (attach->listen_fd < 0)
                die(monitor, "cannot listen on ", path, ": ", strerror(errno));
        monitor_watch(monitor, attach->listen_fd, EPOLLIN, EVENT_ATTACH, 0);
}

void attach_close(Monitor *monitor) {
        if (monitor->attach.link && unlink(monitor->attach.link) < 0 && errno != ENOENT)
                warn(monitor, "cannot remove ", monitor->attach.link, ": ", strerror(errno));
}

static void client_set_stalled(Monitor *monitor, Client *client, bool stalled) {
        monitor->attach.stalled += stalled;
        monitor->attach.stalled -= client->stalled;
        client->stalled = stalled;
}

static bool client_wants_input(Monitor *monitor, const Client *client) {
        return client->readable && !stdio_is_input_busy(monitor);
}

/**
 * client_watch() - wait for what the client is needed for
 *
 * A peer that hung up is reported again and again. While its last words wait behind input that the
 * container has not taken, edge triggering keeps that from becoming a busy loop.
 */
static void client_watch(Monitor *monitor, Client *client) {
        unsigned index = (unsigned) (client - monitor->attach.clients);
        uint32_t events = client->stalled ? EPOLLOUT : 0;

        if (client_wants_input(monitor, client))
                events |= EPOLLIN;
        else if (client->readable)
                events |= EPOLLET;
        monitor_rewatch(monitor, client->fd, events, EVENT_CLIENT, index);
}

static void client_close(Monitor *monitor, Client *client) {
        client_set_stalled(monitor, client, false);
        fd_close(&client->fd);
        monitor->attach.connected--;
}

/* client_cut() - no more output for this one; it may still give input */
static void client_cut(Monitor *monitor, Client *client) {
        client_set_stalled(monitor, client, false);
        client->writable = false;
        if (!client->readable) {
                client_close(monitor, client);
                return;
        }
        shutdown(client->fd, SHUT_WR);
        client_watch(monitor, client);
}

static bool client_send_packet(Monitor *monitor, Client *client) {
        Attach *attach = &monitor->attach;
        size_t left = attach->length - client->sent;
        size_t size = left < ATTACH_PACKET ? left : ATTACH_PACKET;
        struct iovec parts[2] = {
                { .iov_base = &attach->number, .iov_len = 1 },
                { .iov_base = (char *) attach->block + client->sent, .iov_len = size },
        };
        struct msghdr packet = { .msg_iov = parts, .msg_iovlen = 2 };

        if (sendmsg(client->fd, &packet, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
                return false;
        client->sent += size;
        return true;
}

/* client_push() - as much of the block as the client takes now */
static void client_push(Monitor *monitor, Client *client) {
        bool was_stalled = client->stalled, moved = false;

        while (client->sent < monitor->attach.length) {
                if (client_send_packet(monitor, client)) {
                        moved = true;
                        continue;
                }
                if (errno == EINTR)
                        continue;
                if (errno != EAGAIN) {
                        client_cut(monitor, client);
                        return;
                }
                if (moved || !was_stalled)
                        client->cut_at = monitor->options.api_version ? 0 :
                                monitor_now() + PATIENCE_REMOTE;
                break;
        }
        client_set_stalled(monitor, client, client->sent < monitor->attach.length);
        if (client->stalled != was_stalled)
                client_watch(monitor, client);
}

/* attach_set_deadline() - for the client whose patience ends first */
static void attach_set_deadline(Monitor *monitor) {
        int64_t first = 0;

        for (int i = 0; i < ATTACH_CLIENTS && monitor->attach.stalled > 0; i++) {
                const Client *client = &monitor->attach.clients[i];

                if (client->fd < 0 || !client->stalled || client->cut_at == 0)
                        continue;
                if (first == 0 || client->cut_at < first)
                        first = client->cut_at;
        }
        monitor_set_deadline(monitor, DEADLINE_CLIENT, first);
}

/* attach_check() - after a client moved: go on reading when all have the block */
static void attach_check(Monitor *monitor) {
        attach_set_deadline(monitor);
        if (monitor->attach.stalled == 0)
                stdio_resume(monitor);
}

/**
 * attach_broadcast() - hand @data to all clients
 * @number:     2 for stdout, 3 for stderr
 * @data:       must stay as it is until no client is stalled any more
 */
void attach_broadcast(Monitor *monitor, char number, const char *data, size_t length) {
        Attach *attach = &monitor->attach;

        if (attach->connected == 0)
                return;
        attach->number = number;
        attach->block = data;
        attach->length = length;
        for (int i = 0; i < ATTACH_CLIENTS; i++) {
                Client *client = &attach->clients[i];

                if (client->fd < 0 || !client->writable)
                        continue;
                client->sent = 0;
                client_push(monitor, client);
        }
        if (attach->stalled > 0) {
                attach_set_deadline(monitor);
                stdio_pause(monitor);
        }
}

void attach_on_deadline(Monitor *monitor) {
        int64_t now = monitor_now();

        for (int i = 0; i < ATTACH_CLIENTS; i++) {
                Client *client = &monitor->attach.clients[i];

                if (client->fd < 0 || !client->stalled || client->cut_at == 0)
                        continue;
                if (client->cut_at <= now)
                        client_cut(monitor, client);
        }
        attach_check(monitor);
}

/* attach_poll_stalled() - wait up to @timeout ms for stalled clients, push to those that go on */
static int attach_poll_stalled(Monitor *monitor, int timeout) {
        struct pollfd fds[ATTACH_CLIENTS];
        Client *clients[ATTACH_CLIENTS];
        nfds_t count = 0;
        int n;

        for (int i = 0; i < ATTACH_CLIENTS; i++) {
                Client *client = &monitor->attach.clients[i];

                if (client->fd < 0 || !client->stalled)
                        continue;
                clients[count] = client;
                fds[count++] = (struct pollfd) { .fd = client->fd, .events = POLLOUT };
        }
        n = poll(fds, count, timeout);
        for (nfds_t i = 0; n > 0 && i < count; i++)
                if (fds[i].revents)
                        client_push(monitor, clients[i]);
        return n;
}

/* attach_settle() - the container is gone: clients may still take the block, but not for ever */
void attach_settle(Monitor *monitor) {
        int patience = monitor->options.api_version ? PATIENCE_AT_END : PATIENCE_REMOTE;

        while (monitor->attach.stalled > 0) {
                int n = attach_poll_stalled(monitor, patience);

                if (n > 0 || (n < 0 && errno == EINTR))
                        continue;
                for (int i = 0; i < ATTACH_CLIENTS; i++)
                        if (monitor->attach.clients[i].stalled)
                                client_cut(monitor, &monitor->attach.clients[i]);
        }
}

/* attach_rewatch() - the container takes input again, or does not */
void attach_rewatch(Monitor *monitor) {
        for (int i = 0; i < ATTACH_CLIENTS; i++)
                if (monitor->attach.clients[i].fd >= 0)
                        client_watch(monitor, &monitor->attach.clients[i]);
}

/* attach_on_listener() - take all who wait; beyond the table a client is turned away */
void attach_on_listener(Monitor *monitor, unsigned index, uint32_t events) {
        Attach *attach = &monitor->attach;
        int fd;

        while ((fd = accept4(attach->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
                unsigned place = 0;

                while (place < ATTACH_CLIENTS && attach->clients[place].fd >= 0)
                        place++;
                if (place == ATTACH_CLIENTS) {
                        warn(monitor, "too many attach clients, one is turned away");
                        close(fd);
                        continue;
                }
                attach->clients[place] = (Client) {
                        .fd = fd, .readable = true, .writable = true, .sent = attach->length,
                };
                attach->connected++;
                monitor_watch(monitor, fd, 0, EVENT_CLIENT, place);
                client_watch(monitor, &attach->clients[place]);
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
                /* it would be reported for ever; nobody else can attach until the monitor ends */
                warn(monitor, "no more attach clients: ", strerror(errno));
                monitor_unwatch(monitor, attach->listen_fd);
        }
}

/* client_read() - what a client sends goes to the container; its end may be the end of stdin */
static void client_read(Monitor *monitor, Client *client) {
        ssize_t n = recv(client->fd, monitor->input, sizeof(monitor->input), MSG_DONTWAIT);

        if (n > 0) {
                stdio_feed(monitor, (size_t) n);
                return;
        }
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        client->readable = false;
        stdio_end_input(monitor);
        if (!client->writable)
                client_close(monitor, client);
        else
                client_watch(monitor, client);
}

void attach_on_client(Monitor *monitor, unsigned index, uint32_t events) {
        Client *client = &monitor->attach.clients[index];

        if (client->stalled && (events & (EPOLLOUT | EPOLLERR | EPOLLHUP))) {
                client_push(monitor, client);
                attach_check(monitor);
        }
        if (client->fd < 0 || !(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
                return;
        if (client_wants_input(monitor, client))
                client_read(monitor, client);
        else if (!client->readable && (events & (EPOLLHUP | EPOLLERR))) {
                client_close(monitor, client);
                attach_check(monitor);
        }
}
