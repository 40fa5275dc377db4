/* SPDX-License-Identifier: Apache-2.0 */
#include "host/sysctl.h"

#include <string.h>

#include "base/error.h"

#define KEY_LIMIT   256
#define VALUE_LIMIT 4095 /* the kernel takes less than a page in one write */

static const struct {
        const char *prefix;
        bool whole; /* the prefix is the entire key */
        NamespaceKind kind;
} allowed[] = {
        { "kernel.sem", true, NAMESPACE_IPC },
        { "kernel.shm", false, NAMESPACE_IPC },
        { "kernel.msg", false, NAMESPACE_IPC },
        { "fs.mqueue.", false, NAMESPACE_IPC },
        { "net.", false, NAMESPACE_NET },
};

NamespaceKind sysctl_namespace(const char *key) {
        for (unsigned i = 0; i < G_N_ELEMENTS(allowed); i++)
                if (allowed[i].whole ? g_str_equal(key, allowed[i].prefix)
                                     : g_str_has_prefix(key, allowed[i].prefix))
                        return allowed[i].kind;
        return NAMESPACE_COUNT;
}

/* Dots become slashes, so a component must be neither empty nor able to climb; as every character
 * but the dot is plain, that leaves empty components only. */
static bool key_is_plain(const char *key) {
        size_t length = strlen(key);

        if (length == 0 || length > KEY_LIMIT || key[length - 1] == '.' || strstr(key, ".."))
                return false;
        for (const char *c = key; *c; c++)
                if (!g_ascii_isalnum(*c) && !strchr("._-", *c))
                        return false;
        return true;
}

/* Blanks and commas are needed (ranges, lists of ports); whatever has ever separated two parameters
 * in some helper or file format is not. */
static bool value_is_plain(const char *value) {
        size_t length = strlen(value);

        if (length == 0 || length > VALUE_LIMIT || value[0] == ' ' || value[length - 1] == ' ' ||
            strstr(value, "  "))
                return false;
        for (const char *c = value; *c; c++)
                if (!g_ascii_isalnum(*c) && !strchr("_.,:- ", *c))
                        return false;
        return true;
}

/* Control characters and length are not carried into logs. */
static char *quote(const char *text) {
        g_autofree char *start = g_strndup(text, 80);

        return g_strescape(start, NULL);
}

bool sysctl_check(const char *key, const char *value, GError **error) {
        g_autofree char *shown = quote(key ? key : "");

        if (!key || !key_is_plain(key))
                return fail(error, ERROR_INVALID_ARGUMENT,
                            "sysctl \"%s\": the name may have letters, digits, '_', '-' and single "
                            "dots only", shown);
        if (sysctl_namespace(key) == NAMESPACE_COUNT)
                return fail(error, ERROR_INVALID_ARGUMENT,
                            "sysctl \"%s\" is not whitelisted: it belongs to the host and not to "
                            "the network or IPC namespace of a pod", shown);
        if (!value || !value_is_plain(value)) {
                g_autofree char *bad = quote(value ? value : "");

                return fail(error, ERROR_INVALID_ARGUMENT,
                            "sysctl %s: the value \"%s\" may have letters, digits, \"_.,:-\" and "
                            "single blanks between words only", key, bad);
        }
        return true;
}

char *sysctl_path(const char *key) {
        g_autofree char *slashed = g_strdelimit(g_strdup(key), ".", '/');

        return g_strconcat("/proc/sys/", slashed, NULL);
}

bool sysctl_parse(const char *text, char **ret_key, char **ret_value, GError **error) {
        const char *equals = strchr(text, '=');
        g_autofree char *key = NULL;

        if (!equals)
                return fail(error, ERROR_INVALID_ARGUMENT,
                            "sysctl \"%s\" is not of the form key=value", text);
        key = g_strndup(text, (gsize) (equals - text));
        if (!sysctl_check(key, equals + 1, error))
                return false;
        *ret_key = g_steal_pointer(&key);
        *ret_value = g_strdup(equals + 1);
        return true;
}
