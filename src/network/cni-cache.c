/* SPDX-License-Identifier: Apache-2.0 */
#include "network/cni-cache.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"

#define KIND "cniCacheV1"
#define ENTRY_LIMIT (4 << 20)

void cni_entry_free(CniEntry *entry) {
        if (!entry)
                return;
        g_free(entry->network);
        g_free(entry->container_id);
        g_free(entry->ifname);
        g_free(entry->netns);
        g_free(entry->config);
        g_free(entry->owner);
        json_free(entry->args);
        json_free(entry->capabilities);
        json_free(entry->result);
        g_free(entry);
}

char *cni_cache_file(const char *network, const char *container_id, const char *ifname) {
        return g_strdup_printf("%s-%s-%s", network, container_id, ifname);
}

bool cni_cache_store(const char *dir, const CniEntry *entry, GError **error) {
        g_autofree char *file = cni_cache_file(entry->network, entry->container_id, entry->ifname);
        g_autofree char *path = g_build_filename(dir, file, NULL);
        g_autofree char *encoded = NULL, *text = NULL;
        g_autoptr(Json) json = json_new_object();
        size_t length;

        json_set_string(json, "kind", KIND);
        json_set_string(json, "containerId", entry->container_id);
        encoded = g_base64_encode((const guchar *) entry->config, strlen(entry->config));
        json_set_string(json, "config", encoded);
        json_set_string(json, "ifName", entry->ifname);
        json_set_string(json, "networkName", entry->network);
        json_set_string(json, "netns", entry->netns);
        json_set_string(json, "crio", entry->owner);
        if (entry->args)
                json_set(json, "cniArgs", json_copy(entry->args));
        if (entry->capabilities)
                json_set(json, "capabilityArgs", json_copy(entry->capabilities));
        if (entry->result)
                json_set(json, "result", json_copy(entry->result));
        text = json_print(json, &length);
        return dir_make(AT_FDCWD, dir, 0700, error) &&
               file_publish(AT_FDCWD, path, text, length, 0600, error);
}

static Json *copy_if(const Json *json, const char *key, JsonType type) {
        const Json *value = json_get(json, key);

        return value && json_get_type(value) == type ? json_copy(value) : NULL;
}

static bool read_entry(CniEntry *entry, const Json *json, const char *path, GError **error) {
        const char *encoded = json_get_string(json, "config");
        size_t length = 0;

        entry->network = g_strdup(json_get_string(json, "networkName"));
        entry->container_id = g_strdup(json_get_string(json, "containerId"));
        entry->ifname = g_strdup(json_get_string(json, "ifName"));
        entry->netns = g_strdup(json_get_string(json, "netns"));
        entry->owner = g_strdup(json_get_string(json, "crio"));
        entry->args = copy_if(json, "cniArgs", JSON_ARRAY);
        entry->capabilities = copy_if(json, "capabilityArgs", JSON_OBJECT);
        entry->result = copy_if(json, "result", JSON_OBJECT);
        if (encoded) {
                g_autofree guchar *bytes = g_base64_decode(encoded, &length);

                entry->config = g_strndup((const char *) bytes, length);
        }
        if (!entry->container_id || !entry->network || !entry->ifname || length == 0 ||
            strlen(entry->config) != length)
                return fail(error, ERROR_UNKNOWN, "%s: a member is missing or broken", path);
        return true;
}

CniEntry *cni_cache_load(const char *dir, const char *file, GError **error) {
        g_autofree char *path = g_build_filename(dir, file, NULL);
        g_autoptr(CniEntry) entry = g_new0(CniEntry, 1);
        g_autofree char *text = NULL;
        g_autoptr(Json) json = NULL;
        const char *kind;
        size_t length;

        if (!file_read(AT_FDCWD, path, ENTRY_LIMIT, &text, &length, error))
                return NULL;
        json = json_parse(text, length, path, error);
        if (!json)
                return NULL;
        kind = json_get_string(json, "kind");
        if (kind && g_str_equal(kind, KIND))
                return read_entry(entry, json, path, error) ? g_steal_pointer(&entry) : NULL;
        if (kind || json_get_type(json) != JSON_OBJECT)
                return fail_null(error, ERROR_UNKNOWN, "%s: no entry of a known kind", path);
        entry->result = g_steal_pointer(&json);
        return g_steal_pointer(&entry);
}

bool cni_cache_remove(const char *dir, const char *file, GError **error) {
        g_autofree char *path = g_build_filename(dir, file, NULL);

        if (unlink(path) < 0 && errno != ENOENT)
                return fail_errno(error, "remove %s", path);
        return true;
}

static char *file_ending(const char *container_id, const char *ifname) {
        return g_strdup_printf("-%s-%s", container_id, ifname);
}

GPtrArray *cni_cache_find(const char *dir, const char *container_id, const char *ifname,
                          GError **error) {
        g_autoptr(GPtrArray) names = dir_list(AT_FDCWD, dir, error);
        g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func(g_free);
        g_autofree char *ending = file_ending(container_id, ifname);

        if (!names)
                return NULL;
        for (unsigned i = 0; i < names->len; i++) {
                const char *name = names->pdata[i];

                if (g_str_has_suffix(name, ending) && name[0] != '.' &&
                    strlen(name) > strlen(ending))
                        g_ptr_array_add(found, g_strdup(name));
        }
        return g_steal_pointer(&found);
}

char *cni_cache_network(const char *file, const char *container_id, const char *ifname) {
        g_autofree char *ending = file_ending(container_id, ifname);

        return g_strndup(file, strlen(file) - strlen(ending));
}
