/* SPDX-License-Identifier: Apache-2.0 */
/* What changes a container: create, start, end, update, remove, resume. */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/log.h"
#include "base/metric.h"
#include "host/cgroup.h"
#include "pod/container-private.h"
#include "pod/crash.h"
#include "pod/exits.h"
#include "pod/registry.h"
#include "pod/sandbox-private.h"

/* The exit code that the field uses where nobody can tell. */
#define EXIT_UNKNOWN 255
/* ... and where a container could not be started. */
#define EXIT_START_FAILED 128
#define KILL_SECONDS      10

static void set_phase(Container *container, Phase phase) {
        lock_guard(&container->lock);
        if (container->phase != PHASE_REMOVING)
                container->phase = phase;
}

static Phase get_phase(Container *container) {
        lock_guard(&container->lock);
        return container->phase;
}

/* Nothing is held any more. */
static bool forget(Container *container, GError **error) {
        bool good;

        lock_take(&container->record_lock);
        good = state_forget(container->context->state_dfd, "containers", container->id, error);
        container->forgotten = good;
        lock_drop(&container->record_lock);
        if (!good)
                return false;
        registry_release_name(container->context->registry, container->name, container->id);
        registry_drop_container(container->context->registry, container);
        return true;
}

/* The end of the process */

static char *bundle_file(const Container *container, const char *name) {
        return g_build_filename(container->bundle, name, NULL);
}

/* What the monitor wrote; false when there is no such file. */
static bool read_exit_file(const Container *container, gint32 *ret_code, gint64 *ret_finished_ns) {
        g_autofree char *path = bundle_file(container, "exit");
        g_autofree char *text = file_read_line(AT_FDCWD, path);
        struct stat status;
        gint64 code;

        if (!text || stat(path, &status) < 0 ||
                !g_ascii_string_to_signed(text, 10, G_MININT32, G_MAXINT32, &code, NULL))
                return false;
        *ret_code = (gint32)code;
        *ret_finished_ns = (gint64)status.st_mtim.tv_sec * 1000000000 + status.st_mtim.tv_nsec;
        return true;
}

static bool was_oom_killed(const Container *container) {
        g_autofree char *path = bundle_file(container, "oom");

        return access(path, F_OK) == 0;
}

static void drop_exit_file(const Container *container) {
        g_autofree char *path = g_build_filename(
                container->context->config->container_exits_dir, container->id, NULL);

        unlink(path);
}

/* The only place that makes a container EXITED. */
static void set_ended(
        Container *container, gint32 exit_code, gint64 finished_ns, const char *message) {
        lock_guard(&container->lock);

        if (container->state == CRI_CONTAINER_STATE_CONTAINER_EXITED)
                return;
        container->state = CRI_CONTAINER_STATE_CONTAINER_EXITED;
        container->exit_code = exit_code;
        container->finished_ns = MAX(finished_ns, container->started_ns);
        container->oom_killed = exit_code != 0 && was_oom_killed(container);
        if (message) {
                g_free(container->message);
                container->message = g_strdup(message);
        }
        if (container->oom_killed)
                metric_add(METRIC_OOM_TOTAL, 1);
        pthread_cond_broadcast(&container->changed);
}

static void *end_children(void *data) {
        Container *container = data;

        cgroup_kill(container->cgroup_path, clock_deadline_usec(KILL_SECONDS), NULL);
        container_unref(container);
        return NULL;
}

static void note_end(
        Container *container, gint32 exit_code, gint64 finished_ns, const char *message) {
        g_autoptr(GError) error = NULL;

        set_ended(container, exit_code, finished_ns, message);
        if (!container_save(container, &error))
                log_warning("container %s: %s, ignoring", container->id, error->message);
        drop_exit_file(container);
        /* Without a PID namespace of its own its children live on; the kernel ends them in all
         * other cases. It may take time, and other containers want to be seen ending. */
        if (container->shares_pid)
                g_thread_unref(
                        g_thread_new("end-children", end_children, container_ref(container)));
}

static void on_orphan_end(void *data) {
        Container *container = data;

        note_end(container, EXIT_UNKNOWN, clock_now_ns(),
                "its monitor was lost, so nobody saw the exit code");
}

static void on_monitor_end(void *data) {
        Container *container = data;
        gint32 code;
        gint64 finished_ns;

        if (read_exit_file(container, &code, &finished_ns)) {
                note_end(container, code, finished_ns, NULL);
                return;
        }
        metric_add(METRIC_MONITOR_LOST, 1);
        log_error("container %s: its monitor ended without an exit file; its log and terminal are "
                  "dead",
                container->id);
        exits_watch(container->context->exits, &container->init, on_orphan_end,
                container_ref(container), (GDestroyNotify)container_unref);
}

void container_watch(Container *container) {
        exits_watch(container->context->exits, &container->monitor, on_monitor_end,
                container_ref(container), (GDestroyNotify)container_unref);
}

