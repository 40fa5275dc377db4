/* SPDX-License-Identifier: Apache-2.0 */
#include "image/auth.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"

#define FILE_LIMIT (4 * 1024 * 1024)
#define DOCKER_KEY "index.docker.io"

static void wipe(char **text) {
        if (*text)
                explicit_bzero(*text, strlen(*text));
        g_clear_pointer(text, g_free);
}

void credentials_free(Credentials *credentials) {
        if (!credentials)
                return;
        g_free(credentials->username);
        wipe(&credentials->password);
        wipe(&credentials->identity_token);
        wipe(&credentials->registry_token);
        g_free(credentials);
}

Credentials *credentials_copy(const Credentials *credentials) {
        Credentials *copy;

        if (!credentials)
                return NULL;
        copy = g_new0(Credentials, 1);
        copy->username = g_strdup(credentials->username);
        copy->password = g_strdup(credentials->password);
        copy->identity_token = g_strdup(credentials->identity_token);
        copy->registry_token = g_strdup(credentials->registry_token);
        return copy;
}

static char *get_text(const Json *object, const char *key) {
        const char *text = json_get_string(object, key);

        return text && *text ? g_strdup(text) : NULL;
}

/* A header line is what these end up in. */
static bool is_clean(const char *text) {
        for (; text && *text; text++)
                if (g_ascii_iscntrl(*text))
                        return false;
        return true;
}

static bool check_clean(const Credentials *credentials, GError **error) {
        if (is_clean(credentials->username) && is_clean(credentials->password) &&
            is_clean(credentials->identity_token) && is_clean(credentials->registry_token))
                return true;
        return fail(error, ERROR_INVALID_ARGUMENT,
                    "the registry credentials contain control characters");
}

/* base64 of "user:password", cut at the first colon; old files pad the password with NUL. */
static bool decode_pair(const char *text, char **ret_username, char **ret_password) {
        size_t length = 0;
        g_autofree guchar *raw = NULL;
        const char *colon;

        if (strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=") !=
            strlen(text))
                return false;
        raw = g_base64_decode(text, &length);
        colon = raw ? memchr(raw, ':', length) : NULL;
        if (!colon || colon == (char *) raw)
                return false;
        *ret_username = g_strndup((char *) raw, (gsize) (colon - (char *) raw));
        *ret_password = g_strndup(colon + 1, length - (gsize) (colon + 1 - (char *) raw));
        explicit_bzero(raw, length);
        return true;
}

bool credentials_from_request(const Json *auth, Credentials **ret_credentials, GError **error) {
        g_autoptr(Credentials) found = g_new0(Credentials, 1);
        g_autofree char *pair = get_text(auth, "auth");

        *ret_credentials = NULL;
        found->registry_token = get_text(auth, "registry_token");
        found->identity_token = get_text(auth, "identity_token");
        found->username = get_text(auth, "username");
        found->password = get_text(auth, "password");
        if (!found->username && pair && !decode_pair(pair, &found->username, &found->password))
                return fail(error, ERROR_INVALID_ARGUMENT,
                            "the auth field of the registry credentials is not the base64 form of "
                            "user:password");
        if (!found->username && !found->identity_token && !found->registry_token)
                return true;
        if (!check_clean(found, error))
                return false;
        *ret_credentials = g_steal_pointer(&found);
        return true;
}

static const char *normalise_host(const char *host) {
        return g_str_equal(host, "docker.io") || g_str_equal(host, "registry-1.docker.io")
                       ? DOCKER_KEY
                       : host;
}

/* Old keys are URLs: the scheme goes, and then what follows the host. */
static char *normalise_key(const char *key) {
        const char *after = strstr(key, "://");
        g_autofree char *host = after ? g_strndup(after + 3, strcspn(after + 3, "/"))
                                      : g_strdup(key);

        return g_strdup(normalise_host(host));
}

/* NULL in @ret_credentials with true: the entry says nothing. */
static bool read_entry(const Json *entry, const char *key, Credentials **ret_credentials,
                       GError **error) {
        g_autoptr(Credentials) found = g_new0(Credentials, 1);
        const char *pair = json_get_string(entry, "auth");

        found->identity_token = get_text(entry, "identitytoken");
        if (pair && *pair && !decode_pair(pair, &found->username, &found->password)) {
                log_warning("ignoring the credentials for %s: not the base64 form of user:password",
                            key);
                return true;
        }
        if (!found->username && !found->identity_token)
                return true;
        if (!check_clean(found, error))
                return false;
        *ret_credentials = g_steal_pointer(&found);
        return true;
}

