/* SPDX-License-Identifier: Apache-2.0 */
#include "pod/container.h"

#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "base/log.h"
#include "host/cgroup.h"
#include "pod/container-private.h"
#include "pod/registry.h"
#include "pod/sandbox-private.h"

/* life */

ContainerBase *container_base_new(CriContainerStatus *take_status) {
        ContainerBase *base = g_atomic_rc_box_new0(ContainerBase);

        base->status = take_status;
        return base;
}

ContainerBase *container_base_ref(ContainerBase *base) {
        return g_atomic_rc_box_acquire(base);
}

static void base_clear(void *data) {
        ContainerBase *base = data;

        cri_free(base->status);
}

void container_base_unref(ContainerBase *base) {
        g_atomic_rc_box_release_full(base, base_clear);
}

static void note_step(void *object, const char *step) {
        Container *container = object;

        registry_note_step(container->context->registry, container->name, step);
}

static Container *container_alloc(PodContext *context, const char *id) {
        Container *container = g_atomic_rc_box_new0(Container);

        container->context = context;
        container->id = g_strdup(id);
        container->bundle = g_build_filename(
                context->config->runroot, "overlay-containers", id, "userdata", NULL);
        lock_init(&container->op_lock, LOCK_RANK_CONTAINER);
        lock_init(&container->record_lock, LOCK_RANK_RECORD);
        lock_init(&container->lock, LOCK_RANK_LEAF);
        condition_init(&container->changed);
        container->life = (Lifecycle){.kind = "container",
                .stages = container_stages,
                .count = container_stage_count,
                .object = container,
                .save = container_save,
                .note = note_step};
        return container;
}

static void container_clear(void *data) {
        Container *container = data;

        g_free(container->id);
        g_free(container->name);
        g_free(container->sandbox_id);
        g_free(container->bundle);
        g_free(container->cgroup_path);
        g_free(container->monitor_cgroup);
        g_free(container->log_path);
        g_free(container->message);
        if (container->wish)
                cri_free(container->wish);
        if (container->base)
                container_base_unref(container->base);
        if (container->sandbox)
                sandbox_unref(container->sandbox);
        lock_clear(&container->op_lock);
        lock_clear(&container->record_lock);
        lock_clear(&container->lock);
        pthread_cond_destroy(&container->changed);
}

Container *container_ref(Container *container) {
        return g_atomic_rc_box_acquire(container);
}

void container_unref(Container *container) {
        g_atomic_rc_box_release_full(container, container_clear);
}

char *container_make_name(
        const CriContainerMetadata *metadata, const CriPodSandboxMetadata *sandbox) {
        return g_strdup_printf("k8s_%s_%s_%s_%s_%u", metadata->name, sandbox->name,
                sandbox->namespace_, sandbox->uid, metadata->attempt);
}

static bool check_metadata(const CriContainerConfig *wish, GError **error) {
        if (!wish->metadata || !*wish->metadata->name)
                return fail(error, ERROR_INVALID_ARGUMENT, "the container has no metadata.name");
        if (strlen(wish->metadata->name) > 4096 || strpbrk(wish->metadata->name, "/\n\r\t"))
                return fail(error, ERROR_INVALID_ARGUMENT,
                        "metadata.name of the container is too long or has a character that no "
                        "name has");
        return true;
}

/* Where the log goes: beneath the sandbox's log directory, wherever the request points. */
static bool set_log_path(
        Container *container, const Sandbox *sandbox, const char *log_path, GError **error) {
        g_auto(GStrv) parts = g_strsplit(log_path, "/", -1);

        if (g_strv_contains((const char *const *)parts, ".."))
                return fail(error, ERROR_INVALID_ARGUMENT,
                        "log_path \"%s\" leads out of the log directory", log_path);
        if (*log_path)
                container->log_path = g_build_filename(sandbox->log_dir, log_path, NULL);
        else
                container->log_path =
                        g_strconcat(sandbox->log_dir, "/", container->id, ".log", NULL);
        return true;
}

