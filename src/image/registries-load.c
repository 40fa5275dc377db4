/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/toml.h"
#include "image/registries-private.h"

#define FILE_LIMIT (1024 * 1024)
#define HOST_FILE "/etc/containers/registries.conf"
#define HOST_DIRECTORY "/etc/containers/registries.conf.d"
#define USER_FILE ".config/containers/registries.conf"
#define USER_DIRECTORY ".config/containers/registries.conf.d"
#define MACHINE_ALIASES "/var/cache/containers/short-name-aliases.conf"

static bool refuse(const Toml *at, const char *name, GError **error, const char *why) {
        return fail(error, ERROR_INVALID_ARGUMENT, "%s:%d: %s", name, toml_get_line(at), why);
}

/* @ret_text: the string, or "" when absent. */
static bool read_string(const Toml *table, const char *key, const char *name,
                        const char **ret_text, GError **error) {
        const Toml *value = toml_get(table, key);

        *ret_text = value ? toml_string(value) : "";
        return *ret_text || fail(error, ERROR_INVALID_ARGUMENT, "%s:%d: %s must be a string", name,
                                 toml_get_line(value), key);
}

static bool read_bool(const Toml *table, const char *key, const char *name, bool *ret_truth,
                      GError **error) {
        const Toml *value = toml_get(table, key);

        *ret_truth = false;
        return !value || toml_bool(value, ret_truth) ||
               fail(error, ERROR_INVALID_ARGUMENT, "%s:%d: %s must be true or false", name,
                    toml_get_line(value), key);
}

/* host[:port][/path], without the slash that some write at the end; NULL with @error. */
static char *read_location(const Toml *table, const char *key, const char *name, GError **error) {
        const char *text;
        char *location;

        if (!read_string(table, key, name, &text, error))
                return NULL;
        if (strstr(text, "://") || strpbrk(text, " \t")) {
                fail(error, ERROR_INVALID_ARGUMENT, "%s:%d: %s must be host[:port][/path]", name,
                     toml_get_line(toml_get(table, key)), key);
                return NULL;
        }
        location = g_strdup(text);
        while (*location && g_str_has_suffix(location, "/"))
                location[strlen(location) - 1] = '\0';
        return location;
}

static bool read_use(const Toml *table, const char *name, bool by_digest, MirrorUse *ret_use,
                     GError **error) {
        static const char *const words[] = { [MIRROR_ALL] = "all",
                                             [MIRROR_DIGEST_ONLY] = "digest-only",
                                             [MIRROR_TAG_ONLY] = "tag-only" };
        const char *word;

        if (!read_string(table, "pull-from-mirror", name, &word, error))
                return false;
        *ret_use = by_digest ? MIRROR_DIGEST_ONLY : MIRROR_ALL;
        if (!*word)
                return true;
        if (by_digest)
                return refuse(table, name, error,
                              "pull-from-mirror and mirror-by-digest-only exclude each other");
        for (unsigned i = 0; i < G_N_ELEMENTS(words); i++) {
                if (g_str_equal(word, words[i])) {
                        *ret_use = (MirrorUse) i;
                        return true;
                }
        }
        return refuse(table, name, error, "pull-from-mirror must be all, digest-only or tag-only");
}

static bool read_mirror(const Toml *table, const char *name, bool by_digest,
                        RegistryEntry *entry, GError **error) {
        RegistryMirror *mirror = g_new0(RegistryMirror, 1);

        g_ptr_array_add(entry->mirrors, mirror);
        mirror->location = read_location(table, "location", name, error);
        if (!mirror->location)
                return false;
        if (!*mirror->location)
                return refuse(table, name, error, "a mirror needs a location");
        return read_bool(table, "insecure", name, &mirror->insecure, error) &&
               read_use(table, name, by_digest, &mirror->use, error);
}

