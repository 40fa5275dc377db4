/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/error.h"
#include "host/device.h"
#include "runtime/spec-private.h"

#define MAX_DEVICES 4096

static void add_rule(SpecBuild *build, bool allow, const Device *device, const char *access) {
        Json *resources = json_need_object(spec_linux(build), "resources");
        Json *rule = json_append(json_need_array(resources, "devices"), json_new_object());
        char type[2] = {device ? device->type : 'a', '\0'};

        json_set_bool(rule, "allow", allow);
        if (device) {
                json_set_string(rule, "type", type);
                json_set_uint(rule, "major", device->major);
                json_set_uint(rule, "minor", device->minor);
        }
        json_set_string(rule, "access", access);
}

static bool has_device(const Json *devices, const char *path) {
        for (size_t i = 0; i < json_length(devices); i++)
                if (g_strcmp0(json_get_string(json_at(devices, i), "path"), path) == 0)
                        return true;
        return false;
}

static void push_device(SpecBuild *build, Json *devices, const Device *device) {
        const CriLinuxContainerSecurityContext *security = build->security;
        bool own = build->request->config->device_ownership_from_security_context;
        Json *item = json_append(devices, json_new_object());
        char type[2] = {device->type, '\0'};

        json_set_string(item, "path", device->path);
        json_set_string(item, "type", type);
        json_set_uint(item, "major", device->major);
        json_set_uint(item, "minor", device->minor);
        json_set_uint(item, "fileMode", device->mode);
        json_set_uint(item, "uid", own && security->run_as_user ? build->user.uid : device->uid);
        json_set_uint(item, "gid", own && security->run_as_group ? build->user.gid : device->gid);
}

/* Consumes @take_devices, which may be NULL after a failure. */
static bool add_list(SpecBuild *build, GPtrArray *take_devices, bool rules, GError **error) {
        g_autoptr(GPtrArray) list = take_devices;
        Json *devices;

        if (!list)
                return false;
        devices = json_need_array(spec_linux(build), "devices");
        for (guint i = 0; i < list->len; i++) {
                const Device *device = list->pdata[i];

                if (json_length(devices) >= MAX_DEVICES)
                        return fail(error, ERROR_INVALID_ARGUMENT, "devices: more than %u",
                                MAX_DEVICES);
                if (rules && *device->access)
                        add_rule(build, true, device, device->access);
                if (!has_device(devices, device->path))
                        push_device(build, devices, device);
        }
        return true;
}

static bool add_path(SpecBuild *build, const char *host, const char *container,
        const char *permissions, GError **error) {
        g_autofree char *source = spec_clean_path("device: host_path", host, error);
        g_autofree char *target = source ? spec_clean_path("device: container_path",
                                                   *container ? container : source, error)
                                         : NULL;

        if (!target)
                return false;
        if (strcmp(target, "/") == 0 || g_str_has_prefix(target, "/proc/") ||
                g_str_has_prefix(target, "/sys/"))
                return fail(error, ERROR_INVALID_ARGUMENT, "device %s: cannot appear as %s", source,
                        target);
        return add_list(build, device_expand(source, target, permissions, error), true, error);
}

static bool add_text(SpecBuild *build, const char *text, GError **error) {
        g_autofree char *host = NULL;
        g_autofree char *container = NULL;
        g_autofree char *permissions = NULL;

        return device_spec_parse(text, &host, &container, &permissions, error) &&
               add_path(build, host, container, permissions, error);
}

static const char *find_annotation(const SpecBuild *build) {
        const CriPodSandboxConfig *sandbox = build->request->sandbox_wish;
        static const char *const keys[] = {"devices.crio.io", "io.kubernetes.cri-o.Devices"};

        for (unsigned i = 0; i < G_N_ELEMENTS(keys); i++) {
                const char *value =
                        cri_map_get(build->wish->annotations, build->wish->n_annotations, keys[i]);

                if (!value && sandbox)
                        value = cri_map_get(sandbox->annotations, sandbox->n_annotations, keys[i]);
                if (value && spec_annotation_is_allowed(build->request->runtime, keys[i]))
                        return value;
        }
        return NULL;
}

static bool add_annotated(SpecBuild *build, GError **error) {
        const char *text = find_annotation(build);
        g_auto(GStrv) wanted = text ? g_strsplit(text, ",", -1) : NULL;
        const char *const *allowed = (const char *const *)build->request->config->allowed_devices;

        for (unsigned i = 0; wanted && wanted[i]; i++) {
                g_auto(GStrv) parts = g_strsplit(g_strstrip(wanted[i]), ":", 2);

                if (!parts[0] || !allowed || !g_strv_contains(allowed, parts[0]))
                        return fail(error, ERROR_PERMISSION_DENIED,
                                "device %s of the annotation is not in allowed_devices", wanted[i]);
                if (!add_text(build, wanted[i], error))
                        return false;
        }
        return true;
}

bool spec_add_devices(SpecBuild *build, GError **error) {
        const RuntimeHandlerConfig *handler = runtime_get_config(build->request->runtime);
        GStrv additional = build->request->config->additional_devices;
        bool all = build->privileged && !handler->privileged_without_host_devices;

        add_rule(build, all, NULL, "rwm");
        if (all && !add_list(build, device_list_host(error), false, error))
                return false;
        for (unsigned i = 0; additional && additional[i] && !build->infra; i++)
                if (!add_text(build, additional[i], error))
                        return false;
        if (!add_annotated(build, error))
                return false;
        for (size_t i = 0; i < build->wish->n_devices; i++) {
                const CriDevice *device = build->wish->devices[i];

                if (!add_path(build, device->host_path, device->container_path,
                            *device->permissions ? device->permissions : "rwm", error))
                        return false;
        }
        return true;
}