static bool set_sandbox(Container *container, Sandbox *sandbox, GError **error) {
        g_autofree char *leaf = g_strconcat("crio-", container->id, NULL);

        g_autofree char *monitor_leaf = g_strconcat("crio-conmon-", container->id, NULL);
        const char *monitor_cgroup = runtime_get_config(sandbox->runtime)->monitor_cgroup;

        if (g_str_equal(monitor_cgroup, "pod") &&
                !cgroup_path_build(sandbox_cgroup_parent(sandbox), monitor_leaf,
                        &container->monitor_cgroup, error))
                return false;
        container->sandbox = sandbox_ref(sandbox);
        container->sandbox_id = g_strdup(sandbox->id);
        container->runtime = sandbox->runtime;
        return cgroup_path_build(
                sandbox_cgroup_parent(sandbox), leaf, &container->cgroup_path, error);
}

Container *container_new(
        PodContext *context, Sandbox *sandbox, const CriContainerConfig *wish, GError **error) {
        g_autoptr(Container) container = NULL;
        g_autofree char *id = NULL;

        if (!check_metadata(wish, error))
                return NULL;
        id = id_new();
        container = container_alloc(context, id);
        container->name = container_make_name(wish->metadata, sandbox->wish->metadata);
        container->wish = CRI_COPY(CriContainerConfig, wish);
        container->created_ns = clock_now_ns();
        if (!set_sandbox(container, sandbox, error) ||
                !set_log_path(container, sandbox, wish->log_path, error))
                return NULL;
        return g_steal_pointer(&container);
}

/* the state file */

static void add_facts(const Container *container, Json *state) {
        json_set_string(state, "phase", phase_print(container->phase));
        json_set_int(state, "state", container->state);
        json_set_int(state, "created_ns", container->created_ns);
        json_set_int(state, "started_ns", container->started_ns);
        json_set_int(state, "finished_ns", container->finished_ns);
        json_set_int(state, "exit_code", container->exit_code);
        json_set_bool(state, "oom_killed", container->oom_killed);
        json_set_bool(state, "start_failed", container->start_failed);
        json_set_bool(state, "starting", container->starting);
        json_set_bool(state, "privileged", container->privileged);
        json_set_bool(state, "shares_pid", container->shares_pid);
        json_set_int(state, "stop_signal", container->stop_signal);
        json_set_string(state, "message", container->message);
        state_set_identity(state, "init", &container->init);
        state_set_identity(state, "monitor", &container->monitor);
}

bool container_save(void *object, GError **error) {
        Container *container = object;
        g_autoptr(Json) state = json_new_object();
        ContainerBase *base;

        lock_guard(&container->record_lock);
        if (container->forgotten)
                return true;
        json_set_int(state, "version", STATE_VERSION);
        json_set_string(state, "id", container->id);
        json_set_string(state, "name", container->name);
        json_set_string(state, "sandbox", container->sandbox_id);
        json_set_string(state, "log_path", container->log_path);
        json_set_int(state, "held", container->life.held);
        lock_take(&container->lock);
        add_facts(container, state);
        base = container->base ? container_base_ref(container->base) : NULL;
        lock_drop(&container->lock);
        if (base) {
                state_set_message(state, "status", &base->status->base);
                container_base_unref(base);
        }
        return state_save(container->context->state_dfd, "containers", container->id, state, error);
}

static void read_facts(Container *container, const Json *state) {
        container->state = (CriContainerState)CLAMP(
                json_get_int(state, "state", CRI_CONTAINER_STATE_CONTAINER_UNKNOWN), 0,
                CRI_CONTAINER_STATE_CONTAINER_UNKNOWN);
        container->created_ns = json_get_int(state, "created_ns", 0);
        container->started_ns = json_get_int(state, "started_ns", 0);
        container->finished_ns = json_get_int(state, "finished_ns", 0);
        container->exit_code = (gint32)json_get_int(state, "exit_code", 0);
        container->oom_killed = json_get_bool(state, "oom_killed", false);
        container->start_failed = json_get_bool(state, "start_failed", false);
        container->starting = json_get_bool(state, "starting", false);
        container->privileged = json_get_bool(state, "privileged", false);
        container->shares_pid = json_get_bool(state, "shares_pid", true);
        container->stop_signal = (int)json_get_int(state, "stop_signal", 15);
        container->message = g_strdup(json_get_string(state, "message"));
        container->name = g_strdup(json_get_string(state, "name"));
        container->log_path = g_strdup(json_get_string(state, "log_path"));
        state_get_identity(state, "init", &container->init);
        state_get_identity(state, "monitor", &container->monitor);
        container->life.held =
                (unsigned)CLAMP(json_get_int(state, "held", 0), 0, container->life.count);
}

