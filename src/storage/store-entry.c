/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "storage/store-write-private.h"

/* The strings of @first, then those of @second that are not among them. */
static GStrv unite(const char *const *first, const char *const *second) {
        g_autoptr(GStrvBuilder) builder = g_strv_builder_new();

        g_strv_builder_addv(builder, (const char **) first);
        for (unsigned i = 0; second[i]; i++)
                if (!g_strv_contains(first, second[i]))
                        g_strv_builder_add(builder, second[i]);
        return g_strv_builder_end(builder);
}

/* Put @texts in front of what the member holds; nothing to hold: no member. */
static void prepend(Json *entry, const char *key, const char *const *texts) {
        g_auto(GStrv) old = json_get_strings(entry, key);
        g_auto(GStrv) all = unite(texts, (const char *const *) old);

        if (all[0])
                json_set_strings(entry, key, (const char *const *) all);
}

static void set_pieces(Json *entry, const GPtrArray *pieces) {
        g_autoptr(GStrvBuilder) keys = g_strv_builder_new();
        g_auto(GStrv) list = NULL;

        for (unsigned i = 0; i < pieces->len; i++) {
                const ImagePiece *piece = pieces->pdata[i];

                g_strv_builder_add(keys, piece->key);
                json_set_uint(json_need_object(entry, "big-data-sizes"), piece->key, piece->length);
                json_set_string(json_need_object(entry, "big-data-digests"), piece->key,
                                piece->digest.text);
        }
        list = g_strv_builder_end(keys);
        prepend(entry, "big-data-names", (const char *const *) list);
}

static Json *image_entry(const StoreCommit *commit, const Json *old) {
        const StoreTransaction *transaction = commit->transaction;
        const StoreImage *image = commit->image;
        Digest digest = digest_of(image->manifests[0], image->manifest_lengths[0]);
        Json *entry = old ? json_copy(old) : json_new_object();

        json_set_string(entry, "id", image->record->id);
        json_set_string(entry, "digest", digest.text);
        prepend(entry, "names", image->names);
        prepend(entry, "names-history", image->names);
        if (transaction->n_layers > 0)
                json_set_string(entry, "layer", transaction->layers[transaction->n_layers - 1].id);
        set_pieces(entry, commit->pieces);
        if (!old) {
                g_autofree char *created = clock_format_ns(image->record->created_ns);

                json_set_string(entry, "created", created);
        }
        return entry;
}

/* An image that has to give up names stays, perhaps without any. */
static Json *other_entry(const StoreCommit *commit, const Json *image) {
        g_auto(GStrv) names = json_get_strings(image, "names");
        g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
        g_auto(GStrv) left = NULL;
        Json *copy = json_copy(image);

        for (unsigned i = 0; names[i]; i++)
                if (!g_strv_contains(commit->image->names, names[i]))
                        g_strv_builder_add(builder, names[i]);
        left = g_strv_builder_end(builder);
        if (g_strv_length(left) < g_strv_length(names))
                json_set_strings(copy, "names", (const char *const *) left);
        return copy;
}

Json *store_commit_images(const StoreCommit *commit) {
        const char *id = commit->image->record->id;
        const Json *images = commit->index->images;
        Json *fresh = json_new_array();
        bool found = false;

        for (size_t i = 0; i < json_length(images); i++) {
                const Json *image = json_at(images, i);

                if (g_strcmp0(json_get_string(image, "id"), id) != 0) {
                        json_append(fresh, other_entry(commit, image));
                } else if (!found) {
                        json_append(fresh, image_entry(commit, image));
                        found = true;
                }
        }
        if (!found)
                json_append(fresh, image_entry(commit, NULL));
        return fresh;
}
