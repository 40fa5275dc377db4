/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/process.h"
#include "runtime/runtime.h"

struct Runtime {
        char *name;
        char *path;
        char *root;
        const RuntimeHandlerConfig *config; /* borrowed from the table's snapshot */
        bool systemd_cgroup;

        GThread *asker; /* runs `features` while the daemon starts */
        gsize asked;    /* g_once: features and spec_version are there */
        RuntimeFeatures features;
        char *spec_version;
};

/* runtime-features.c */
void runtime_ask_features(Runtime *runtime);
void runtime_features_clear(RuntimeFeatures *features);
bool runtime_features_parse(
        const char *text, size_t length, RuntimeFeatures *ret_features, GError **error);

/* runtime-oci.c: run the binary with --root and @arguments (NULL-ended). True when it was run,
 * whatever its status. */
bool runtime_call(const Runtime *runtime, const char *const *arguments, const char *input,
        ProcessOutput *ret_output, GError **error);
/* The environment for a runtime: PATH and little else, above all no NOTIFY_SOCKET. Free with
 * g_strfreev(). */
GStrv runtime_make_environment(void);
/* What a runtime wrote, as one line: the last message, without time stamps and level words.
 * g_free(). */
char *runtime_clean_text(const char *text);
