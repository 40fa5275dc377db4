/* SPDX-License-Identifier: Apache-2.0 */
#include "image/manifest.h"

#include <string.h>

#include "base/error.h"
#include "base/json.h"

#define OCI_IMAGE "application/vnd.oci.image.manifest.v1+json"
#define OCI_INDEX "application/vnd.oci.image.index.v1+json"
#define DOCKER_IMAGE "application/vnd.docker.distribution.manifest.v2+json"
#define DOCKER_LIST "application/vnd.docker.distribution.manifest.list.v2+json"

#define BLOB_SIZE_LIMIT (G_GINT64_CONSTANT(1) << 40)
#define ZSTD_ANNOTATION "io.github.containers.compression.zstd"

const char *const manifest_media_types[] = { OCI_IMAGE, DOCKER_IMAGE, OCI_INDEX, DOCKER_LIST,
NULL };

static const char *const config_types[] = { "application/vnd.oci.image.config.v1+json",
                                            "application/vnd.docker.container.image.v1+json",
                                            NULL };

static const char *const layer_types[] = {
        "application/vnd.oci.image.layer.v1.tar",
        "application/vnd.oci.image.layer.v1.tar+gzip",
        "application/vnd.oci.image.layer.v1.tar+zstd",
        "application/vnd.oci.image.layer.nondistributable.v1.tar",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
        "application/vnd.docker.image.rootfs.diff.tar",
        "application/vnd.docker.image.rootfs.diff.tar.gzip",
        "application/vnd.docker.image.rootfs.diff.tar.zstd",
        "application/vnd.docker.image.rootfs.foreign.diff.tar",
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        NULL
};

typedef enum Kind { KIND_UNKNOWN, KIND_IMAGE, KIND_INDEX, KIND_SCHEMA1 } Kind;

static Kind kind_of_type(const char *type) {
        if (g_strcmp0(type, OCI_IMAGE) == 0 || g_strcmp0(type, DOCKER_IMAGE) == 0)
                return KIND_IMAGE;
        if (g_strcmp0(type, OCI_INDEX) == 0 || g_strcmp0(type, DOCKER_LIST) == 0)
                return KIND_INDEX;
        if (type && g_str_has_prefix(type, "application/vnd.docker.distribution.manifest.v1+"))
                return KIND_SCHEMA1;
        return KIND_UNKNOWN;
}

/* What the members say it is. Two readings are an attack. */
static Kind kind_of_members(const Json *json, GError **error) {
        bool image = json_get(json, "layers") || json_get(json, "config");
        bool index = json_get(json, "manifests") != NULL;
        bool schema1 = json_get(json, "fsLayers") || json_get(json, "signatures");

        if (image + index + schema1 > 1) {
                fail(error, ERROR_UNKNOWN, "the manifest is two kinds of document at once");
                return KIND_UNKNOWN;
        }
        if (image + index + schema1 == 0)
                fail(error, ERROR_UNKNOWN, "the manifest has neither layers nor manifests");
        return image ? KIND_IMAGE : index ? KIND_INDEX : schema1 ? KIND_SCHEMA1 : KIND_UNKNOWN;
}

static Kind find_kind(const Json *json, const char *content_type, GError **error) {
        const char *type = json_get_string(json, "mediaType");
        Kind kind = kind_of_members(json, error);
        Kind stated = kind_of_type(type);
        Kind header = kind_of_type(content_type);

        if (kind == KIND_UNKNOWN)
                return kind;
        if (kind == KIND_SCHEMA1 || json_get_int(json, "schemaVersion", 0) != 2) {
                fail(error, ERROR_UNKNOWN,
                     "the manifest is of schema version 1 or unknown, which is not supported: push "
                     "the image again with a tool of this decade");
                return KIND_UNKNOWN;
        }
        if ((type && stated != kind) || (header != KIND_UNKNOWN && header != kind)) {
                fail(error, ERROR_UNKNOWN,
                     "the media type of the manifest (%.100s, sent as %.100s) contradicts it",
                     type ? type : "none", content_type);
                return KIND_UNKNOWN;
        }
        return kind;
}

static bool read_descriptor(const Json *json, const char *what, gint64 limit,
                            Descriptor *ret_descriptor, GError **error) {
        gint64 size = json_get_int(json, "size", -1);

        if (!digest_parse(json_get_string(json, "digest"), &ret_descriptor->digest, error)) {
                g_prefix_error(error, "manifest: %s: ", what);
                return false;
        }
        if (size < 0 || size > limit)
                return fail(error, ERROR_UNKNOWN,
                            "manifest: %s: a size of %" G_GINT64_FORMAT " is not in 0 to %"
                            G_GINT64_FORMAT, what, size, limit);
        ret_descriptor->size = (guint64) size;
        return true;
}

