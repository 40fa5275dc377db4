/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "image/transport-private.h"

#define BUNDLE_LIMIT (16 * 1024 * 1024)

/* Where the distributions keep all CAs in one file. */
static const char *const bundles[] = {
        "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/ssl/ca-bundle.pem", "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
        "/etc/ssl/cert.pem",
};

/* The library may only know a directory, which costs it a file for each CA, twice. NULL: there is
 * nothing better. */
static const char *find_bundle(void) {
        const char *known = curl_version_info(CURLVERSION_NOW)->cainfo;

        if (known && access(known, R_OK) == 0)
                return known;
        for (unsigned i = 0; i < G_N_ELEMENTS(bundles); i++)
                if (access(bundles[i], R_OK) == 0)
                        return bundles[i];
        return NULL;
}

static bool append_file(int fd, const char *path, GError **error) {
        g_autofree char *text = NULL;
        size_t length;

        if (!file_read(AT_FDCWD, path, BUNDLE_LIMIT, &text, &length, error))
                return false;
        if (!fd_write_all(fd, text, length) || !fd_write_all(fd, "\n", 1))
                return fail_errno(error, "copy certificates of %s", path);
        return true;
}

/* The system's CAs and those of this registry in one unnamed file: libcurl takes only one. */
static int make_bundle(const char *directory, GPtrArray *names, GError **error) {
        const char *system = find_bundle();
        autofd int fd = memfd_create("ca-bundle", MFD_CLOEXEC);

        if (fd < 0)
                return fail_fd(error, "make a memory file for certificates");
        if (system && !append_file(fd, system, error))
                return -1;
        for (unsigned i = 0; i < names->len; i++) {
                g_autofree char *path = g_build_filename(directory, names->pdata[i], NULL);

                if (g_str_has_suffix(path, ".crt") && !append_file(fd, path, error))
                        return -1;
        }
        return steal_fd(&fd);
}

static bool use_client(CURL *easy, const char *directory, const char *name, GError **error) {
        g_autofree char *cert = g_build_filename(directory, name, NULL);
        g_autofree char *stem = g_strndup(cert, strlen(cert) - strlen(".cert"));
        g_autofree char *key = g_strconcat(stem, ".key", NULL);

        if (access(key, R_OK) < 0)
                return fail_errno(error, "client certificate %s needs its key %s", cert, key);
        curl_easy_setopt(easy, CURLOPT_SSLCERT, cert);
        curl_easy_setopt(easy, CURLOPT_SSLKEY, key);
        return true;
}

static bool needs_cert(const char *directory, const char *name, GError **error) {
        g_autofree char *key = g_build_filename(directory, name, NULL);
        g_autofree char *stem = g_strndup(key, strlen(key) - strlen(".key"));
        g_autofree char *cert = g_strconcat(stem, ".cert", NULL);

        if (access(cert, R_OK) < 0)
                return fail_errno(error, "client key %s needs its certificate %s", key, cert);
        return true;
}

/* The client's part of @directory; @ret_has_ca: there are CAs in it, too. */
static bool use_directory(CURL *easy, const char *directory, GPtrArray *names, bool *ret_has_ca,
                          GError **error) {
        for (unsigned i = 0; i < names->len; i++) {
                const char *name = names->pdata[i];

                *ret_has_ca |= g_str_has_suffix(name, ".crt");
                if (g_str_has_suffix(name, ".cert") && !use_client(easy, directory, name, error))
                        return false;
                if (g_str_has_suffix(name, ".key") && !needs_cert(directory, name, error))
                        return false;
        }
        return true;
}

bool transport_use_certs(CURL *easy, const char *directory, bool verify, int *ret_ca_fd,
                         GError **error) {
        const char *system = verify ? find_bundle() : NULL;
        g_autoptr(GPtrArray) names = NULL;
        g_autofree char *bundle = NULL;
        bool has_ca = false;

        *ret_ca_fd = -1;
        if (system || !verify) {
                curl_easy_setopt(easy, CURLOPT_CAINFO, system);
                curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
        }
        if (!directory)
                return true;
        names = dir_list(AT_FDCWD, directory, error);
        if (!names || !use_directory(easy, directory, names, &has_ca, error))
                return false;
        if (!has_ca || !verify)
                return true;
        *ret_ca_fd = make_bundle(directory, names, error);
        if (*ret_ca_fd < 0)
                return false;
        bundle = g_strdup_printf("/proc/self/fd/%d", *ret_ca_fd);
        curl_easy_setopt(easy, CURLOPT_CAINFO, bundle);
        return true;
}
