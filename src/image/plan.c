/* SPDX-License-Identifier: Apache-2.0 */
#include "image/plan.h"

#include "base/error.h"
#include "image/policy.h"

static void place_free(void *data) {
        PullPlace *place = data;

        endpoint_free(place->endpoint);
        credentials_free(place->credentials);
        g_free(place);
}

static void name_free(void *data) {
        PullName *name = data;

        image_reference_free(name->reference);
        g_clear_error(&name->refused);
        g_ptr_array_unref(name->places);
        g_free(name);
}

/* What the kubelet sent is for the registry of that name, wherever the host says that it is, but
 * not for a mirror that stands in for it. */
static bool find_credentials(const PullRequest *request, PullPlace *place, GError **error) {
        if (request->credentials && !place->endpoint->is_mirror) {
                place->credentials = credentials_copy(request->credentials);
                return true;
        }
        return credentials_find(request->auth_file, place->endpoint->host, place->endpoint->path,
                                &place->credentials, error);
}

static bool add_places(const PullRequest *request, const Registries *registries, PullName *name,
                       GError **error) {
        g_autoptr(GPtrArray) endpoints = registries_find_endpoints(registries, name->reference,
                                                                   error);

        if (!endpoints)
                return false;
        while (endpoints->len > 0) {
                PullPlace *place = g_new0(PullPlace, 1);

                place->endpoint = g_ptr_array_steal_index(endpoints, 0);
                g_ptr_array_add(name->places, place);
                if (!find_credentials(request, place, error))
                        return false;
        }
        return true;
}

static PullName *make_name(const PullRequest *request, const Registries *registries,
                           const Policy *policy, ImageReference *take_reference) {
        PullName *name = g_new0(PullName, 1);

        name->reference = take_reference;
        name->places = g_ptr_array_new_with_free_func(place_free);
        if (!policy_check(policy, take_reference, &name->refused) ||
            !add_places(request, registries, name, &name->refused))
                g_ptr_array_set_size(name->places, 0);
        return name;
}

GPtrArray *plan_make(const PullRequest *request, GError **error) {
        g_autoptr(Registries) registries = registries_load(request->registries_conf,
                                                           request->registries_conf_dir, error);
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(name_free);
        g_autoptr(GPtrArray) references = NULL;
        g_autoptr(Policy) policy = NULL;

        if (!registries)
                return NULL;
        policy = policy_load(request->signature_policy, request->signature_policy_dir,
                             request->name_space, error);
        if (!policy)
                return NULL;
        references = registries_resolve(registries, request->reference, error);
        if (!references)
                return NULL;
        while (references->len > 0)
                g_ptr_array_add(names, make_name(request, registries, policy,
                                                 g_ptr_array_steal_index(references, 0)));
        return g_steal_pointer(&names);
}