bool credentials_find_in(const Json *auths, const char *host, const char *path,
                         Credentials **ret_credentials, GError **error) {
        g_autofree char *key = g_strconcat(host, "/", path, NULL);
        char *slash;

        *ret_credentials = NULL;
        for (;;) {
                const Json *entry = json_get(auths, key);

                if (entry)
                        return read_entry(entry, key, ret_credentials, error);
                slash = strrchr(key, '/');
                if (!slash)
                        break;
                *slash = '\0';
        }
        for (size_t i = 0; i < json_length(auths); i++) {
                g_autofree char *known = normalise_key(json_key_at(auths, i));

                if (g_str_equal(known, normalise_host(host)))
                        return read_entry(json_at(auths, i), known, ret_credentials, error);
        }
        return true;
}

static bool find_in_file(const char *file, bool old, const char *host, const char *path,
                         Credentials **ret_credentials, GError **error) {
        g_autofree char *text = NULL;
        g_autoptr(Json) json = NULL;
        size_t length;
        bool result;

        *ret_credentials = NULL;
        if (!file_read(AT_FDCWD, file, FILE_LIMIT, &text, &length, error))
                return false;
        json = length > 0 ? json_parse(text, length, file, error) : json_new_object();
        explicit_bzero(text, length);
        if (!json)
                return false;
        if (json_get_string(json_get(json, "credHelpers"), host))
                return fail(error, ERROR_UNIMPLEMENTED,
                            "%s: the credential helper for %s is not supported yet: put the "
                            "credentials into the file or into an image pull secret", file, host);
        result = credentials_find_in(old ? json : json_get(json, "auths"), host, path,
                                     ret_credentials, error);
        g_prefix_error(error, "%s: ", file);
        return result;
}

static char *home_file(const char *variable, const char *fallback, const char *name) {
        const char *folder = variable ? g_getenv(variable) : NULL;
        const char *home = g_getenv("HOME");

        if (folder && *folder)
                return g_build_filename(folder, name, NULL);
        return g_build_filename(home && *home ? home : "/root", fallback, name, NULL);
}

/* The usual places, best first; the last one is of the old format. */
static GPtrArray *usual_files(void) {
        GPtrArray *files = g_ptr_array_new_with_free_func(g_free);
        const char *runtime = g_getenv("XDG_RUNTIME_DIR");

        g_ptr_array_add(files, runtime && *runtime
                                       ? g_build_filename(runtime, "containers", "auth.json", NULL)
                                       : g_strdup_printf("/run/containers/%u/auth.json",
                                                         (unsigned) getuid()));
        g_ptr_array_add(files, home_file("XDG_CONFIG_HOME", ".config", "containers/auth.json"));
        g_ptr_array_add(files, home_file("DOCKER_CONFIG", ".docker", "config.json"));
        g_ptr_array_add(files, home_file(NULL, "", ".dockercfg"));
        return files;
}

bool credentials_find(const char *file, const char *host, const char *path,
                      Credentials **ret_credentials, GError **error) {
        g_autoptr(GPtrArray) files = NULL;

        *ret_credentials = NULL;
        if (file && *file)
                return find_in_file(file, false, host, path, ret_credentials, error);
        files = usual_files();
        for (unsigned i = 0; i < files->len && !*ret_credentials; i++) {
                bool old = i == files->len - 1;

                if (access(files->pdata[i], F_OK) < 0 && errno == ENOENT)
                        continue;
                if (!find_in_file(files->pdata[i], old, host, path, ret_credentials, error))
                        return false;
        }
        return true;
}

char *credentials_print_basic(const Credentials *credentials) {
        g_autofree char *pair = NULL;
        g_autofree char *encoded = NULL;
        char *value;

        if (!credentials || !credentials->username)
                return NULL;
        pair = g_strconcat(credentials->username, ":",
                           credentials->password ? credentials->password : "", NULL);
        encoded = g_base64_encode((const guchar *) pair, strlen(pair));
        value = g_strconcat("Basic ", encoded, NULL);
        explicit_bzero(pair, strlen(pair));
        explicit_bzero(encoded, strlen(encoded));
        return value;
}
