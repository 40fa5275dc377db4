/* SPDX-License-Identifier: Apache-2.0 */
#include "pod/sandbox.h"

#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "base/log.h"
#include "pod/container.h"
#include "pod/exits.h"
#include "pod/registry.h"
#include "pod/sandbox-private.h"

/* Stopping a whole pod: the kubelet has already waited out each container's grace period. */
#define STOP_SECONDS 10

/* life */

static void note_step(void *object, const char *step) {
        Sandbox *sandbox = object;

        registry_note_step(sandbox->context->registry, sandbox->name, step);
}

static Sandbox *sandbox_alloc(PodContext *context, const char *id) {
        Sandbox *sandbox = g_atomic_rc_box_new0(Sandbox);

        sandbox->context = context;
        sandbox->id = g_strdup(id);
        sandbox->run_dir = g_build_filename(
                context->config->runroot, "overlay-containers", id, "userdata", NULL);
        lock_init(&sandbox->op_lock, LOCK_RANK_SANDBOX);
        lock_init(&sandbox->record_lock, LOCK_RANK_RECORD);
        lock_init(&sandbox->lock, LOCK_RANK_LEAF);
        sandbox->life = (Lifecycle){.kind = "sandbox",
                .stages = sandbox_stages,
                .count = sandbox_stage_count,
                .object = sandbox,
                .save = sandbox_save,
                .note = note_step};
        return sandbox;
}

static void sandbox_clear(void *data) {
        Sandbox *sandbox = data;

        g_free(sandbox->id);
        g_free(sandbox->name);
        g_free(sandbox->handler);
        g_free(sandbox->run_dir);
        g_free(sandbox->log_dir);
        g_strfreev(sandbox->ips);
        if (sandbox->wish)
                cri_free(sandbox->wish);
        lock_clear(&sandbox->op_lock);
        lock_clear(&sandbox->record_lock);
        lock_clear(&sandbox->lock);
}

Sandbox *sandbox_ref(Sandbox *sandbox) {
        return g_atomic_rc_box_acquire(sandbox);
}

void sandbox_unref(Sandbox *sandbox) {
        g_atomic_rc_box_release_full(sandbox, sandbox_clear);
}

char *sandbox_make_name(const CriPodSandboxMetadata *metadata) {
        return g_strdup_printf("k8s_%s_%s_%s_%u", metadata->name, metadata->namespace_,
                metadata->uid, metadata->attempt);
}

static void set_wish(Sandbox *sandbox, CriPodSandboxConfig *take_wish) {
        sandbox->wish = take_wish;
        sandbox->name = sandbox_make_name(take_wish->metadata);
        if (*take_wish->log_directory)
                sandbox->log_dir = g_strdup(take_wish->log_directory);
        else
                sandbox->log_dir =
                        g_build_filename(sandbox->context->config->log_dir, sandbox->id, NULL);
}

Sandbox *sandbox_new(
        PodContext *context, const CriPodSandboxConfig *wish, const char *handler, GError **error) {
        const Runtime *runtime = runtime_table_find(context->runtimes, handler, error);
        g_autofree char *id = NULL;
        Sandbox *sandbox;

        if (!runtime || !sandbox_check_wish(wish, error))
                return NULL;
        id = id_new();
        sandbox = sandbox_alloc(context, id);
        sandbox->runtime = runtime;
        sandbox->handler = g_strdup(handler);
        sandbox->created_ns = clock_now_ns();
        set_wish(sandbox, CRI_COPY(CriPodSandboxConfig, wish));
        return sandbox;
}

/* the state file */

static Json *to_json(Sandbox *sandbox) {
        Json *state = json_new_object();

        json_set_int(state, "version", STATE_VERSION);
        json_set_string(state, "id", sandbox->id);
        json_set_string(state, "name", sandbox->name);
        json_set_string(state, "handler", sandbox->handler);
        json_set_int(state, "held", sandbox->life.held);
        state_set_message(state, "wish", &sandbox->wish->base);

        lock_guard(&sandbox->lock);
        json_set_string(state, "phase", phase_print(sandbox->phase));
        json_set_int(state, "created_ns", sandbox->created_ns);
        json_set_strings(state, "ips", (const char *const *)sandbox->ips);
        state_set_identity(state, "infra", &sandbox->infra);
        state_set_identity(state, "infra_monitor", &sandbox->infra_monitor);
        return state;
}

bool sandbox_save(void *object, GError **error) {
        Sandbox *sandbox = object;
        g_autoptr(Json) state = NULL;

        lock_guard(&sandbox->record_lock);
        state = to_json(sandbox);
        return state_save(sandbox->context->state_dfd, "sandboxes", sandbox->id, state, error);
}

