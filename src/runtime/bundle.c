/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/bundle.h"

#include <fcntl.h>

#include "base/error.h"
#include "base/file.h"

bool bundle_write(const char *bundle, const Json *spec, GError **error) {
        g_autofree char *path = g_build_filename(bundle, "config.json", NULL);
        g_autofree char *text = NULL;
        size_t length;

        text = json_print(spec, &length);
        if (length > BUNDLE_SPEC_LIMIT)
                return fail(error, ERROR_RESOURCE_EXHAUSTED, "%s: larger than %zu bytes", path,
                        BUNDLE_SPEC_LIMIT);
        return file_publish(AT_FDCWD, path, text, length, 0600, error);
}

Json *bundle_read(const char *bundle, GError **error) {
        g_autofree char *path = g_build_filename(bundle, "config.json", NULL);
        g_autofree char *text = NULL;
        g_autoptr(GError) cause = NULL;
        size_t length;
        Json *json;

        if (!file_read(AT_FDCWD, path, BUNDLE_SPEC_LIMIT, &text, &length, error))
                return NULL;
        json = json_parse(text, length, path, &cause);
        return json ? json : fail_null(error, ERROR_UNKNOWN, "%s", cause->message);
}
