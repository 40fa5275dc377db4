/* SPDX-License-Identifier: Apache-2.0 */
/* The way to a pod: which interface, and whether packets from 127.0.0.0/8 may take it. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include <net/if.h>

#include "base/file.h"
#include "base/log.h"
#include "network/portmap-private.h"

static int on_attribute(const struct nlattr *attribute, void *data) {
        unsigned *index = data;

        if (mnl_attr_get_type(attribute) == RTA_OIF &&
            mnl_attr_validate(attribute, MNL_TYPE_U32) >= 0)
                *index = mnl_attr_get_u32(attribute);
        return MNL_CB_OK;
}

static int on_route(const struct nlmsghdr *header, void *data) {
        return mnl_attr_parse(header, sizeof(struct rtmsg), on_attribute, data);
}

/* Ask the kernel as it would ask itself for a packet. */
static unsigned find_interface(struct mnl_socket *socket, struct in_addr address) {
        char buffer[8192];
        struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
        struct rtmsg *route;
        unsigned index = 0;
        ssize_t length;

        header->nlmsg_type = RTM_GETROUTE;
        header->nlmsg_flags = NLM_F_REQUEST;
        header->nlmsg_seq = 1;
        route = mnl_nlmsg_put_extra_header(header, sizeof(*route));
        route->rtm_family = AF_INET;
        route->rtm_dst_len = 32;
        mnl_attr_put_u32(header, RTA_DST, address.s_addr);
        if (mnl_socket_sendto(socket, header, header->nlmsg_len) < 0)
                return 0;
        length = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));
        if (length <= 0 || mnl_cb_run(buffer, (size_t) length, 1, 0, on_route, &index) < 0)
                return 0;
        return index;
}

static bool is_plain(const char *name) {
        for (const char *c = name; *c; c++)
                if (!g_ascii_isalnum(*c) && !strchr("._-@:", *c))
                        return false;
        return true;
}

char *port_route_find(const char *ip) {
        struct mnl_socket *socket;
        struct in_addr address;
        char name[IF_NAMESIZE];
        unsigned index;

        if (inet_pton(AF_INET, ip, &address) != 1)
                return NULL;
        socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
        if (!socket)
                return NULL;
        index = find_interface(socket, address);
        mnl_socket_close(socket);
        if (index == 0 || !if_indextoname(index, name) || !is_plain(name) ||
            g_str_equal(name, "lo"))
                return NULL;
        return g_strdup(name);
}

static bool is_on(const char *interface) {
        g_autofree char *path = g_strdup_printf("/proc/sys/net/ipv4/conf/%s/route_localnet",
                                                interface);
        g_autofree char *value = file_read_line(AT_FDCWD, path);

        return value && g_str_equal(value, "1");
}

bool port_localnet_is_on(const char *interface) {
        return is_on("all") || is_on(interface);
}

void port_localnet_set(const char *interface, bool on) {
        g_autofree char *path = g_strdup_printf("/proc/sys/net/ipv4/conf/%s/route_localnet",
                                                interface);

        if (!file_write(AT_FDCWD, path, on ? "1" : "0") && errno != ENOENT)
                log_warning("ignoring: host ports %s 127.0.0.1: write %s: %s",
                            on ? "do not work on" : "may stay open on", path, g_strerror(errno));
}