static bool from_json(Sandbox *sandbox, const Json *state, GError **error) {
        CriPodSandboxConfig *wish =
                state_get_message(state, "wish", &cri_pod_sandbox_config_descriptor, error);

        if (!wish)
                return false;
        set_wish(sandbox, wish);
        sandbox->handler = g_strdup(json_get_string(state, "handler"));
        sandbox->runtime = runtime_table_find(
                sandbox->context->runtimes, sandbox->handler ? sandbox->handler : "", error);
        if (!sandbox->runtime)
                return false;
        if (!phase_parse(json_get_string(state, "phase"), &sandbox->phase))
                return fail(error, ERROR_UNKNOWN, "sandbox %s: state without phase", sandbox->id);
        /* Its creator died before anybody was told the id. */
        if (sandbox->phase == PHASE_CREATING)
                sandbox->phase = PHASE_REMOVING;
        sandbox->life.held =
                (unsigned)CLAMP(json_get_int(state, "held", 0), 0, sandbox->life.count);
        sandbox->created_ns = json_get_int(state, "created_ns", 0);
        sandbox->ips = json_get_strings(state, "ips");
        state_get_identity(state, "infra", &sandbox->infra);
        state_get_identity(state, "infra_monitor", &sandbox->infra_monitor);
        return true;
}

Sandbox *sandbox_load(PodContext *context, const char *id, GError **error) {
        g_autoptr(Json) state = state_load(context->state_dfd, "sandboxes", id, error);
        g_autoptr(Sandbox) sandbox = NULL;

        if (!state)
                return NULL;
        sandbox = sandbox_alloc(context, id);
        return from_json(sandbox, state, error) ? g_steal_pointer(&sandbox) : NULL;
}

/* changing */

static void set_phase(Sandbox *sandbox, Phase phase) {
        lock_guard(&sandbox->lock);
        /* Removal is never taken back. */
        if (sandbox->phase != PHASE_REMOVING)
                sandbox->phase = phase;
}

static Phase get_phase(Sandbox *sandbox) {
        lock_guard(&sandbox->lock);
        return sandbox->phase;
}

/* The last step of a removal: nothing is held any more. */
static bool forget(Sandbox *sandbox, GError **error) {
        if (!state_forget(sandbox->context->state_dfd, "sandboxes", sandbox->id, error))
                return false;
        registry_release_name(sandbox->context->registry, sandbox->name, sandbox->id);
        registry_drop_sandbox(sandbox->context->registry, sandbox);
        return true;
}

bool sandbox_run(Sandbox *sandbox, gint64 deadline_usec, GError **error) {
        lock_guard(&sandbox->op_lock);

        sandbox->network_deadline_usec = deadline_usec;
        if (lifecycle_bring_up(&sandbox->life, error)) {
                set_phase(sandbox, PHASE_READY);
                if (sandbox_save(sandbox, error))
                        return true;
        }
        g_prefix_error(error, "sandbox %s (%s/%s): ", sandbox->id,
                sandbox->wish->metadata->namespace_, sandbox->wish->metadata->name);
        set_phase(sandbox, PHASE_REMOVING);
        if (lifecycle_tear_down(&sandbox->life, 0, NULL))
                forget(sandbox, NULL);
        return false;
}

typedef struct StopTask {
        Container *container;
        GError *failure;
} StopTask;

static void *stop_thread(void *data) {
        StopTask *task = data;

        container_stop(task->container, 0, clock_deadline_usec(STOP_SECONDS), &task->failure);
        return NULL;
}

/* Stop all containers side by side: one that is slow does not hold up the others. */
static bool stop_containers(Sandbox *sandbox, GError **error) {
        g_autoptr(GPtrArray) containers =
                registry_list_containers(sandbox->context->registry, sandbox->id);
        g_autofree StopTask *tasks = g_new0(StopTask, containers->len);
        g_autofree GThread **threads = g_new0(GThread *, containers->len);
        GError *first = NULL;

        for (unsigned i = 0; i < containers->len; i++) {
                tasks[i].container = containers->pdata[i];
                if (i > 0)
                        threads[i] = g_thread_new("stop", stop_thread, &tasks[i]);
        }
        if (containers->len > 0)
                stop_thread(&tasks[0]);
        for (unsigned i = 0; i < containers->len; i++) {
                if (threads[i])
                        g_thread_join(threads[i]);
                error_keep_first(&first, &tasks[i].failure);
        }
        if (!first)
                return true;
        g_propagate_error(error, first);
        return false;
}

