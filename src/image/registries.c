/* SPDX-License-Identifier: Apache-2.0 */
#include "image/registries.h"

#include <string.h>

#include "base/error.h"
#include "image/registries-private.h"

void endpoint_free(void *endpoint) {
        Endpoint *self = endpoint;

        g_free(self->host);
        g_free(self->path);
        g_free(self);
}

void registry_mirror_free(void *mirror) {
        g_free(((RegistryMirror *) mirror)->location);
        g_free(mirror);
}

void registry_entry_free(void *entry) {
        RegistryEntry *self = entry;

        g_free(self->prefix);
        g_free(self->location);
        g_ptr_array_unref(self->mirrors);
        g_free(self);
}

Registries *registries_new(void) {
        Registries *registries = g_new0(Registries, 1);

        registries->entries = g_ptr_array_new_with_free_func(registry_entry_free);
        registries->search = g_new0(char *, 1);
        registries->aliases = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        return registries;
}

void registries_free(Registries *registries) {
        if (!registries)
                return;
        g_ptr_array_unref(registries->entries);
        g_strfreev(registries->search);
        g_hash_table_unref(registries->aliases);
        g_free(registries->file);
        g_free(registries);
}

void registries_add(Registries *registries, RegistryEntry *take_entry) {
        for (guint i = 0; i < registries->entries->len; i++) {
                RegistryEntry *old = registries->entries->pdata[i];

                if (g_str_equal(old->prefix, take_entry->prefix)) {
                        g_ptr_array_remove_index(registries->entries, i);
                        break;
                }
        }
        g_ptr_array_add(registries->entries, take_entry);
}

static bool ends_prefix(char next) {
        return next == '\0' || next == ':' || next == '/' || next == '@';
}

/* How much of @name the prefix stands for, 0 when it does not match. */
static size_t match_prefix(const char *prefix, const char *name) {
        size_t length = strlen(prefix);
        size_t host = strcspn(name, "/");
        const char *found;

        if (!g_str_has_prefix(prefix, "*."))
                return g_str_has_prefix(name, prefix) && ends_prefix(name[length]) ? length : 0;
        for (found = strstr(name, prefix + 1); found && found < name + host;
             found = strstr(found + 1, prefix + 1))
                if (ends_prefix(found[length - 1]))
                        return (size_t) (found - name) + length - 1;
        return 0;
}

static const RegistryEntry *find_entry(const Registries *registries, const char *name) {
        const RegistryEntry *best = NULL;

        for (guint i = 0; i < registries->entries->len; i++) {
                const RegistryEntry *entry = registries->entries->pdata[i];

                if (match_prefix(entry->prefix, name) > 0 &&
                    (!best || strlen(entry->prefix) > strlen(best->prefix)))
                        best = entry;
        }
        return best;
}

/* The name with @matched bytes at its start replaced by @location, taken apart. */
static Endpoint *make_endpoint(const char *name, size_t matched, const char *location,
                               bool insecure,
                               GError **error) {
        g_autofree char *moved = *location ? g_strconcat(location, name + matched, NULL)
                                           : g_strdup(name);
        g_autoptr(ImageReference) parsed = NULL;
        Endpoint *endpoint;

        if (!image_reference_is_short(moved))
                parsed = image_reference_parse(moved, error);
        else
                fail(error, ERROR_INVALID_ARGUMENT, "there is no registry in it");
        if (!parsed) {
                g_prefix_error(error, "registries.conf turns %s into %s: ", name, moved);
                return NULL;
        }
        endpoint = g_new0(Endpoint, 1);
        endpoint->host = g_strdup(parsed->domain);
        endpoint->path = g_strdup(parsed->path);
        endpoint->insecure = insecure;
        return endpoint;
}

static bool mirror_applies(const RegistryMirror *mirror, const ImageReference *reference) {
        switch (mirror->use) {
        case MIRROR_ALL:
                return true;
        case MIRROR_DIGEST_ONLY:
                return reference->has_digest;
        case MIRROR_TAG_ONLY:
                return !reference->has_digest;
        }
        return false;
}

