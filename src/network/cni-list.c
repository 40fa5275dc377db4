/* SPDX-License-Identifier: Apache-2.0 */
#include "network/cni-list.h"

#include "base/error.h"
#include "network/cni-result.h"

/* Only what the plugin declared and what we have; all other members of its object go through as
 * they are. */
static Json *make_request(const CniConfig *config, size_t index, const Json *capabilities,
                          const Json *result) {
        Json *request = json_copy(cni_config_plugin(config, index));
        const Json *declared = json_get(request, "capabilities");

        for (size_t i = 0; i < json_length(capabilities); i++) {
                const char *key = json_key_at(capabilities, i);

                if (json_get_bool(declared, key, false))
                        json_set(json_need_object(request, "runtimeConfig"), key,
                                 json_copy(json_at(capabilities, i)));
        }
        json_remove(request, "capabilities");
        json_set_string(request, "name", config->name);
        json_set_string(request, "cniVersion", config->version);
        if (result)
                json_set(request, "prevResult", json_copy(result));
        return request;
}

char *cni_list_request(const CniConfig *config, size_t index, const Json *capabilities,
                       const Json *result) {
        g_autoptr(Json) request = make_request(config, index, capabilities, result);

        return json_print(request, NULL);
}

static void name_network(const CniConfig *config, GError **error) {
        g_prefix_error(error, "network %s: ", config->name);
}

static bool add_one(const CniConfig *config, const CniCall *call, size_t index,
                    const char *request, char **ret_text, GError **error) {
        g_autofree char *text = NULL;

        if (!cni_exec(call, cni_config_type(config, index), request, &text, error)) {
                name_network(config, error);
                return false;
        }
        g_free(*ret_text);
        *ret_text = g_steal_pointer(&text);
        return true;
}

bool cni_list_add(const CniConfig *config, const CniCall *call, const Json *capabilities,
                  Json **ret_result, char **ret_text, GError **error) {
        g_autoptr(Json) result = NULL;
        g_autofree char *text = NULL;
        CniCall add = *call;

        add.command = "ADD";
        for (size_t i = 0; i < cni_config_length(config); i++) {
                g_autofree char *request = cni_list_request(config, i, capabilities, result);
                g_autofree char *source = NULL;

                if (!add_one(config, &add, i, request, &text, error))
                        return false;
                source = g_strdup_printf("network %s: the result of CNI plugin %s", config->name,
                                         cni_config_type(config, i));
                json_free(result);
                result = cni_result_parse(text, strlen(text), config->version, source, error);
                if (!result)
                        return false;
        }
        *ret_result = g_steal_pointer(&result);
        if (ret_text)
                *ret_text = g_steal_pointer(&text);
        return true;
}

/* The cached result in the form that the plugins expect; without one they have to do with less. */
static Json *previous_result(const CniConfig *config, const Json *result) {
        if (!result || !cni_version_at_least(config->version, "0.4.0"))
                return NULL;
        return cni_result_convert(result, config->version, NULL);
}

bool cni_list_delete(const CniConfig *config, const CniCall *call, const Json *capabilities,
                     const Json *result, GError **error) {
        g_autoptr(Json) previous = previous_result(config, result);
        g_autoptr(GError) first = NULL;
        CniCall del = *call;

        del.command = "DEL";
        for (size_t i = cni_config_length(config); i-- > 0;) {
                g_autofree char *request = cni_list_request(config, i, capabilities, previous);
                g_autoptr(GError) failure = NULL;

                if (!cni_exec(&del, cni_config_type(config, i), request, NULL, &failure))
                        error_keep_first(&first, &failure);
        }
        if (!first)
                return true;
        name_network(config, &first);
        g_propagate_error(error, g_steal_pointer(&first));
        return false;
}

bool cni_list_check(const CniConfig *config, const CniCall *call, const Json *capabilities,
                    const Json *result, GError **error) {
        g_autoptr(Json) previous = previous_result(config, result);
        CniCall check = *call;

        if (config->disable_check || !cni_version_at_least(config->version, "0.4.0"))
                return true;
        if (!previous)
                return fail(error, ERROR_FAILED_PRECONDITION,
                            "network %s: no result of an ADD to check against", config->name);
        check.command = "CHECK";
        for (size_t i = 0; i < cni_config_length(config); i++) {
                g_autofree char *request = cni_list_request(config, i, capabilities, previous);

                if (!cni_exec(&check, cni_config_type(config, i), request, NULL, error)) {
                        name_network(config, error);
                        return false;
                }
        }
        return true;
}

bool cni_list_has_status(const CniConfig *config) {
        return cni_version_at_least(config->version, "1.1.0");
}

bool cni_list_status(const CniConfig *config, const CniCall *call, GError **error) {
        CniCall status = *call;

        status.command = "STATUS";
        for (size_t i = 0; i < cni_config_length(config); i++) {
                g_autofree char *request = cni_list_request(config, i, NULL, NULL);

                if (!cni_exec(&status, cni_config_type(config, i), request, NULL, error)) {
                        name_network(config, error);
                        return false;
                }
        }
        return true;
}

bool cni_list_has_gc(const CniConfig *config) {
        return !config->disable_gc && cni_version_at_least(config->version, "1.1.0");
}

bool cni_list_gc(const CniConfig *config, const CniCall *call, const Json *attachments,
                 GError **error) {
        g_autoptr(GError) first = NULL;
        CniCall gc = *call;

        gc.command = "GC";
        for (size_t i = 0; i < cni_config_length(config); i++) {
                g_autoptr(Json) request = make_request(config, i, NULL, NULL);
                g_autoptr(GError) failure = NULL;
                g_autofree char *text = NULL;

                json_set(request, "cni.dev/valid-attachments", json_copy(attachments));
                /* The name that the specification had by mistake; plugins read one or the other. */
                json_set(request, "cni.dev/attachments", json_copy(attachments));
                text = json_print(request, NULL);
                if (!cni_exec(&gc, cni_config_type(config, i), text, NULL, &failure))
                        error_keep_first(&first, &failure);
        }
        if (!first)
                return true;
        name_network(config, &first);
        g_propagate_error(error, g_steal_pointer(&first));
        return false;
}