static bool read_mirrors(const Toml *table, const char *name, RegistryEntry *entry,
                         GError **error) {
        const Toml *mirrors = toml_get(table, "mirror");
        bool by_digest;

        if (!read_bool(table, "mirror-by-digest-only", name, &by_digest, error))
                return false;
        if (mirrors && toml_get_type(mirrors) != TOML_ARRAY)
                return refuse(mirrors, name, error, "mirrors are written as [[registry.mirror]]");
        for (size_t i = 0; i < toml_length(mirrors); i++)
                if (!read_mirror(toml_at(mirrors, i), name, by_digest, entry, error))
                        return false;
        return true;
}

static bool read_places(const Toml *table, const char *name, RegistryEntry *entry,
                        GError **error) {
        bool wildcard;

        entry->prefix = read_location(table, "prefix", name, error);
        entry->location = entry->prefix ? read_location(table, "location", name, error) : NULL;
        if (!entry->location)
                return false;
        wildcard = g_str_has_prefix(entry->prefix, "*.");
        if (!*entry->location && !wildcard)
                return refuse(table, name, error, "a registry needs a location");
        if (!*entry->prefix) {
                g_free(entry->prefix);
                entry->prefix = g_strdup(entry->location);
        }
        if (strchr(entry->location, '*') || strchr(entry->prefix + (wildcard ? 1 : 0), '*') ||
            (wildcard && strchr(entry->prefix, '/')))
                return refuse(table, name, error,
                              "a wildcard is only allowed as \"*.\" at the start of a prefix "
                              "without path");
        return true;
}

static bool read_registry(Registries *registries, const Toml *table, const char *name,
                          GError **error) {
        RegistryEntry *entry = g_new0(RegistryEntry, 1);

        entry->mirrors = g_ptr_array_new_with_free_func(registry_mirror_free);
        if (read_places(table, name, entry, error) &&
            read_bool(table, "insecure", name, &entry->insecure, error) &&
            read_bool(table, "blocked", name, &entry->blocked, error) &&
            read_mirrors(table, name, entry, error)) {
                registries_add(registries, entry);
                return true;
        }
        registry_entry_free(entry);
        return false;
}

static bool read_alias(Registries *registries, const char *key, const Toml *value,
                       const char *name, GError **error) {
        const char *target = toml_string(value);
        g_autoptr(ImageReference) parsed = NULL;

        if (target && !*target) {
                g_hash_table_remove(registries->aliases, key);
                return true;
        }
        if (!target || image_reference_is_short(target))
                return refuse(value, name, error, "an alias stands for a name with its registry");
        parsed = image_reference_parse(target, error);
        if (!parsed) {
                g_prefix_error(error, "%s:%d: ", name, toml_get_line(value));
                return false;
        }
        if (parsed->tag || parsed->has_digest)
                return refuse(value, name, error, "an alias has no tag and no digest");
        g_hash_table_replace(registries->aliases, g_strdup(key), g_strdup(target));
        return true;
}

static bool read_aliases(Registries *registries, const Toml *root, const char *name,
                         GError **error) {
        const Toml *aliases = toml_get(root, "aliases");

        for (size_t i = 0; i < toml_length(aliases); i++)
                if (!read_alias(registries, toml_key_at(aliases, i), toml_at(aliases, i), name,
                                error))
                        return false;
        return true;
}

static bool read_mode(Registries *registries, const Toml *root, const char *name,
                      GError **error) {
        static const char *const words[] = { [SHORT_NAMES_PERMISSIVE] = "permissive",
                                             [SHORT_NAMES_DISABLED] = "disabled",
                                             [SHORT_NAMES_ENFORCING] = "enforcing" };
        const char *word;

        if (!read_string(root, "short-name-mode", name, &word, error))
                return false;
        if (!*word)
                return true;
        for (unsigned i = 0; i < G_N_ELEMENTS(words); i++) {
                if (g_str_equal(word, words[i])) {
                        registries->mode = (ShortNameMode) i;
                        return true;
                }
        }
        return refuse(toml_get(root, "short-name-mode"), name, error,
                      "short-name-mode must be disabled, permissive or enforcing");
}

