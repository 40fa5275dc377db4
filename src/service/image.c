/* SPDX-License-Identifier: Apache-2.0 */
/* The image calls. */

#include <fnmatch.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "service/service-private.h"

/* exact, glob*, *keyword* */
static bool is_pinned(const Config *config, const ImageRecord *image) {
        for (unsigned i = 0; image->names && image->names[i]; i++) {
                if (g_str_equal(image->names[i], config->pause_image))
                        return true;
                for (unsigned k = 0; config->pinned_images && config->pinned_images[k]; k++)
                        if (fnmatch(config->pinned_images[k], image->names[i], 0) == 0)
                                return true;
        }
        return false;
}

/* "1000:100" gives the number, "www-data:www-data" the name. */
static void set_user(Arena *arena, CriImage *shown, const char *user) {
        char *name = arena_strdup(arena, user);
        char *colon = strchr(name, ':');
        guint64 uid;

        if (colon)
                *colon = '\0';
        if (!*name)
                return;
        if (!g_ascii_string_to_unsigned(name, 10, 0, G_MAXUINT32 - 1, &uid, NULL)) {
                shown->username = name;
                return;
        }
        shown->uid = arena_alloc(arena, sizeof(*shown->uid));
        cri_int64_value_init(shown->uid);
        shown->uid->value = (gint64)uid;
}

/* Borrows from @image, which the arena keeps. */
static CriImage *make_image(Service *service, Arena *arena, ImageRecord *image) {
        CriImage *shown = arena_alloc(arena, sizeof(*shown));

        cri_image_init(shown);
        shown->id = image->id;
        shown->n_repo_tags = image->names ? g_strv_length(image->names) : 0;
        shown->repo_tags = image->names;
        shown->n_repo_digests = image->digests ? g_strv_length(image->digests) : 0;
        shown->repo_digests = image->digests;
        shown->size = image->size;
        shown->pinned = is_pinned(service->context->config, image);
        set_user(arena, shown, image->user);
        return shown;
}

static void list_one(
        Service *service, Arena *arena, const char *reference, CriListImagesResponse *response) {
        ImageRecord *image = store_find_image(service->context->store, reference);

        if (!image)
                return;
        arena_keep(arena, image, (GDestroyNotify)image_record_unref);
        response->images = arena_new_array(arena, CriImage *, 1);
        response->images[response->n_images++] = make_image(service, arena, image);
}

SERVICE_HANDLER(service_list_images) {
        const CriListImagesRequest *request = in;
        CriListImagesResponse *response = out;
        Service *service = data;
        Arena *arena = rpc_call_arena(call);
        GPtrArray *images;

        if (request->filter && request->filter->image && *request->filter->image->image) {
                list_one(service, arena, request->filter->image->image, response);
                return true;
        }
        images = store_list_images(service->context->store);
        arena_keep(arena, images, (GDestroyNotify)g_ptr_array_unref);
        response->images = arena_new_array(arena, CriImage *, images->len + 1);
        for (unsigned i = 0; i < images->len; i++)
                response->images[response->n_images++] =
                        make_image(service, arena, images->pdata[i]);
        return true;
}

static Json *print_info(const ImageRecord *image) {
        Json *info = json_new_object();
        Json *spec = json_set(info, "imageSpec", json_new_object());
        Json *config = json_set(spec, "config", json_new_object());
        Json *labels = json_set(info, "labels", json_new_object());
        g_autofree char *created = clock_format_ns(image->created_ns);

        for (unsigned i = 0; image->labels && image->labels[i] && image->labels[i + 1]; i += 2)
                json_set_string(labels, image->labels[i], image->labels[i + 1]);
        json_set_string(spec, "created", created);
        json_set_string(spec, "architecture", image->architecture);
        json_set_string(spec, "os", image->os);
        json_set_string(config, "User", image->user);
        json_set_strings(config, "Env", (const char *const *)image->env);
        json_set_strings(config, "Entrypoint", (const char *const *)image->entrypoint);
        json_set_strings(config, "Cmd", (const char *const *)image->command);
        json_set_string(config, "WorkingDir", image->working_dir);
        json_set_string(config, "StopSignal", image->stop_signal);
        json_set(config, "Labels", json_copy(labels));
        return info;
}

SERVICE_HANDLER(service_image_status) {
        const CriImageStatusRequest *request = in;
        CriImageStatusResponse *response = out;
        Service *service = data;
        Arena *arena = rpc_call_arena(call);
        ImageRecord *image;

        if (!request->image || !*request->image->image)
                return fail(error, ERROR_INVALID_ARGUMENT, "no image specified");
        image = store_find_image(service->context->store, request->image->image);
        if (!image)
                return true; /* an empty answer says that it is not here */
        arena_keep(arena, image, (GDestroyNotify)image_record_unref);
        response->image = make_image(service, arena, image);
        if (request->verbose)
                service_set_info(
                        arena, "info", print_info(image), &response->n_info, &response->info);
        return true;
}

SERVICE_HANDLER(service_pull_image) {
        const CriPullImageRequest *request = in;
        CriPullImageResponse *response = out;
        Service *service = data;
        const CriPodSandboxMetadata *pod =
                request->sandbox_config ? request->sandbox_config->metadata : NULL;
        g_autofree char *id = NULL;
        ImagePull pull;

        if (!request->image || !*request->image->image)
                return fail(error, ERROR_INVALID_ARGUMENT, "no image specified");
        pull = (ImagePull){.reference = request->image->image,
                .auth = request->auth,
                .pod_namespace = pod ? pod->namespace_ : ""};
        if (!images_pull(service->context->images, &pull, rpc_call_cancel_fd(call), &id, error))
                return false;
        response->image_ref = arena_strdup(rpc_call_arena(call), id);
        return true;
}

SERVICE_HANDLER(service_remove_image) {
        const CriRemoveImageRequest *request = in;
        Service *service = data;

        if (!request->image || !*request->image->image)
                return fail(error, ERROR_INVALID_ARGUMENT, "no image specified");
        return store_remove_image(service->context->store, request->image->image, error);
}

static CriUInt64Value *make_count(Arena *arena, guint64 count) {
        CriUInt64Value *value = arena_alloc(arena, sizeof(*value));

        cri_uint64_value_init(value);
        value->value = count;
        return value;
}

SERVICE_HANDLER(service_image_fs_info) {
        CriImageFsInfoResponse *response = out;
        Service *service = data;
        Arena *arena = rpc_call_arena(call);
        CriFilesystemUsage *usage = arena_alloc(arena, sizeof(*usage));
        CriFilesystemUsage **usages = arena_new_array(arena, CriFilesystemUsage *, 1);
        g_autofree char *path = NULL;
        guint64 bytes, inodes;

        store_get_usage(service->context->store, &path, &bytes, &inodes);
        cri_filesystem_usage_init(usage);
        usage->timestamp = clock_now_ns();
        usage->fs_id = arena_alloc(arena, sizeof(*usage->fs_id));
        cri_filesystem_identifier_init(usage->fs_id);
        usage->fs_id->mountpoint = arena_strdup(arena, path);
        usage->used_bytes = make_count(arena, bytes);
        usage->inodes_used = make_count(arena, inodes);
        usages[0] = usage;
        response->n_image_filesystems = 1;
        response->image_filesystems = usages;
        response->n_container_filesystems = 1;
        response->container_filesystems = usages;
        return true;
}
