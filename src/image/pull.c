/* SPDX-License-Identifier: Apache-2.0 */
#include "image/pull.h"

#include <fcntl.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "image/cancel.h"
#include "image/confine.h"
#include "image/layers.h"
#include "image/plan.h"
#include "image/platform.h"

#define INDEX_DEPTH_LIMIT 3
#define COMMIT_TRIES 3
#define DEFAULT_TAG "latest"

typedef struct Pull {
        const PullRequest *request;
        const ImageReference *reference; /* the name that was found */
        Platform *platform;
        Transport *transport;
        Registry *registry; /* the place that has it */

        GPtrArray *manifests; /* GBytes: the image's own first, then the lists that led to it */
        Digest pulled;        /* of what the reference names */
        Digest chosen;        /* of the image's own manifest */
        Manifest *manifest;
        GBytes *config_text;
        ImageConfig *config;
} Pull;

static void pull_clear(Pull *pull) {
        g_clear_pointer(&pull->config, image_config_free);
        g_clear_pointer(&pull->config_text, g_bytes_unref);
        g_clear_pointer(&pull->manifest, manifest_free);
        g_clear_pointer(&pull->manifests, g_ptr_array_unref);
        g_clear_pointer(&pull->registry, registry_free);
        g_clear_pointer(&pull->transport, transport_free);
        g_clear_pointer(&pull->platform, platform_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Pull, pull_clear)

void pull_result_clear(PullResult *result) {
        g_clear_pointer(&result->image_id, g_free);
        g_clear_pointer(&result->image_ref, g_free);
}

/* A manifest or list as it came. */
typedef struct Document {
        GBytes *text;
        Digest digest;
        char *type;
} Document;

static void document_clear(Document *document) {
        g_clear_pointer(&document->text, g_bytes_unref);
        g_clear_pointer(&document->type, g_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Document, document_clear)

/* manifest: found at one of the places, and what it leads to */

static Digest digest_bytes(GBytes *bytes) {
        g_autoptr(Hash) hash = hash_new();
        size_t length;
        const void *data = g_bytes_get_data(bytes, &length);

        hash_update(hash, data, length);
        return hash_take(hash);
}

static bool get_document(Pull *pull, Registry *registry, const char *wanted, const Digest *expected,
                         Document *ret_document, GError **error) {
        g_auto(Document) document = { 0 };

        document.text = registry_get_manifest(registry, pull->transport, wanted, &document.type,
                                              error);
        if (!document.text)
                return false;
        document.digest = digest_bytes(document.text);
        if (expected && !digest_equal(expected, &document.digest))
                return fail(error, ERROR_UNKNOWN,
                            "%s: manifest %s: its bytes have the digest %s: the registry or "
                            "something on the way changed them", registry_get_host(registry),
                            expected->text, document.digest.text);
        *ret_document = document;
        document = (Document) { 0 };
        return true;
}

static bool ask_place(Pull *pull, const PullPlace *place, Document *ret_document, GError **error) {
        const Endpoint *endpoint = place->endpoint;
        const ImageReference *reference = pull->reference;
        g_autoptr(Registry) registry = registry_new(endpoint->host, endpoint->path,
                                                    endpoint->insecure, place->credentials);
        const char *wanted = reference->tag ? reference->tag : DEFAULT_TAG;

        if (reference->has_digest)
                wanted = reference->digest.text;
        if (!registry_connect(registry, pull->transport, error) ||
            !get_document(pull, registry, wanted,
                          reference->has_digest ? &reference->digest : NULL, ret_document, error))
                return false;
        pull->registry = g_steal_pointer(&registry);
        return true;
}

/* The first place that has it; from there all the rest is taken. The error is that of the last
 * place, the registry itself, with those of the mirrors behind it. */
static bool ask_places(Pull *pull, const GPtrArray *places, Document *ret_document,
                       GError **error) {
        g_autoptr(GString) mirrors = g_string_new(NULL);

        for (guint i = 0; i < places->len; i++) {
                g_autoptr(GError) problem = NULL;

                if (ask_place(pull, places->pdata[i], ret_document, &problem))
                        return true;
                if (i + 1 < places->len && problem->code != ERROR_CANCELLED) {
                        g_string_append_printf(mirrors, "%s%s", mirrors->len ? "; " : "",
                                               problem->message);
                        continue;
                }
                if (mirrors->len > 0)
                        return fail(error, (ErrorCode) problem->code, "%s (mirrors: %s)",
                                    problem->message, mirrors->str);
                g_propagate_error(error, g_steal_pointer(&problem));
                return false;
        }
        return fail(error, ERROR_INTERNAL, "there is no place to ask");
}

/* From a list to the image for this machine, which may be behind another list. */
static bool choose_image(Pull *pull, Document *document, GError **error) {
        pull->pulled = document->digest;
        for (unsigned depth = 0; depth <= INDEX_DEPTH_LIMIT; depth++) {
                g_auto(Document) next = { 0 };
                const ManifestEntry *entry;
                size_t length;
                const char *text = g_bytes_get_data(document->text, &length);

                g_clear_pointer(&pull->manifest, manifest_free);
                pull->manifest = manifest_parse(text ? text : "", length, document->type, error);
                if (!pull->manifest)
                        return false;
                g_ptr_array_insert(pull->manifests, 0, g_bytes_ref(document->text));
                pull->chosen = document->digest;
                if (!pull->manifest->is_index)
                        return true;
                entry = platform_choose(pull->platform, pull->manifest, error);
                if (!entry ||
                    !get_document(pull, pull->registry, entry->descriptor.digest.text,
                                  &entry->descriptor.digest, &next, error))
                        return false;
                document_clear(document);
                *document = next;
                next = (Document) { 0 };
        }
        return fail(error, ERROR_UNKNOWN, "there are more than %d lists inside each other",
                    INDEX_DEPTH_LIMIT);
}

static bool check_fit(const Pull *pull, GError **error) {
        const ImageRecord *record = pull->config->record;

        if (pull->config->n_diffs != pull->manifest->n_layers)
                return fail(error, ERROR_UNKNOWN,
                            "the manifest has %u layers, the image configuration %u",
                            pull->manifest->n_layers, pull->config->n_diffs);
        if (*record->os && !g_str_equal(record->os, pull->platform->os))
                return fail(error, ERROR_UNKNOWN,
                            "the image is for the system \"%.60s\", not for %s",
                            record->os, pull->platform->os);
        if (!g_str_equal(record->architecture, pull->platform->architecture))
                log_warning("image %s is for the architecture %.60s, this machine is %s",
                            pull->request->reference, record->architecture,
                            pull->platform->architecture);
        return true;
}

static bool get_config(Pull *pull, GError **error) {
        const Descriptor *config = &pull->manifest->config;
        const char *text;
        size_t length;

        pull->config_text = registry_get_blob(pull->registry, pull->transport, &config->digest,
                                              config->size, error);
        if (!pull->config_text)
                return false;
        text = g_bytes_get_data(pull->config_text, &length);
        pull->config = image_config_parse(text ? text : "", length, &config->digest, error);
        return pull->config && check_fit(pull, error);
}

/* store: the layers that are missing, then all at once */

static bool commit(Pull *pull, StoreTransaction *transaction, GError **error) {
        g_autofree char *name = image_reference_print_stored(pull->reference);
        g_autofree char *pulled = image_reference_print_digested(pull->reference, &pull->pulled);
        g_autofree char *chosen = image_reference_print_digested(pull->reference, &pull->chosen);
        bool same = digest_equal(&pull->pulled, &pull->chosen);
        const char *names[] = { name, NULL };
        const char *digests[] = { pulled, same ? NULL : chosen, NULL };
        g_autofree const char **texts = g_new0(const char *, pull->manifests->len);
        g_autofree size_t *lengths = g_new0(size_t, pull->manifests->len);
        StoreImage image = { .record = pull->config->record, .names = names, .digests = digests,
                             .manifests = texts, .manifest_lengths = lengths,
                             .n_manifests = pull->manifests->len };

        for (guint i = 0; i < pull->manifests->len; i++)
                texts[i] = g_bytes_get_data(pull->manifests->pdata[i], &lengths[i]);
        image.config = g_bytes_get_data(pull->config_text, &image.config_length);
        return store_transaction_commit(transaction, &image, error);
}

static bool store_once(Pull *pull, GError **error) {
        g_autoptr(StoreTransaction) transaction =
                store_transaction_begin(pull->request->root, error);
        LayersWish wish = { pull->manifest, pull->config, pull->registry, pull->transport,
                            transaction };

        return transaction && layers_fetch(&wish, error) && commit(pull, transaction, error);
}

/* A layer that was there may be removed while others are fetched; then it is fetched, too. */
static bool store_image(Pull *pull, GError **error) {
        for (unsigned tries = 1;; tries++) {
                g_autoptr(GError) problem = NULL;

                if (store_once(pull, &problem))
                        return true;
                if (tries < COMMIT_TRIES &&
                    g_error_matches(problem, ERROR_DOMAIN, ERROR_UNAVAILABLE)) {
                        log_info("%s, trying again", problem->message);
                        continue;
                }
                g_propagate_error(error, g_steal_pointer(&problem));
                return false;
        }
}

static bool pull_name(const PullRequest *request, const PullName *name, PullResult *ret_result,
                      GError **error) {
        g_auto(Document) document = { 0 };
        g_auto(Pull) pull = { .request = request, .reference = name->reference };

        pull.platform = platform_new(request->os, request->architecture, request->variant);
        pull.transport = transport_new();
        pull.manifests = g_ptr_array_new_with_free_func((GDestroyNotify) g_bytes_unref);
        if (!ask_places(&pull, name->places, &document, error) ||
            !choose_image(&pull, &document, error) || !get_config(&pull, error) ||
            !store_image(&pull, error))
                return false;
        ret_result->image_id = g_strdup(pull.config->record->id);
        ret_result->image_ref = image_reference_print_digested(pull.reference, &pull.pulled);
        return true;
}

/* Keep what went wrong with one of several names. The daemon knows the name that was asked for. */
static void note_problem(GString *problems, const PullName *name, bool several,
                         const GError *problem) {
        g_autofree char *text = image_reference_print(name->reference);

        g_string_append_printf(problems, "%s%s%s%s", problems->len ? "; " : "",
                               several ? text : "", several ? ": " : "", problem->message);
}

static bool try_names(const PullRequest *request, const GPtrArray *names, PullResult *ret_result,
                      GError **error) {
        g_autoptr(GString) problems = g_string_new(NULL);
        ErrorCode code = ERROR_UNKNOWN;

        for (guint i = 0; i < names->len; i++) {
                const PullName *name = names->pdata[i];
                g_autoptr(GError) problem = name->refused ? g_error_copy(name->refused) : NULL;

                if (!problem && pull_name(request, name, ret_result, &problem))
                        return true;
                note_problem(problems, name, names->len > 1, problem);
                code = (ErrorCode) problem->code;
                if (code == ERROR_CANCELLED || cancel_is_set())
                        break;
        }
        return fail(error, code, "%s", problems->str);
}

bool pull_run(const PullRequest *request, PullResult *ret_result, GError **error) {
        g_autoptr(GPtrArray) names = plan_make(request, error);

        return names && dir_make(AT_FDCWD, request->root, 0700, error) &&
               confine_self(request->root, error) && try_names(request, names, ret_result, error);
}
