/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UDP has no connections, but the kernel remembers where a client's packets went and goes on
 * sending them there. A port that begins or ceases to lead into a pod therefore has to be
 * forgotten.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <string.h>

#include "base/log.h"
#include "network/portmap-private.h"

#define TUPLE_LIMIT 512
#define FLUSH_LIMIT 65536

/* A dump of the connections, and the original tuples of those that matched. */
typedef struct Search {
        guint16 port; /* network byte order */
        GPtrArray *tuples; /* of GBytes */
} Search;

typedef struct Tuple {
        guint8 protocol;
        guint16 port;
        const struct nlattr *whole;
} Tuple;

static int on_protocol(const struct nlattr *attribute, void *data) {
        Tuple *tuple = data;

        if (mnl_attr_get_type(attribute) == CTA_PROTO_NUM &&
            mnl_attr_validate(attribute, MNL_TYPE_U8) >= 0)
                tuple->protocol = mnl_attr_get_u8(attribute);
        if (mnl_attr_get_type(attribute) == CTA_PROTO_DST_PORT &&
            mnl_attr_validate(attribute, MNL_TYPE_U16) >= 0)
                tuple->port = mnl_attr_get_u16(attribute);
        return MNL_CB_OK;
}

static int on_tuple(const struct nlattr *attribute, void *data) {
        if (mnl_attr_get_type(attribute) == CTA_TUPLE_PROTO)
                return mnl_attr_parse_nested(attribute, on_protocol, data);
        return MNL_CB_OK;
}

static int on_attribute(const struct nlattr *attribute, void *data) {
        Tuple *tuple = data;

        if (mnl_attr_get_type(attribute) != CTA_TUPLE_ORIG)
                return MNL_CB_OK;
        tuple->whole = attribute;
        return mnl_attr_parse_nested(attribute, on_tuple, tuple);
}

static int on_connection(const struct nlmsghdr *header, void *data) {
        Search *search = data;
        Tuple tuple = { 0 };

        if (mnl_attr_parse(header, sizeof(struct nfgenmsg), on_attribute, &tuple) < 0)
                return MNL_CB_ERROR;
        if (tuple.whole && tuple.protocol == IPPROTO_UDP && tuple.port == search->port &&
            mnl_attr_get_payload_len(tuple.whole) <= TUPLE_LIMIT &&
            search->tuples->len < FLUSH_LIMIT)
                g_ptr_array_add(search->tuples,
                                g_bytes_new(mnl_attr_get_payload(tuple.whole),
                                            mnl_attr_get_payload_len(tuple.whole)));
        return MNL_CB_OK;
}

static struct nlmsghdr *start_message(char *buffer, bool v6, guint16 verb, guint16 flags) {
        struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
        struct nfgenmsg *family;

        header->nlmsg_type = (guint16) (NFNL_SUBSYS_CTNETLINK << 8 | verb);
        header->nlmsg_flags = (guint16) (NLM_F_REQUEST | flags);
        header->nlmsg_seq = 1;
        family = mnl_nlmsg_put_extra_header(header, sizeof(*family));
        family->nfgen_family = v6 ? AF_INET6 : AF_INET;
        family->version = NFNETLINK_V0;
        return header;
}

/* Send, and hand every answer to @func until the last one. */
static bool talk(struct mnl_socket *socket, const struct nlmsghdr *header, mnl_cb_t func,
                 void *data) {
        char buffer[32768];
        int more = MNL_CB_OK;

        if (mnl_socket_sendto(socket, header, header->nlmsg_len) < 0)
                return false;
        while (more > MNL_CB_STOP) {
                ssize_t length = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));

                if (length < 0)
                        return false;
                more = mnl_cb_run(buffer, (size_t) length, 1, 0, func, data);
        }
        return more >= 0;
}

static void delete_all(struct mnl_socket *socket, bool v6, const GPtrArray *tuples) {
        for (unsigned i = 0; i < tuples->len; i++) {
                char buffer[1024];
                struct nlmsghdr *header = start_message(buffer, v6, IPCTNL_MSG_CT_DELETE,
                                                        NLM_F_ACK);
                size_t length;
                const void *payload = g_bytes_get_data(tuples->pdata[i], &length);

                mnl_attr_put(header, CTA_TUPLE_ORIG | NLA_F_NESTED, length, payload);
                /* One that has ended by itself meanwhile is as good. */
                if (!talk(socket, header, NULL, NULL) && errno != ENOENT)
                        log_debug("forget a UDP connection: %s", g_strerror(errno));
        }
}

void port_conntrack_flush(bool v6, guint16 host_port) {
        struct mnl_socket *socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
        Search search = { .port = htons(host_port) };
        char buffer[256];

        if (!socket) {
                log_debug("forget UDP connections: %s", g_strerror(errno));
                return;
        }
        search.tuples = g_ptr_array_new_with_free_func((GDestroyNotify) g_bytes_unref);
        if (talk(socket, start_message(buffer, v6, IPCTNL_MSG_CT_GET, NLM_F_DUMP), on_connection,
                 &search))
                delete_all(socket, v6, search.tuples);
        else
                log_debug("list UDP connections: %s", g_strerror(errno));
        g_ptr_array_unref(search.tuples);
        mnl_socket_close(socket);
}
