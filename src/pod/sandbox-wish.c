/* SPDX-License-Identifier: Apache-2.0 */
/* What a sandbox request says, and whether it may say so. */

#include <string.h>

#include "base/error.h"
#include "base/id.h"
#include "host/cgroup.h"
#include "host/sysctl.h"
#include "pod/sandbox-private.h"

#define NAME_LIMIT     4096
#define HOSTNAME_LIMIT 64
#define PORT_LIMIT     65535

static const CriNamespaceOption *namespace_options(const CriPodSandboxConfig *wish) {
        return wish->linux && wish->linux->security_context
                       ? wish->linux->security_context->namespace_options
                       : NULL;
}

CriNamespaceMode sandbox_net_mode(const Sandbox *sandbox) {
        const CriNamespaceOption *options = namespace_options(sandbox->wish);

        return options ? options->network : CRI_NAMESPACE_MODE_POD;
}

CriNamespaceMode sandbox_ipc_mode(const Sandbox *sandbox) {
        const CriNamespaceOption *options = namespace_options(sandbox->wish);

        return options ? options->ipc : CRI_NAMESPACE_MODE_POD;
}

CriNamespaceMode sandbox_pid_mode(const Sandbox *sandbox) {
        const CriNamespaceOption *options = namespace_options(sandbox->wish);

        return options ? options->pid : CRI_NAMESPACE_MODE_POD;
}

bool sandbox_needs_infra(const Sandbox *sandbox) {
        return sandbox_pid_mode(sandbox) == CRI_NAMESPACE_MODE_POD ||
               !sandbox->context->config->drop_infra_ctr;
}

bool sandbox_is_privileged(const Sandbox *sandbox) {
        const CriPodSandboxConfig *wish = sandbox->wish;

        return wish->linux && wish->linux->security_context &&
               wish->linux->security_context->privileged;
}

const char *sandbox_cgroup_parent(const Sandbox *sandbox) {
        return sandbox->wish->linux ? sandbox->wish->linux->cgroup_parent : "";
}

char *sandbox_hostname(const Sandbox *sandbox) {
        if (sandbox_net_mode(sandbox) == CRI_NAMESPACE_MODE_NODE)
                return g_strdup(g_get_host_name());
        if (*sandbox->wish->hostname)
                return g_strdup(sandbox->wish->hostname);
        return id_short(sandbox->id);
}

char *sandbox_pin(const Sandbox *sandbox, NamespaceKind kind) {
        return namespace_pin_path(sandbox->context->config->namespaces_dir, kind, sandbox->id);
}

/* Checks. None of these strings may carry a control character into a file that we write, nor a path
 * component that leads elsewhere. */

static bool check_word(const char *what, const char *text, bool required, GError **error) {
        if (required && !*text)
                return fail(error, ERROR_INVALID_ARGUMENT, "%s of the sandbox is empty", what);
        if (strlen(text) > NAME_LIMIT)
                return fail(error, ERROR_INVALID_ARGUMENT,
                        "%s of the sandbox is longer than %d bytes", what, NAME_LIMIT);
        for (const unsigned char *p = (const unsigned char *)text; *p; p++)
                if (*p < 0x20 || *p == 0x7f)
                        return fail(error, ERROR_INVALID_ARGUMENT,
                                "%s of the sandbox has a control character", what);
        return true;
}

static bool check_path_word(const char *what, const char *text, GError **error) {
        if (!check_word(what, text, true, error))
                return false;
        if (strchr(text, '/') || g_str_equal(text, ".") || g_str_equal(text, ".."))
                return fail(error, ERROR_INVALID_ARGUMENT, "%s of the sandbox, \"%s\", is a path",
                        what, text);
        return true;
}

static bool check_metadata(const CriPodSandboxMetadata *metadata, GError **error) {
        if (!metadata)
                return fail(error, ERROR_INVALID_ARGUMENT, "the sandbox has no metadata");
        return check_path_word("metadata.name", metadata->name, error) &&
               check_path_word("metadata.namespace", metadata->namespace_, error) &&
               check_path_word("metadata.uid", metadata->uid, error);
}

