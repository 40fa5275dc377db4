/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/reference.h"

#include <string.h>

#include "base/error.h"

#define DEFAULT_DOMAIN "docker.io"
#define OLD_DEFAULT_DOMAIN "index.docker.io"
#define OFFICIAL_PREFIX "library/"
#define DEFAULT_TAG "latest"

#define NAME_LIMIT 255 /* domain and path */
#define TAG_LIMIT 128
#define TEXT_LIMIT (NAME_LIMIT + 1 + TAG_LIMIT + 1 + DIGEST_TEXT_LENGTH)

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

static bool refuse(GError **error, const char *text, const char *why) {
        return fail(error, ERROR_INVALID_ARGUMENT, "invalid reference format: \"%.300s\": %s", text,
                    why);
}

/* The length of the domain at the start of @text, 0 when its first component is part of the path.
 * */
static size_t domain_length(const char *text) {
        size_t length = strcspn(text, "/");

        if (text[length] != '/')
                return 0;
        for (size_t i = 0; i < length; i++)
                if (text[i] == '.' || text[i] == ':' || g_ascii_isupper(text[i]))
                        return length;
        return length == strlen("localhost") && g_str_has_prefix(text, "localhost") ? length : 0;
}

static bool port_is_valid(const char *port) {
        size_t length = strspn(port, DIGITS);
        guint64 number = g_ascii_strtoull(port, NULL, 10);

        return length > 0 && length <= 5 && port[length] == '\0' && number > 0 && number <= 65535;
}

/* Labels of letters, digits and inner dashes, divided by single dots. */
static bool host_is_valid(const char *host, size_t length) {
        char before = '.';

        for (size_t i = 0; i < length; before = host[i++]) {
                char next = i + 1 < length ? host[i + 1] : '.';

                if (g_ascii_isalnum(host[i]))
                        continue;
                if (host[i] == '-' && before != '.' && next != '.')
                        continue;
                if (host[i] != '.' || before == '.' || i + 1 == length)
                        return false;
        }
        return length > 0;
}

static bool domain_is_valid(const char *domain) {
        size_t length;

        if (*domain == '[') {
                length = strspn(domain + 1, DIGITS "abcdefABCDEF:") + 1;
                if (length < 3 || domain[length] != ']')
                        return false;
                length++;
        } else {
                length = strcspn(domain, ":");
                if (!host_is_valid(domain, length))
                        return false;
        }
        return domain[length] == '\0' ||
               (domain[length] == ':' && port_is_valid(domain + length + 1));
}

/* The length of the separator at @text: one dot, one or two underscores, or dashes; 0 when none. */
static size_t separator_length(const char *text) {
        size_t count;

        if (*text == '.')
                return 1;
        count = strspn(text, "_");
        return count ? (count <= 2 ? count : 0) : strspn(text, "-");
}

static bool path_is_valid(const char *path) {
        for (;;) {
                size_t length = strspn(path, LOWER DIGITS);

                if (length == 0)
                        return false;
                path += length;
                if (*path == '\0')
                        return true;
                length = *path == '/' ? 1 : separator_length(path);
                if (length == 0)
                        return false;
                path += length;
        }
}

static bool tag_is_valid(const char *tag) {
        size_t length = strspn(tag, LOWER UPPER DIGITS "_.-");

        return length > 0 && length <= TAG_LIMIT && tag[length] == '\0' && *tag != '.' &&
               *tag != '-';
}

/* Cut the digest, then the tag, off the end of @rest. */
static bool take_suffixes(ImageReference *reference, const char *text, char *rest,
                          GError **error) {
        size_t domain = domain_length(rest);
        char *at = strchr(rest, '@');
        char *colon;

        if (at) {
                if (!digest_parse(at + 1, &reference->digest, error)) {
                        g_prefix_error(error, "invalid reference format: \"%.300s\": ", text);
                        return false;
                }
                reference->has_digest = true;
                *at = '\0';
        }
        colon = strchr(rest + domain, ':');
        if (!colon)
                return true;
        *colon = '\0';
        reference->tag = g_strdup(colon + 1);
        return tag_is_valid(reference->tag) ||
               refuse(error, text, "a tag is 1 to 128 letters, digits, _, . and -, and does not "
                                   "begin with . or -");
}

