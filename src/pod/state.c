/* SPDX-License-Identifier: Apache-2.0 */
#include "pod/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/id.h"
#include "base/log.h"

/* A pod with the largest annotations that the API server takes has a state of under 1 MiB. */
#define STATE_LIMIT (8 << 20)

static char *file_name(const char *folder, const char *id) {
        return g_strconcat(folder, "/", id, ".json", NULL);
}

bool state_save(
        int state_dfd, const char *folder, const char *id, const Json *state, GError **error) {
        g_autofree char *name = file_name(folder, id);
        g_autofree char *text = NULL;
        size_t length;

        text = json_print(state, &length);
        return file_publish(state_dfd, name, text, length, 0600, error);
}

Json *state_load(int state_dfd, const char *folder, const char *id, GError **error) {
        g_autofree char *name = file_name(folder, id);
        g_autoptr(Json) state = NULL;
        g_autofree char *text = NULL;
        size_t length;

        if (!file_read(state_dfd, name, STATE_LIMIT, &text, &length, error))
                return NULL;
        state = json_parse(text, length, name, error);
        if (!state)
                return NULL;
        if (json_get_int(state, "version", 0) != STATE_VERSION)
                return fail_null(error, ERROR_UNKNOWN, "%s: written by another version", name);
        return g_steal_pointer(&state);
}

bool state_forget(int state_dfd, const char *folder, const char *id, GError **error) {
        g_autofree char *name = file_name(folder, id);

        if (unlinkat(state_dfd, name, 0) < 0 && errno != ENOENT)
                return fail_errno(error, "remove state file %s", name);
        return true;
}

void state_quarantine(int state_dfd, const char *folder, const char *id) {
        g_autofree char *name = file_name(folder, id);
        g_autofree char *aside = g_strconcat(name, ".damaged", NULL);

        if (renameat(state_dfd, name, state_dfd, aside) < 0)
                log_warning("set %s aside: %s, ignoring", name, g_strerror(errno));
}

GPtrArray *state_list(int state_dfd, const char *folder, GError **error) {
        g_autoptr(GPtrArray) names = dir_list(state_dfd, folder, error);
        GPtrArray *ids;

        if (!names)
                return NULL;
        ids = g_ptr_array_new_with_free_func(g_free);
        for (unsigned i = 0; i < names->len; i++) {
                g_autofree char *id = g_strdup(names->pdata[i]);

                if (!g_str_has_suffix(id, ".json"))
                        continue;
                id[strlen(id) - strlen(".json")] = '\0';
                if (id_is_valid(id))
                        g_ptr_array_add(ids, g_steal_pointer(&id));
        }
        return ids;
}

void state_set_message(Json *state, const char *key, const ProtobufCMessage *message) {
        size_t size = protobuf_c_message_get_packed_size(message);
        g_autofree guint8 *packed = g_malloc(size + 1);
        g_autofree char *text = NULL;

        protobuf_c_message_pack(message, packed);
        text = g_base64_encode(packed, size);
        json_set_string(state, key, text);
}

void *state_get_message(const Json *state, const char *key,
        const ProtobufCMessageDescriptor *descriptor, GError **error) {
        const char *text = json_get_string(state, key);
        g_autofree guint8 *packed = NULL;
        void *message;
        size_t size;

        if (!text)
                return fail_null(error, ERROR_UNKNOWN, "state has no %s", key);
        packed = g_base64_decode(text, &size);
        message = protobuf_c_message_unpack(descriptor, NULL, size, packed);
        if (!message)
                return fail_null(error, ERROR_UNKNOWN, "state has a damaged %s", key);
        return message;
}

void state_set_identity(Json *state, const char *key, const ProcessIdentity *identity) {
        Json *object;

        if (identity->pid <= 0)
                return;
        object = json_set(state, key, json_new_object());
        json_set_int(object, "pid", identity->pid);
        json_set_uint(object, "start_time", identity->start_time);
}

void state_get_identity(const Json *state, const char *key, ProcessIdentity *ret_identity) {
        const Json *object = json_get(state, key);

        ret_identity->pid = (pid_t)json_get_int(object, "pid", 0);
        ret_identity->start_time = (guint64)json_get_int(object, "start_time", 0);
}