bool container_is_alive(Container *container) {
        lock_guard(&container->lock);
        return container->init.pid > 0 && container->state != CRI_CONTAINER_STATE_CONTAINER_EXITED;
}

bool container_wait_end(Container *container, gint64 deadline_usec) {
        lock_guard(&container->lock);
        while (container->state != CRI_CONTAINER_STATE_CONTAINER_EXITED)
                if (!lock_wait(&container->lock, &container->changed, deadline_usec) &&
                        container->state != CRI_CONTAINER_STATE_CONTAINER_EXITED)
                        return false;
        return true;
}

/* Verbs */

static bool sandbox_is_ready(Container *container) {
        g_auto(SandboxStatus) status = {0};

        sandbox_get_status(container->sandbox, &status);
        return status.phase == PHASE_READY;
}

static bool bring_up(Container *container, GError **error) {
        if (!lifecycle_bring_up(&container->life, error))
                return false;
        /* StopPodSandbox first changes the phase and then looks for containers: one of us sees the
         * other. */
        if (!sandbox_is_ready(container))
                return fail(error, ERROR_FAILED_PRECONDITION, "sandbox %s was stopped meanwhile",
                        container->sandbox_id);
        set_phase(container, PHASE_READY);
        return container_save(container, error);
}

bool container_create(Container *container, GError **error) {
        lock_guard(&container->op_lock);

        if (bring_up(container, error)) {
                g_clear_pointer(&container->wish, cri_free);
                return true;
        }
        g_prefix_error(
                error, "container %s (%s): ", container->id, container->wish->metadata->name);
        set_phase(container, PHASE_REMOVING);
        if (lifecycle_tear_down(&container->life, 0, NULL))
                forget(container, NULL);
        return false;
}

/* Mark it as starting, so that a daemon that dies now knows that it may run. @ret_running: somebody
 * was faster, or this is the retry of a request whose answer got lost. */
static bool begin_start(Container *container, bool *ret_running, GError **error) {
        lock_take(&container->lock);
        *ret_running = container->phase == PHASE_READY &&
                       container->state == CRI_CONTAINER_STATE_CONTAINER_RUNNING;
        if (*ret_running) {
                lock_drop(&container->lock);
                return true;
        }
        if (container->phase != PHASE_READY ||
                container->state != CRI_CONTAINER_STATE_CONTAINER_CREATED) {
                lock_drop(&container->lock);
                return fail(error, ERROR_FAILED_PRECONDITION,
                        "container %s is not in created state", container->id);
        }
        container->starting = true;
        container->started_ns = clock_now_ns();
        lock_drop(&container->lock);
        return container_save(container, error);
}

static void end_start(Container *container, const GError *failure) {
        lock_guard(&container->lock);

        container->starting = false;
        if (!failure) {
                /* A short process may have ended already. */
                if (container->state == CRI_CONTAINER_STATE_CONTAINER_CREATED)
                        container->state = CRI_CONTAINER_STATE_CONTAINER_RUNNING;
                return;
        }
        container->start_failed = true;
        g_free(container->message);
        container->message = g_strdup(failure->message);
}

bool container_start(Container *container, GError **error) {
        g_autoptr(GError) failure = NULL;
        bool good, running;

        lock_guard(&container->op_lock);
        if (!begin_start(container, &running, error))
                return false;
        if (running)
                return true;
        crash_point("container", "start", "before-up");
        good = runtime_start(container->runtime, container->id, &failure);
        crash_point("container", "start", "after-up");
        end_start(container, failure);
        if (!good) {
                /* What was created is of no use: end it, keep it for its status. */
                container_stop(container, 0, clock_deadline_usec(KILL_SECONDS), NULL);
                set_ended(container, EXIT_START_FAILED, clock_now_ns(), failure->message);
                container_save(container, NULL);
                g_propagate_prefixed_error(
                        error, g_steal_pointer(&failure), "container %s: start: ", container->id);
                return false;
        }
        return container_save(container, error);
}

bool container_remove(Container *container, GError **error) {
        bool good;

        set_phase(container, PHASE_REMOVING);
        lock_guard(&container->op_lock);
        good = container_save(container, error) && lifecycle_tear_down(&container->life, 0, error);
        if (!good) {
                g_prefix_error(error, "container %s: remove: ", container->id);
                return false;
        }
        return forget(container, error);
}

/* Resources */