/* What a container that never became ready has no status for. */
static bool read_base(Container *container, const Json *state, GError **error) {
        CriContainerStatus *status;

        if (!phase_parse(json_get_string(state, "phase"), &container->phase) || !container->name)
                return fail(error, ERROR_UNKNOWN, "container %s: state without phase or name",
                        container->id);
        /* Its creator died before anybody was told the id. */
        if (container->phase == PHASE_CREATING)
                container->phase = PHASE_REMOVING;
        if (!json_get(state, "status"))
                return container->phase != PHASE_READY ||
                       fail(error, ERROR_UNKNOWN, "container %s: state without status",
                               container->id);
        status = state_get_message(state, "status", &cri_container_status_descriptor, error);
        if (status)
                container->base = container_base_new(status);
        return status != NULL;
}

Container *container_load(PodContext *context, const char *id, GError **error) {
        g_autoptr(Json) state = state_load(context->state_dfd, "containers", id, error);
        g_autoptr(Container) container = NULL;
        g_autoptr(Sandbox) sandbox = NULL;
        const char *sandbox_id;

        if (!state)
                return NULL;
        sandbox_id = json_get_string(state, "sandbox");
        sandbox = sandbox_id ? registry_find_sandbox(context->registry, sandbox_id) : NULL;
        if (!sandbox)
                return fail_null(error, ERROR_UNKNOWN,
                        "container %s belongs to no sandbox that is known", id);
        container = container_alloc(context, id);
        read_facts(container, state);
        if (!read_base(container, state, error) || !set_sandbox(container, sandbox, error))
                return NULL;
        return g_steal_pointer(&container);
}

/* reading */

const char *container_get_id(const Container *container) {
        return container->id;
}

const char *container_get_name(const Container *container) {
        return container->name;
}

const char *container_get_sandbox_id(const Container *container) {
        return container->sandbox_id;
}

const char *container_get_cgroup(const Container *container) {
        return container->cgroup_path;
}

const char *container_get_bundle(const Container *container) {
        return container->bundle;
}

bool container_is_privileged(const Container *container) {
        return container->privileged;
}

static const char *get_reason(const Container *container) {
        if (container->state != CRI_CONTAINER_STATE_CONTAINER_EXITED)
                return "";
        if (container->start_failed)
                return "StartError";
        if (container->oom_killed)
                return "OOMKilled";
        return container->exit_code == 0 ? "Completed" : "Error";
}

void container_get_status(Container *container, ContainerStatus *ret_status) {
        lock_guard(&container->lock);
        *ret_status = (ContainerStatus){
                .phase = container->phase,
                .state = container->state,
                .created_ns = container->created_ns,
                .started_ns = container->started_ns,
                .finished_ns = container->finished_ns,
                .exit_code = container->exit_code,
                .reason = get_reason(container),
                .message = g_strdup(container->message ? container->message : ""),
                .pid = container->state == CRI_CONTAINER_STATE_CONTAINER_EXITED
                               ? 0
                               : container->init.pid,
                .base = container->base ? container_base_ref(container->base) : NULL,
        };
        ret_status->fixed = ret_status->base ? ret_status->base->status : NULL;
}

void container_status_clear(ContainerStatus *status) {
        g_clear_pointer(&status->message, g_free);
        g_clear_pointer(&status->base, container_base_unref);
        status->fixed = NULL;
}

bool container_is_owed(Container *container) {
        lock_guard(&container->lock);
        return container->phase == PHASE_REMOVING;
}