static bool stop_locked(Sandbox *sandbox, GError **error) {
        GError *first = NULL;
        g_autoptr(GError) failure = NULL;

        set_phase(sandbox, PHASE_STOPPED);
        if (!sandbox_save(sandbox, error))
                return false;
        stop_containers(sandbox, &first);
        lifecycle_tear_down(&sandbox->life, SANDBOX_STAGES_STOPPED, &failure);
        error_keep_first(&first, &failure);
        if (!first)
                return true;
        g_propagate_prefixed_error(error, first, "sandbox %s: ", sandbox->id);
        return false;
}

bool sandbox_stop(Sandbox *sandbox, GError **error) {
        lock_guard(&sandbox->op_lock);

        if (get_phase(sandbox) == PHASE_STOPPED && sandbox->life.held <= SANDBOX_STAGES_STOPPED)
                return true;
        return stop_locked(sandbox, error);
}

static bool remove_containers(Sandbox *sandbox, GError **error) {
        g_autoptr(GPtrArray) containers =
                registry_list_containers(sandbox->context->registry, sandbox->id);
        GError *first = NULL;

        for (unsigned i = 0; i < containers->len; i++) {
                g_autoptr(GError) failure = NULL;

                if (!container_remove(containers->pdata[i], &failure))
                        error_keep_first(&first, &failure);
        }
        if (!first)
                return true;
        g_propagate_error(error, first);
        return false;
}

bool sandbox_remove(Sandbox *sandbox, GError **error) {
        lock_guard(&sandbox->op_lock);

        set_phase(sandbox, PHASE_REMOVING);
        if (!sandbox_save(sandbox, error) || !remove_containers(sandbox, error))
                return false;
        if (!lifecycle_tear_down(&sandbox->life, 0, error)) {
                g_prefix_error(error, "sandbox %s: ", sandbox->id);
                return false;
        }
        return forget(sandbox, error);
}

static void on_infra_end(void *data) {
        Sandbox *sandbox = data;

        lock_guard(&sandbox->lock);
        sandbox->lost = true;
}

void sandbox_watch_infra(Sandbox *sandbox) {
        if (sandbox->infra.pid > 0)
                exits_watch(sandbox->context->exits, &sandbox->infra, on_infra_end,
                        sandbox_ref(sandbox), (GDestroyNotify)sandbox_unref);
}

bool sandbox_is_owed(Sandbox *sandbox) {
        lock_guard(&sandbox->lock);
        return sandbox->phase == PHASE_REMOVING ||
               (sandbox->phase == PHASE_STOPPED && sandbox->life.held > SANDBOX_STAGES_STOPPED);
}

void sandbox_resume(Sandbox *sandbox) {
        g_autofree char *uts = sandbox_pin(sandbox, NAMESPACE_UTS);

        if (get_phase(sandbox) != PHASE_READY)
                return;
        if (!namespace_is_pinned(uts)) {
                log_warning(
                        "sandbox %s: its namespaces are gone; it counts as stopped", sandbox->id);
                sandbox->lost = true;
        }
        sandbox_watch_infra(sandbox);
}

bool sandbox_finish(Sandbox *sandbox, GError **error) {
        switch (get_phase(sandbox)) {
        case PHASE_STOPPED:
                return sandbox_stop(sandbox, error);
        case PHASE_REMOVING:
                return sandbox_remove(sandbox, error);
        case PHASE_CREATING:
        case PHASE_READY:
                return true;
        }
        return true;
}

/* reading */

const char *sandbox_get_id(const Sandbox *sandbox) {
        return sandbox->id;
}

const char *sandbox_get_name(const Sandbox *sandbox) {
        return sandbox->name;
}

const char *sandbox_get_handler(const Sandbox *sandbox) {
        return sandbox->handler;
}

const CriPodSandboxConfig *sandbox_get_wish(const Sandbox *sandbox) {
        return sandbox->wish;
}

char *sandbox_get_netns(const Sandbox *sandbox) {
        return sandbox_net_mode(sandbox) == CRI_NAMESPACE_MODE_POD
                       ? sandbox_pin(sandbox, NAMESPACE_NET)
                       : NULL;
}

const char *sandbox_get_run_dir(const Sandbox *sandbox) {
        return sandbox->run_dir;
}

void sandbox_get_status(Sandbox *sandbox, SandboxStatus *ret_status) {
        lock_guard(&sandbox->lock);
        ret_status->phase = sandbox->phase;
        ret_status->ready = sandbox->phase == PHASE_READY && !sandbox->lost;
        ret_status->created_ns = sandbox->created_ns;
        ret_status->ips = g_strdupv(sandbox->ips);
}

void sandbox_status_clear(SandboxStatus *status) {
        g_clear_pointer(&status->ips, g_strfreev);
}