/* Foreign "urls" are never looked at: they would say whom we ask. */
static bool read_layer(const Json *json, Descriptor *ret_layer, GError **error) {
        const char *type = json_get_string(json, "mediaType");

        if (type && g_str_has_suffix(type, "+encrypted"))
                return fail(error, ERROR_UNIMPLEMENTED, "encrypted layers are not supported");
        if (!type || !g_strv_contains(layer_types, type))
                return fail(error, ERROR_UNKNOWN, "a layer of the unknown type \"%.100s\"",
                            type ? type : "");
        return read_descriptor(json, "layer", BLOB_SIZE_LIMIT, ret_layer, error);
}

static bool read_image(Manifest *manifest, const Json *json, GError **error) {
        const Json *config = json_get(json, "config");
        const Json *layers = json_get(json, "layers");
        const char *type = json_get_string(config, "mediaType");

        if (!type || !g_strv_contains(config_types, type))
                return fail(error, ERROR_UNIMPLEMENTED,
                            "it is an artifact of type \"%.100s\" and not an image",
                            type ? type : "");
        if (!read_descriptor(config, "config", CONFIG_LIMIT, &manifest->config, error))
                return false;
        if (json_get_type(layers) != JSON_ARRAY || json_length(layers) > LAYERS_LIMIT)
                return fail(error, ERROR_UNKNOWN,
                            "manifest: there must be a list of at most %d layers", LAYERS_LIMIT);
        manifest->n_layers = (unsigned) json_length(layers);
        manifest->layers = g_new0(Descriptor, manifest->n_layers);
        for (unsigned i = 0; i < manifest->n_layers; i++)
                if (!read_layer(json_at(layers, i), &manifest->layers[i], error))
                        return false;
        return true;
}

static char *text_of(const Json *json, const char *key) {
        const char *text = json_get_string(json, key);

        return g_strdup(text ? text : "");
}

/* Entries that are neither images nor indexes (their type says so) are for others. */
static bool read_entry(Manifest *manifest, const Json *json, GError **error) {
        ManifestEntry *entry = &manifest->entries[manifest->n_entries];
        const Json *platform = json_get(json, "platform");
        const char *type = json_get_string(json, "mediaType");

        if (type && kind_of_type(type) != KIND_IMAGE && kind_of_type(type) != KIND_INDEX)
                return true;
        if (!read_descriptor(json, "entry of the list", MANIFEST_LIMIT, &entry->descriptor, error))
                return false;
        entry->has_platform = json_get_type(platform) == JSON_OBJECT;
        entry->os = text_of(platform, "os");
        entry->architecture = text_of(platform, "architecture");
        entry->variant = text_of(platform, "variant");
        entry->is_zstd = g_strcmp0(json_get_string(json_get(json, "annotations"), ZSTD_ANNOTATION),
                                   "true") == 0;
        manifest->n_entries++;
        return true;
}

static bool read_index(Manifest *manifest, const Json *json, GError **error) {
        const Json *list = json_get(json, "manifests");

        if (json_get_type(list) != JSON_ARRAY)
                return fail(error, ERROR_UNKNOWN, "manifest: \"manifests\" is no list");
        manifest->entries = g_new0(ManifestEntry, json_length(list));
        for (size_t i = 0; i < json_length(list); i++)
                if (!read_entry(manifest, json_at(list, i), error))
                        return false;
        return true;
}

Manifest *manifest_parse(const char *text, size_t length, const char *content_type,
                         GError **error) {
        g_autoptr(Manifest) manifest = g_new0(Manifest, 1);
        g_autoptr(Json) json = json_parse(text, length, "manifest", error);
        Kind kind;

        if (!json)
                return NULL;
        kind = find_kind(json, content_type, error);
        if (kind == KIND_UNKNOWN)
                return NULL;
        manifest->is_index = kind == KIND_INDEX;
        manifest->is_docker = g_strcmp0(json_get_string(json, "mediaType"), DOCKER_LIST) == 0;
        if (!(manifest->is_index ? read_index(manifest, json, error)
                                 : read_image(manifest, json, error)))
                return NULL;
        return g_steal_pointer(&manifest);
}

void manifest_free(Manifest *manifest) {
        if (!manifest)
                return;
        for (unsigned i = 0; i < manifest->n_entries; i++) {
                g_free(manifest->entries[i].os);
                g_free(manifest->entries[i].architecture);
                g_free(manifest->entries[i].variant);
        }
        g_free(manifest->entries);
        g_free(manifest->layers);
        g_free(manifest);
}
