/* SPDX-License-Identifier: Apache-2.0 */
#include "image/adopt.h"

#include "base/error.h"
#include "base/id.h"
#include "base/json.h"
#include "image/cancel.h"
#include "image/confine.h"
#include "image/hash.h"
#include "image/image-config.h"
#include "image/manifest.h"
#include "image/report.h"
#include "storage/store-write.h"

static bool adopt_image(const char *root, const char *id, GError **error) {
        g_autofree char *key = g_strconcat("sha256:", id, NULL);
        g_autoptr(ImageConfig) config = NULL;
        g_autoptr(GBytes) text = NULL;
        g_autoptr(Hash) hash = hash_new();
        const char *data;
        size_t length;
        Digest found;

        if (!id_is_valid(id))
                return fail(error, ERROR_INVALID_ARGUMENT, "\"%.80s\" is no image id", id);
        text = store_read_image_file(root, id, key, CONFIG_LIMIT, error);
        if (!text)
                return false;
        data = g_bytes_get_data(text, &length);
        hash_update(hash, data, length);
        found = hash_take(hash);
        if (!g_str_equal(found.text, key))
                return fail(error, ERROR_UNKNOWN, "its configuration has the digest %s",
                            found.text);
        config = image_config_parse(data, length, &found, error);
        return config && store_adopt_image(root, config->record, error);
}

static bool adopt_images(const char *root, const Json *images, GError **error) {
        for (size_t i = 0; i < json_length(images); i++) {
                const char *id = json_string(json_at(images, i));
                g_autoptr(GError) problem = NULL;

                if (!cancel_check(error))
                        return false;
                if (id && adopt_image(root, id, &problem))
                        report_adopted(id, NULL);
                else if (id)
                        report_adopted(id, problem);
        }
        return true;
}

bool adopt_run(const char *text, size_t length, GError **error) {
        g_autoptr(Json) request = json_parse(text, length, "request", error);
        const char *root = json_get_string(request, "root");

        if (!request)
                return false;
        if (!root || *root != '/')
                return fail(error, ERROR_INVALID_ARGUMENT,
                            "request: the root of the image store must be an absolute path");
        return confine_self(root, error) &&
               adopt_images(root, json_get(request, "images"), error);
}