static bool take_name(ImageReference *reference, const char *text, const char *name,
                      GError **error) {
        size_t length = domain_length(name);
        const char *path = length ? name + length + 1 : name;

        reference->domain = length ? g_strndup(name, length) : g_strdup(DEFAULT_DOMAIN);
        if (!domain_is_valid(reference->domain))
                return refuse(error, text,
                              "the registry must be a host name or address with an optional port");
        if (path[strcspn(path, UPPER)])
                return refuse(error, text, "repository name must be lowercase");
        if (!path_is_valid(path))
                return refuse(error, text, "a repository is lower-case letters and digits, divided "
                                           "by /, ., _, __ or dashes");
        if (g_str_equal(reference->domain, OLD_DEFAULT_DOMAIN)) {
                g_free(reference->domain);
                reference->domain = g_strdup(DEFAULT_DOMAIN);
        }
        if (g_str_equal(reference->domain, DEFAULT_DOMAIN) && !strchr(path, '/'))
                reference->path = g_strconcat(OFFICIAL_PREFIX, path, NULL);
        else
                reference->path = g_strdup(path);
        if (strlen(reference->domain) + 1 + strlen(reference->path) > NAME_LIMIT)
                return refuse(error, text, "repository name must not be more than 255 characters");
        return true;
}

static bool is_image_id(const char *text) {
        return strlen(text) == DIGEST_HEX_LENGTH &&
               strspn(text, DIGITS "abcdef") == DIGEST_HEX_LENGTH;
}

/**
 * image_reference_parse() - the parts of a name, made whole
 * @text:       what a user, a pod or a registry wrote: hostile
 * @error:      INVALID_ARGUMENT, with @text and the rule that it broke
 */
ImageReference *image_reference_parse(const char *text, GError **error) {
        g_autoptr(ImageReference) reference = g_new0(ImageReference, 1);
        g_autofree char *rest = NULL;

        if (!text || !*text)
                return fail_null(error, ERROR_INVALID_ARGUMENT,
                                 "invalid reference format: the image name is empty");
        if (strlen(text) > TEXT_LIMIT) {
                refuse(error, text, "it is too long");
                return NULL;
        }
        if (is_image_id(text)) {
                refuse(error, text, "64 hexadecimal digits are an image id, not a name");
                return NULL;
        }
        rest = g_strdup(text);
        if (!take_suffixes(reference, text, rest, error) ||
            !take_name(reference, text, rest, error))
                return NULL;
        return g_steal_pointer(&reference);
}

void image_reference_free(ImageReference *reference) {
        if (!reference)
                return;
        g_free(reference->domain);
        g_free(reference->path);
        g_free(reference->tag);
        g_free(reference);
}

bool image_reference_is_short(const char *text) {
        return domain_length(text) == 0;
}

char *image_reference_print(const ImageReference *reference) {
        return g_strconcat(reference->domain, "/", reference->path, reference->tag ? ":" : "",
                           reference->tag ? reference->tag : "", reference->has_digest ? "@" : "",
                           reference->has_digest ? reference->digest.text : "", NULL);
}

char *image_reference_print_repository(const ImageReference *reference) {
        return g_strconcat(reference->domain, "/", reference->path, NULL);
}

char *image_reference_print_tagged(const ImageReference *reference) {
        return g_strconcat(reference->domain, "/", reference->path, ":",
                           reference->tag ? reference->tag : DEFAULT_TAG, NULL);
}

char *image_reference_print_digested(const ImageReference *reference, const Digest *digest) {
        return g_strconcat(reference->domain, "/", reference->path, "@", digest->text, NULL);
}

char *image_reference_print_stored(const ImageReference *reference) {
        return reference->has_digest
                       ? image_reference_print_digested(reference, &reference->digest)
                       : image_reference_print_tagged(reference);
}