static bool read_search(Registries *registries, const Toml *root, const char *name,
                        GError **error) {
        const Toml *list = toml_get(root, "unqualified-search-registries");
        g_autoptr(GPtrArray) search = g_ptr_array_new_with_free_func(g_free);

        if (!list)
                return true;
        for (size_t i = 0; i < toml_length(list); i++) {
                const char *host = toml_string(toml_at(list, i));

                if (!host)
                        break;
                g_ptr_array_add(search, g_strdup(host));
        }
        if (toml_get_type(list) != TOML_ARRAY || search->len < toml_length(list))
                return refuse(list, name, error,
                              "unqualified-search-registries must be a list of strings");
        g_ptr_array_add(search, NULL);
        g_strfreev(registries->search);
        registries->search = (GStrv) g_ptr_array_free(g_steal_pointer(&search), FALSE);
        return true;
}

/* Later files replace: registries by prefix, aliases by name, other settings as a whole. */
static bool merge(Registries *registries, const Toml *root, const char *name, GError **error) {
        const Toml *list = toml_get(root, "registry");

        if (toml_get(root, "registries"))
                return refuse(toml_get(root, "registries"), name, error,
                              "this is version 1 of the format, which is not supported: write "
                              "[[registry]] tables");
        if (list && toml_get_type(list) != TOML_ARRAY)
                return refuse(list, name, error, "registries are written as [[registry]]");
        for (size_t i = 0; i < toml_length(list); i++)
                if (!read_registry(registries, toml_at(list, i), name, error))
                        return false;
        return read_search(registries, root, name, error) &&
               read_mode(registries, root, name, error) &&
               read_aliases(registries, root, name, error);
}

static bool load_file(Registries *registries, const char *path, bool must_exist, GError **error) {
        g_autofree char *text = NULL;
        g_autoptr(Toml) root = NULL;
        size_t length;

        if (!must_exist && access(path, F_OK) < 0 && (errno == ENOENT || errno == ENOTDIR))
                return true;
        if (!file_read(AT_FDCWD, path, FILE_LIMIT, &text, &length, error))
                return false;
        root = toml_parse(text, length, path, error);
        return root && merge(registries, root, path, error);
}

static int compare_names(const void *a, const void *b) {
        return strcmp(*(char *const *) a, *(char *const *) b);
}

static bool load_directory(Registries *registries, const char *path, GError **error) {
        g_autoptr(GPtrArray) names = dir_list(AT_FDCWD, path, error);

        if (!names)
                return false;
        g_ptr_array_sort(names, compare_names);
        for (guint i = 0; i < names->len; i++) {
                g_autofree char *file = g_build_filename(path, names->pdata[i], NULL);

                if (g_str_has_suffix(file, ".conf") && !load_file(registries, file, true, error))
                        return false;
        }
        return true;
}

Registries *registries_load(const char *file, const char *directory, GError **error) {
        g_autoptr(Registries) registries = registries_new();
        const char *home = g_getenv("HOME");
        g_autofree char *user_file = g_build_filename(home ? home : "/root", USER_FILE, NULL);
        g_autofree char *user_directory = g_build_filename(home ? home : "/root", USER_DIRECTORY,
                                                           NULL);
        bool given_file = file && *file;
        bool given_directory = directory && *directory;
        bool of_user = !given_file && access(user_file, F_OK) == 0;

        registries->file = g_strdup(given_file ? file : of_user ? user_file : HOST_FILE);
        if (!load_file(registries, MACHINE_ALIASES, false, error) ||
            !load_file(registries, registries->file, given_file, error))
                return NULL;
        if (given_directory && !load_directory(registries, directory, error))
                return NULL;
        if (!given_directory && !of_user && !load_directory(registries, HOST_DIRECTORY, error))
                return NULL;
        if (!given_directory && !load_directory(registries, user_directory, error))
                return NULL;
        return g_steal_pointer(&registries);
}
