/* SPDX-License-Identifier: Apache-2.0 */
#include "pod/recover.h"

#include "base/error.h"
#include "base/log.h"
#include "pod/container.h"
#include "pod/registry.h"
#include "pod/sandbox.h"
#include "pod/state.h"
#include "storage/rootfs.h"

static void load_sandbox(PodContext *context, const char *id) {
        g_autoptr(GError) error = NULL;
        g_autoptr(Sandbox) sandbox = sandbox_load(context, id, &error);

        if (!sandbox) {
                log_error("sandbox %s cannot be taken over, set aside: %s", id, error->message);
                state_quarantine(context->state_dfd, "sandboxes", id);
                return;
        }
        registry_add_sandbox(context->registry, sandbox);
        if (!sandbox_is_owed(sandbox))
                registry_adopt_name(context->registry, sandbox_get_name(sandbox), id);
}

static void load_container(PodContext *context, const char *id) {
        g_autoptr(GError) error = NULL;
        g_autoptr(Container) container = container_load(context, id, &error);

        if (!container) {
                log_error("container %s cannot be taken over, set aside: %s", id, error->message);
                state_quarantine(context->state_dfd, "containers", id);
                return;
        }
        registry_add_container(context->registry, container);
        if (!container_is_owed(container))
                registry_adopt_name(context->registry, container_get_name(container), id);
}

static bool load_all(PodContext *context, const char *folder,
        void (*load)(PodContext *, const char *), GError **error) {
        g_autoptr(GPtrArray) ids = state_list(context->state_dfd, folder, error);

        if (!ids)
                return false;
        for (unsigned i = 0; i < ids->len; i++)
                load(context, ids->pdata[i]);
        return true;
}

bool recover_load(PodContext *context, GError **error) {
        g_autoptr(GPtrArray) sandboxes = NULL;
        g_autoptr(GPtrArray) containers = NULL;

        if (!load_all(context, "sandboxes", load_sandbox, error) ||
                !load_all(context, "containers", load_container, error))
                return false;
        sandboxes = registry_list_sandboxes(context->registry);
        containers = registry_list_containers(context->registry, NULL);
        for (unsigned i = 0; i < containers->len; i++)
                container_resume(containers->pdata[i]);
        for (unsigned i = 0; i < sandboxes->len; i++)
                sandbox_resume(sandboxes->pdata[i]);
        return true;
}

/* Asked about what is on the host: an object is registered before it acquires anything, so what is
 * not registered by now has no owner. */
static bool is_known(const char *id, void *data) {
        PodContext *context = data;
        g_autoptr(Sandbox) sandbox = registry_find_sandbox(context->registry, id);
        g_autoptr(Container) container = registry_find_container(context->registry, id);

        return sandbox || container;
}

void recover_sweep(PodContext *context) {
        rootfs_sweep(context->store, is_known, context);
        port_mapper_collect(context->ports, is_known, context);
        network_collect(context->network, is_known, context);
}

unsigned recover_finish(PodContext *context) {
        g_autoptr(GPtrArray) sandboxes = registry_list_sandboxes(context->registry);
        g_autoptr(GPtrArray) containers = registry_list_containers(context->registry, NULL);
        unsigned owed = 0;

        for (unsigned i = 0; i < containers->len; i++) {
                g_autoptr(GError) error = NULL;

                if (!container_is_owed(containers->pdata[i]) ||
                        container_remove(containers->pdata[i], &error))
                        continue;
                log_warning("%s; it is tried again", error->message);
                owed++;
        }
        for (unsigned i = 0; i < sandboxes->len; i++) {
                g_autoptr(GError) error = NULL;

                if (!sandbox_is_owed(sandboxes->pdata[i]) ||
                        sandbox_finish(sandboxes->pdata[i], &error))
                        continue;
                log_warning("%s; it is tried again", error->message);
                owed++;
        }
        return owed;
}

bool recover_is_owed(PodContext *context) {
        g_autoptr(GPtrArray) sandboxes = registry_list_sandboxes(context->registry);
        g_autoptr(GPtrArray) containers = registry_list_containers(context->registry, NULL);

        for (unsigned i = 0; i < containers->len; i++)
                if (container_is_owed(containers->pdata[i]))
                        return true;
        for (unsigned i = 0; i < sandboxes->len; i++)
                if (sandbox_is_owed(sandboxes->pdata[i]))
                        return true;
        return false;
}
