/* SPDX-License-Identifier: Apache-2.0 */
/* The small files that a sandbox gives to its containers. */

#include <fcntl.h>

#include "base/error.h"
#include "base/file.h"
#include "pod/sandbox-private.h"

#define RESOLV_LIMIT 65536

static void add_words(GString *text, const char *keyword, char *const *words, size_t count) {
        if (count == 0)
                return;
        g_string_append(text, keyword);
        for (size_t i = 0; i < count; i++)
                g_string_append_printf(text, " %s", words[i]);
        g_string_append_c(text, '\n');
}

static char *print_dns(const CriDNSConfig *dns) {
        GString *text = g_string_new(NULL);

        add_words(text, "search", dns->searches, dns->n_searches);
        for (size_t i = 0; i < dns->n_servers; i++)
                g_string_append_printf(text, "nameserver %s\n", dns->servers[i]);
        add_words(text, "options", dns->options, dns->n_options);
        return g_string_free(text, FALSE);
}

/* Given names, or a copy of the host's, or an empty file on a host that has none. */
static bool write_resolv_conf(Sandbox *sandbox, GError **error) {
        g_autofree char *path = g_build_filename(sandbox->run_dir, "resolv.conf", NULL);
        const CriDNSConfig *dns = sandbox->wish->dns_config;
        g_autofree char *text = NULL;

        if (dns && (dns->n_servers || dns->n_searches || dns->n_options))
                text = print_dns(dns);
        else if (!file_read(AT_FDCWD, "/etc/resolv.conf", RESOLV_LIMIT, &text, NULL, NULL))
                text = g_strdup("");
        return file_publish(AT_FDCWD, path, text, strlen(text), 0644, error);
}

bool sandbox_write_files(Sandbox *sandbox, GError **error) {
        g_autofree char *path = g_build_filename(sandbox->run_dir, "hostname", NULL);
        g_autofree char *hostname = sandbox_hostname(sandbox);
        g_autofree char *line = g_strconcat(hostname, "\n", NULL);

        return write_resolv_conf(sandbox, error) &&
               file_publish(AT_FDCWD, path, line, strlen(line), 0644, error);
}
