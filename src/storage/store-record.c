/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "storage/store-private.h"

ImageRecord *store_record_load(const StorePlace *place, const char *id) {
        g_autofree char *path = g_build_filename(STORE_IMAGES, id, STORE_RECORD, NULL);
        g_autoptr(ImageRecord) record = NULL;
        g_autoptr(GError) error = NULL;
        g_autofree char *text = NULL;
        size_t length;

        if (faccessat(place->root_dfd, path, F_OK, 0) < 0 && errno == ENOENT)
                return NULL;
        if (file_read(place->root_dfd, path, STORE_RECORD_LIMIT, &text, &length, &error))
                record = image_record_parse(text, length, path, &error);
        if (!record) {
                log_warning("store %s: ignoring the record of image %s: %s", place->root, id,
                            error->message);
                return NULL;
        }
        if (g_str_equal(record->id, id))
                return g_steal_pointer(&record);
        log_warning("store %s: ignoring the record of image %s: it is that of %s", place->root, id,
                    record->id);
        return NULL;
}

bool store_record_save(const StorePlace *place, const ImageRecord *record, GError **error) {
        g_autofree char *path = g_build_filename(STORE_IMAGES, record->id, STORE_RECORD, NULL);
        size_t length;
        g_autofree char *text = image_record_print(record, &length);

        return file_publish_synced(place->root_dfd, path, text, length, 0600, error);
}