static bool add_mirrors(GPtrArray *endpoints, const RegistryEntry *entry, const char *name,
                        const ImageReference *reference, GError **error) {
        for (guint i = 0; i < entry->mirrors->len; i++) {
                const RegistryMirror *mirror = entry->mirrors->pdata[i];
                Endpoint *endpoint;

                if (!mirror_applies(mirror, reference))
                        continue;
                endpoint = make_endpoint(name, match_prefix(entry->prefix, name), mirror->location,
                                         mirror->insecure, error);
                if (!endpoint)
                        return false;
                endpoint->is_mirror = true;
                g_ptr_array_add(endpoints, endpoint);
        }
        return true;
}

GPtrArray *registries_find_endpoints(const Registries *registries, const ImageReference *reference,
                                     GError **error) {
        g_autoptr(GPtrArray) endpoints = g_ptr_array_new_with_free_func(endpoint_free);
        g_autofree char *name = image_reference_print_repository(reference);
        g_autofree char *full = image_reference_print_stored(reference);
        const RegistryEntry *entry = find_entry(registries, full);
        Endpoint *own;

        if (entry && entry->blocked)
                return fail_null(error, ERROR_PERMISSION_DENIED,
                                 "registry %s is blocked in %s", entry->prefix, registries->file);
        if (entry && !add_mirrors(endpoints, entry, name, reference, error))
                return NULL;
        /* A prefix may go into the tag or digest; then the whole of it is replaced by the
         * location. */
        own = make_endpoint(name, entry ? MIN(match_prefix(entry->prefix, full), strlen(name)) : 0,
                            entry ? entry->location : "", entry && entry->insecure, error);
        if (!own)
                return NULL;
        g_ptr_array_add(endpoints, own);
        return g_steal_pointer(&endpoints);
}

static bool add_name(GPtrArray *names, const char *text, GError **error) {
        ImageReference *reference = image_reference_parse(text, error);

        if (reference)
                g_ptr_array_add(names, reference);
        return reference != NULL;
}

/* Name and the tag or digest after it. */
static bool resolve_short(const Registries *registries, const char *text, GPtrArray *names,
                          GError **error) {
        size_t length = strcspn(text, ":@");
        g_autofree char *bare = g_strndup(text, length);
        const char *alias = g_hash_table_lookup(registries->aliases, bare);
        guint count = g_strv_length(registries->search);

        if (alias) {
                g_autofree char *full = g_strconcat(alias, text + length, NULL);

                return add_name(names, full, error);
        }
        if (count == 0)
                return fail(error, ERROR_INVALID_ARGUMENT,
                            "the short name %.300s has no alias, and no "
                            "unqualified-search-registries are defined in %s: write the name with "
                            "its registry", text, registries->file);
        if (registries->mode == SHORT_NAMES_ENFORCING && count > 1)
                return fail(error, ERROR_INVALID_ARGUMENT,
                            "short name mode is enforcing, but image name %.300s returns ambiguous "
                            "list: write the name with its registry", text);
        for (guint i = 0; i < count; i++) {
                g_autofree char *full = g_strconcat(registries->search[i], "/", text, NULL);

                if (!add_name(names, full, error))
                        return false;
        }
        return true;
}

GPtrArray *registries_resolve(const Registries *registries, const char *text, GError **error) {
        g_autoptr(GPtrArray) names =
                g_ptr_array_new_with_free_func((GDestroyNotify) image_reference_free);
        g_autoptr(ImageReference) checked = image_reference_parse(text, error);

        if (!checked)
                return NULL; /* whatever registry would be put in front of it */
        if (!(image_reference_is_short(text) ? resolve_short(registries, text, names, error)
                                             : add_name(names, text, error)))
                return NULL;
        return g_steal_pointer(&names);
}