static void copy_set_fields(
        CriLinuxContainerResources *into, const CriLinuxContainerResources *from) {
        if (from->cpu_period)
                into->cpu_period = from->cpu_period;
        if (from->cpu_quota)
                into->cpu_quota = from->cpu_quota;
        if (from->cpu_shares)
                into->cpu_shares = from->cpu_shares;
        if (from->memory_limit_in_bytes)
                into->memory_limit_in_bytes = from->memory_limit_in_bytes;
        if (from->memory_swap_limit_in_bytes)
                into->memory_swap_limit_in_bytes = from->memory_swap_limit_in_bytes;
        if (*from->cpuset_cpus)
                into->cpuset_cpus = from->cpuset_cpus;
        if (*from->cpuset_mems)
                into->cpuset_mems = from->cpuset_mems;
        if (from->n_unified) {
                into->n_unified = from->n_unified;
                into->unified = from->unified;
        }
        if (from->n_hugepage_limits) {
                into->n_hugepage_limits = from->n_hugepage_limits;
                into->hugepage_limits = from->hugepage_limits;
        }
}

/* A new base with the changed resources; built of borrowed parts and copied whole. */
static ContainerBase *update_base(
        const ContainerBase *base, const CriLinuxContainerResources *changes) {
        CriLinuxContainerResources merged = CRI_LINUX_CONTAINER_RESOURCES_INIT;
        CriContainerResources resources = CRI_CONTAINER_RESOURCES_INIT;
        CriContainerStatus status = *base->status;

        if (status.resources && status.resources->linux)
                merged = *status.resources->linux;
        copy_set_fields(&merged, changes);
        resources.linux = &merged;
        status.resources = &resources;
        return container_base_new(CRI_COPY(CriContainerStatus, &status));
}

/* The kernel would kill processes to get below the new limit. */
static bool check_memory(
        const Container *container, const CriLinuxContainerResources *resources, GError **error) {
        const char *file = cgroup_is_unified() ? "memory.current" : "memory.usage_in_bytes";
        g_autofree char *text = cgroup_read(container->cgroup_path, "memory", file);
        gint64 usage;

        if (resources->memory_limit_in_bytes <= 0 || !text ||
                !g_ascii_string_to_signed(text, 10, 0, G_MAXINT64, &usage, NULL) ||
                resources->memory_limit_in_bytes >= usage)
                return true;
        return fail(error, ERROR_INVALID_ARGUMENT,
                "cannot set memory limit of container %s to %" G_GINT64_FORMAT
                " bytes: it uses %" G_GINT64_FORMAT " bytes now",
                container->id, resources->memory_limit_in_bytes, usage);
}

bool container_update(
        Container *container, const CriLinuxContainerResources *resources, GError **error) {
        ContainerBase *base, *old;

        lock_guard(&container->op_lock);
        if (!container_is_alive(container))
                return fail(error, ERROR_FAILED_PRECONDITION,
                        "container %s is not running or created", container->id);
        if (!check_memory(container, resources, error))
                return false;
        if (!runtime_update(container->runtime, container->id, resources, error)) {
                g_prefix_error(error, "container %s: update: ", container->id);
                return false;
        }
        base = update_base(container->base, resources);
        lock_take(&container->lock);
        old = container->base;
        container->base = base;
        lock_drop(&container->lock);
        container_base_unref(old);
        return container_save(container, error);
}

bool container_reopen_log(Container *container, gint64 deadline_usec, GError **error) {
        if (!container_is_alive(container))
                return fail(error, ERROR_FAILED_PRECONDITION, "container %s is not running",
                        container->id);
        return monitor_reopen_log(container->bundle, container->log_path, deadline_usec, error);
}

bool container_exec_sync(Container *container, const char *const *command, gint64 timeout_sec,
        int cancel_fd, MonitorExecResult *ret_result, GError **error) {
        MonitorExec exec = {.config = container->context->config,
                .runtime = container->runtime,
                .id = container->id,
                .bundle = container->bundle,
                .command = command,
                .timeout_sec = timeout_sec,
                .cancel_fd = cancel_fd};
        CriContainerState state;

        lock_take(&container->lock);
        state = container->state;
        lock_drop(&container->lock);
        if (state != CRI_CONTAINER_STATE_CONTAINER_RUNNING)
                return fail(error, ERROR_FAILED_PRECONDITION, "container %s is not running",
                        container->id);
        return monitor_exec_sync(&exec, ret_result, error);
}

/* After a restart */

/* A daemon that died around `start` cannot know which side it was on: ask the runtime, once. */
static void settle_start(Container *container) {
        bool running = false;
        g_autoptr(GError) error = NULL;

        if (!container->starting)
                return;
        if (!runtime_is_running(container->runtime, container->id, &running, &error))
                log_warning("container %s: %s, taking it for not started", container->id,
                        error->message);
        lock_take(&container->lock);
        container->starting = false;
        if (running && container->state == CRI_CONTAINER_STATE_CONTAINER_CREATED)
                container->state = CRI_CONTAINER_STATE_CONTAINER_RUNNING;
        lock_drop(&container->lock);
        container_save(container, NULL);
}

void container_resume(Container *container) {
        if (get_phase(container) != PHASE_READY ||
                container->state == CRI_CONTAINER_STATE_CONTAINER_EXITED)
                return;
        settle_start(container);
        container_watch(container);
}