static bool check_hostname(const char *hostname, GError **error) {
        if (strlen(hostname) > HOSTNAME_LIMIT)
                return fail(error, ERROR_INVALID_ARGUMENT,
                        "hostname \"%s\" is longer than %d bytes", hostname, HOSTNAME_LIMIT);
        if (hostname[strspn(
                    hostname, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_")])
                return fail(error, ERROR_INVALID_ARGUMENT,
                        "hostname \"%s\" has a character that no hostname has", hostname);
        return true;
}

static bool check_log_directory(const char *path, GError **error) {
        g_auto(GStrv) parts = g_strsplit(path, "/", -1);

        if (!*path)
                return true;
        if (*path != '/' || g_strv_contains((const char *const *)parts, ".."))
                return fail(error, ERROR_INVALID_ARGUMENT,
                        "log_directory \"%s\" has to be absolute and without \"..\"", path);
        return check_word("log_directory", path, true, error);
}

static bool check_dns(const CriDNSConfig *dns, GError **error) {
        struct {
                char **words;
                size_t count;
        } lists[] = {{dns->servers, dns->n_servers}, {dns->searches, dns->n_searches},
                {dns->options, dns->n_options}};

        for (unsigned i = 0; i < G_N_ELEMENTS(lists); i++)
                for (size_t k = 0; k < lists[i].count; k++)
                        if (!check_word("dns_config", lists[i].words[k], true, error))
                                return false;
        return true;
}

static bool check_ports(const CriPodSandboxConfig *wish, GError **error) {
        for (size_t i = 0; i < wish->n_port_mappings; i++) {
                const CriPortMapping *port = wish->port_mappings[i];

                if (port->host_port < 0 || port->host_port > PORT_LIMIT ||
                        port->container_port < 0 || port->container_port > PORT_LIMIT)
                        return fail(error, ERROR_INVALID_ARGUMENT,
                                "port mapping %d to %d: ports are numbers up to %d",
                                port->host_port, port->container_port, PORT_LIMIT);
                if (port->host_port > 0 && port->container_port == 0)
                        return fail(error, ERROR_INVALID_ARGUMENT,
                                "port mapping of host port %d has no container port",
                                port->host_port);
                if (*port->host_ip && !g_hostname_is_ip_address(port->host_ip))
                        return fail(error, ERROR_INVALID_ARGUMENT,
                                "port mapping of host port %d: host_ip \"%s\" is no address",
                                port->host_port, port->host_ip);
        }
        return true;
}

static bool check_namespaces(const CriNamespaceOption *options, GError **error) {
        if (!options)
                return true;
        if (options->userns_options && options->userns_options->mode != CRI_NAMESPACE_MODE_NODE)
                return fail(error, ERROR_UNIMPLEMENTED,
                        "userns_options: user namespaces are not built yet; use mode NODE");
        if (options->network != CRI_NAMESPACE_MODE_POD &&
                options->network != CRI_NAMESPACE_MODE_NODE)
                return fail(error, ERROR_INVALID_ARGUMENT,
                        "namespace_options.network of a sandbox is POD or NODE");
        if (options->ipc != CRI_NAMESPACE_MODE_POD && options->ipc != CRI_NAMESPACE_MODE_NODE)
                return fail(error, ERROR_INVALID_ARGUMENT,
                        "namespace_options.ipc of a sandbox is POD or NODE");
        if (options->pid == CRI_NAMESPACE_MODE_TARGET)
                return fail(error, ERROR_INVALID_ARGUMENT,
                        "namespace_options.pid of a sandbox is POD, CONTAINER or NODE");
        return true;
}

static bool check_linux(const CriLinuxPodSandboxConfig *linux_config, GError **error) {
        g_autofree char *path = NULL;

        for (size_t i = 0; i < linux_config->n_sysctls; i++)
                if (!sysctl_check(
                            linux_config->sysctls[i]->key, linux_config->sysctls[i]->value, error))
                        return false;
        if (!cgroup_path_build(linux_config->cgroup_parent, "check", &path, error))
                return false;
        return true;
}

bool sandbox_check_wish(const CriPodSandboxConfig *wish, GError **error) {
        if (!wish)
                return fail(
                        error, ERROR_INVALID_ARGUMENT, "the request has no sandbox configuration");
        if (wish->windows)
                return fail(
                        error, ERROR_INVALID_ARGUMENT, "config.windows is set, and this is Linux");
        return check_metadata(wish->metadata, error) && check_hostname(wish->hostname, error) &&
               check_log_directory(wish->log_directory, error) &&
               (!wish->dns_config || check_dns(wish->dns_config, error)) &&
               check_ports(wish, error) && check_namespaces(namespace_options(wish), error) &&
               (!wish->linux || check_linux(wish->linux, error));
}
