/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "runtime/runtime-private.h"

/* The newest version whose fields we write. */
#define OUR_VERSION "1.2.0"

void runtime_features_clear(RuntimeFeatures *features) {
        g_clear_pointer(&features->oci_version_min, g_free);
        g_clear_pointer(&features->oci_version_max, g_free);
        g_clear_pointer(&features->mount_options, g_strfreev);
        g_clear_pointer(&features->unsafe_annotations, g_strfreev);
}

static void set_unknown(RuntimeFeatures *features) {
        *features = (RuntimeFeatures){
                .oci_version_min = g_strdup("1.0.0"),
                .oci_version_max = g_strdup("1.0.2"),
                .mount_options = g_new0(char *, 1),
                .unsafe_annotations = g_new0(char *, 1),
        };
}

/* 1.2.3-dev as 1002003; 0 when it is no version. */
static guint version_number(const char *text) {
        guint major = 0, minor = 0, patch = 0;

        if (!text || sscanf(text, "%3u.%3u.%3u", &major, &minor, &patch) != 3)
                return 0;
        return major * 1000000 + minor * 1000 + patch;
}

static char *plain_version(const char *text) {
        guint number = version_number(text);

        return g_strdup_printf("%u.%u.%u", number / 1000000, number / 1000 % 1000, number % 1000);
}

bool runtime_features_parse(
        const char *text, size_t length, RuntimeFeatures *ret_features, GError **error) {
        g_autoptr(Json) json = json_parse(text, length, "features", error);
        const char *low = json_get_string(json, "ociVersionMin");
        const char *high = json_get_string(json, "ociVersionMax");
        const Json *extensions, *idmap;

        if (!json)
                return false;
        if (!version_number(high))
                return fail(error, ERROR_UNKNOWN, "features: no ociVersionMax");
        extensions = json_get(json_get(json, "linux"), "mountExtensions");
        idmap = json_get(extensions, "idmap");
        *ret_features = (RuntimeFeatures){
                .oci_version_min = version_number(low) ? plain_version(low) : g_strdup("1.0.0"),
                .oci_version_max = plain_version(high),
                .idmap_mounts = json_get_bool(idmap, "enabled", false),
                .mount_options = json_get_strings(json, "mountOptions"),
                .unsafe_annotations = json_get_strings(json, "potentiallyUnsafeConfigAnnotations"),
        };
        ret_features->recursive_read_only =
                g_strv_contains((const char *const *)ret_features->mount_options, "rro");
        return true;
}

static bool ask(const Runtime *runtime, RuntimeFeatures *ret_features, GError **error) {
        const char *const arguments[] = {"features", NULL};
        g_auto(ProcessOutput) output = {0};
        g_autofree char *text = NULL;

        if (!runtime_call(runtime, arguments, NULL, &output, error))
                return false;
        if (output.status != 0) {
                text = runtime_clean_text(output.err);
                return fail(error, ERROR_UNKNOWN, "%s", text);
        }
        return runtime_features_parse(output.out, output.out_length, ret_features, error);
}

/* A runtime without `features` is an old one, and treated as such. */
void runtime_ask_features(Runtime *runtime) {
        g_autoptr(GError) error = NULL;

        if (!g_once_init_enter(&runtime->asked))
                return;
        if (!ask(runtime, &runtime->features, &error)) {
                log_info("runtime handler %s does not tell its features (%s), taking it for one of "
                         "OCI 1.0",
                        runtime->name, error->message);
                set_unknown(&runtime->features);
        }
        runtime->spec_version =
                version_number(runtime->features.oci_version_max) < version_number(OUR_VERSION)
                        ? g_strdup(runtime->features.oci_version_max)
                        : g_strdup(OUR_VERSION);
        g_once_init_leave(&runtime->asked, 1);
}
