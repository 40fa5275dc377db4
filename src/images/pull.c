/* SPDX-License-Identifier: Apache-2.0 */
#include "images/pull.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/process.h"

/* A line of crio-image is far shorter; a longer one means it is not what we think it is. */
#define LINE_LIMIT 65536
#define LAYER_LIMIT 1000
/* How often a pull that goes on is told of in the log. */
#define LOG_SECONDS 5
/* How long an aborted worker may take to clear its staging before it is killed. */
#define ABORT_SECONDS 10

struct Images {
        char *worker;
        Config *config;
        Store *store;
        Lock lock;
        GHashTable *jobs; /* key -> PullJob */
};

/* One running pull; counted, the thread and each waiter hold a reference. */
typedef struct PullJob {
        Images *images;
        char *key;
        char *reference;
        char *request; /* JSON for the worker's stdin, holds secrets */
        unsigned waiters;
        int done_fd;    /* readable when over */
        int abandon_fd; /* readable when nobody waits */
        char *image_id;
        GError *failure;
        GHashTable *offsets; /* digest -> bytes counted */
        gint64 logged_usec;
} PullJob;

static void job_clear(void *data) {
        PullJob *job = data;

        if (job->request)
                explicit_bzero(job->request, strlen(job->request));
        g_free(job->request);
        g_free(job->key);
        g_free(job->reference);
        g_free(job->image_id);
        g_clear_error(&job->failure);
        g_hash_table_unref(job->offsets);
        fd_close(job->done_fd);
        fd_close(job->abandon_fd);
}

static void job_unref(PullJob *job) {
        g_atomic_rc_box_release_full(job, job_clear);
}

Images *images_new(const char *worker, Config *config, Store *store) {
        Images *images = g_new0(Images, 1);

        images->worker = g_strdup(worker);
        images->config = config_ref(config);
        images->store = store;
        images->jobs = g_hash_table_new(g_str_hash, g_str_equal);
        lock_init(&images->lock, LOCK_RANK_LEAF);
        return images;
}

void images_free(Images *images) {
        if (!images)
                return;
        g_hash_table_unref(images->jobs);
        config_unref(images->config);
        lock_clear(&images->lock);
        g_free(images->worker);
        g_free(images);
}

/* The request to the worker */

static void add_auth(Json *request, const CriAuthConfig *auth) {
        Json *object;

        if (!auth)
                return;
        object = json_set(request, "auth", json_new_object());
        json_set_string(object, "username", auth->username);
        json_set_string(object, "password", auth->password);
        json_set_string(object, "auth", auth->auth);
        json_set_string(object, "server_address", auth->server_address);
        json_set_string(object, "identity_token", auth->identity_token);
        json_set_string(object, "registry_token", auth->registry_token);
}

static char *make_request(const Images *images, const ImagePull *pull) {
        const Config *config = images->config;
        g_autoptr(Json) request = json_new_object();

        json_set_string(request, "reference", pull->reference);
        json_set_string(request, "root", config->root);
        json_set_string(request, "runroot", config->runroot);
        json_set_string(request, "registries_conf", config->registries_conf);
        json_set_string(request, "registries_conf_dir", config->registries_conf_dir);
        json_set_string(request, "auth_file", config->global_auth_file);
        json_set_string(request, "signature_policy", config->signature_policy);
        json_set_string(request, "signature_policy_dir", config->signature_policy_dir);
        json_set_string(request, "namespace", pull->pod_namespace);
        json_set_string(request, "log_level", config->log_level);
        add_auth(request, pull->auth);
        return json_print(request, NULL);
}

/* The worker's answers */

/* The worker tells the offset in each layer, at the latest when it has all of it. */
static void count_bytes(PullJob *job, const char *digest, gint64 offset) {
        gint64 *counted = g_hash_table_lookup(job->offsets, digest);

        if (!counted) {
                counted = g_new0(gint64, 1);
                g_hash_table_insert(job->offsets, g_strdup(digest), counted);
        }
        if (offset <= *counted)
                return;
        metric_add(METRIC_PULL_BYTES, (guint64)(offset - *counted));
        *counted = offset;
}

static void on_progress(PullJob *job, const Json *line) {
        const char *digest = json_get_string(line, "digest");
        gint64 offset = json_get_int(line, "offset", 0);
        gint64 now = clock_monotonic_usec();

        if (!digest || g_hash_table_size(job->offsets) >= LAYER_LIMIT)
                return;
        count_bytes(job, digest, offset);
        if (now - job->logged_usec < LOG_SECONDS * USEC_PER_SEC)
                return;
        job->logged_usec = now;
        log_info("pulling %s: %s at %" G_GINT64_FORMAT " of %" G_GINT64_FORMAT " bytes",
                job->reference, digest, offset, json_get_int(line, "size", 0));
}

static void on_worker_error(PullJob *job, const Json *line) {
        gint64 code = json_get_int(line, "code", ERROR_UNKNOWN);
        const char *message = json_get_string(line, "message");

        if (job->failure)
                return;
        fail(&job->failure,
                code >= 1 && code <= ERROR_IMAGE_VOLUME_MOUNT_FAILED ? (ErrorCode)code
                                                                     : ERROR_UNKNOWN,
                "%s", message ? message : "crio-image failed without a message");
}

static void on_line(PullJob *job, const char *text, size_t length) {
        g_autoptr(Json) line = json_parse(text, length, "crio-image", NULL);
        const char *type = json_get_string(line, "type");

        if (g_strcmp0(type, "progress") == 0)
                on_progress(job, line);
        else if (g_strcmp0(type, "reuse") == 0)
                metric_add(METRIC_LAYER_REUSE, 1);
        else if (g_strcmp0(type, "error") == 0)
                on_worker_error(job, line);
        else if (g_strcmp0(type, "result") == 0 && !job->image_id)
                job->image_id = g_strdup(json_get_string(line, "image_id"));
        else
                log_debug("crio-image: a line that we do not know, ignoring");
}

/* Read lines until the end; false when the job was abandoned or the worker misbehaves. */
static bool read_lines(PullJob *job, int fd) {
        g_autoptr(GString) pending = g_string_new(NULL);
        char chunk[4096];

        for (;;) {
                ssize_t count;
                char *newline;

                if (fd_wait(fd, POLLIN, 0, job->abandon_fd) < 0)
                        return fail(&job->failure, ERROR_CANCELLED, "nobody waits for it any more");
                count = read(fd, chunk, sizeof(chunk));
                if (count <= 0)
                        return true;
                g_string_append_len(pending, chunk, count);
                while ((newline = memchr(pending->str, '\n', pending->len))) {
                        on_line(job, pending->str, (size_t)(newline - pending->str));
                        g_string_erase(pending, 0, newline - pending->str + 1);
                }
                if (pending->len > LINE_LIMIT)
                        return fail(
                                &job->failure, ERROR_INTERNAL, "crio-image wrote an endless line");
        }
}

static Process *start_worker(PullJob *job, int *ret_fd, GError **error) {
        const char *argv[] = {job->images->worker, "pull", NULL};
        int in[2] = {-1, -1}, out[2] = {-1, -1};
        Process *process = NULL;

        if (fd_pipe(in, error) && fd_pipe(out, error)) {
                ProcessOptions options = {.argv = argv, .new_group = true};
                int fds[] = {in[0], out[1], STDERR_FILENO};

                options.fds = fds;
                options.n_fds = 3;
                process = process_spawn(&options, error);
        }
        fd_close_scope(&in[0]);
        fd_close_scope(&out[1]);
        if (process && !fd_write_all(in[1], job->request, strlen(job->request)))
                log_warning("crio-image did not take its request: %s", g_strerror(errno));
        fd_close_scope(&in[1]);
        if (process)
                *ret_fd = out[0];
        else
                fd_close_scope(&out[0]);
        return process;
}

static void end_worker(PullJob *job, Process *process, bool aborted) {
        int status = 0;

        if (aborted)
                process_kill(process, SIGTERM);
        if (!process_wait(
                    process, aborted ? clock_deadline_usec(ABORT_SECONDS) : 0, -1, &status, NULL))
                return; /* process_free() kills it */
        if (!job->failure && (status != 0 || !job->image_id)) {
                g_autofree char *how = process_status_print(status);

                fail(&job->failure, ERROR_UNKNOWN, "crio-image ended with %s and no result", how);
        }
}

static void run_worker(PullJob *job) {
        g_autoptr(Process) process = NULL;
        autofd int fd = -1;

        process = start_worker(job, &fd, &job->failure);
        if (!process)
                return;
        end_worker(job, process, !read_lines(job, fd));
        if (!job->failure)
                store_reload(job->images->store, &job->failure);
}

static void *job_thread(void *data) {
        PullJob *job = data;
        gint64 started = clock_monotonic_usec();

        run_worker(job);
        if (job->failure) {
                metric_add(METRIC_PULL_FAILURE, 1);
                g_prefix_error(&job->failure, "pull %s: ", job->reference);
        } else {
                metric_add(METRIC_PULL_SUCCESS, 1);
                log_info("pulled %s as %s in %d ms", job->reference, job->image_id,
                        (int)((clock_monotonic_usec() - started) / 1000));
        }
        lock_take(&job->images->lock);
        if (g_hash_table_lookup(job->images->jobs, job->key) == job)
                g_hash_table_remove(job->images->jobs, job->key);
        lock_drop(&job->images->lock);
        (void)eventfd_write(job->done_fd, 1);
        job_unref(job);
        return NULL;
}

/* Joining */

/* The same image, credentials and namespace: the same pull. Secrets stay out of the table as they
 * are hashed. */
static char *make_key(const char *request) {
        return g_compute_checksum_for_string(G_CHECKSUM_SHA256, request, -1);
}

/* The running job of @request or a new one, with a reference and counted as a waiter. */
static PullJob *join_or_start(Images *images, const char *reference, char *take_request) {
        g_autofree char *key = make_key(take_request);
        PullJob *job;

        lock_guard(&images->lock);
        job = g_hash_table_lookup(images->jobs, key);
        if (job) {
                explicit_bzero(take_request, strlen(take_request));
                g_free(take_request);
                job->waiters++;
                return g_atomic_rc_box_acquire(job);
        }
        job = g_atomic_rc_box_new0(PullJob);
        job->images = images;
        job->key = g_steal_pointer(&key);
        job->reference = g_strdup(reference);
        job->request = take_request;
        job->waiters = 1;
        job->offsets = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        job->logged_usec = clock_monotonic_usec();
        job->done_fd = eventfd(0, EFD_CLOEXEC);
        job->abandon_fd = eventfd(0, EFD_CLOEXEC);
        g_hash_table_insert(images->jobs, job->key, job);
        g_thread_unref(g_thread_new("pull", job_thread, g_atomic_rc_box_acquire(job)));
        return job;
}

static void leave(Images *images, PullJob *job) {
        lock_guard(&images->lock);
        if (--job->waiters > 0)
                return;
        (void)eventfd_write(job->abandon_fd, 1);
        /* Whoever asks next starts anew and does not join a pull that is being aborted. */
        if (g_hash_table_lookup(images->jobs, job->key) == job)
                g_hash_table_remove(images->jobs, job->key);
}

bool images_pull(
        Images *images, const ImagePull *pull, int cancel_fd, char **ret_image_id, GError **error) {
        PullJob *job = join_or_start(images, pull->reference, make_request(images, pull));
        bool good = fd_wait(job->done_fd, POLLIN, 0, cancel_fd) > 0;

        leave(images, job);
        if (!good) {
                fail(error, ERROR_CANCELLED, "pull %s: the client left", pull->reference);
        } else if (job->failure) {
                good = false;
                g_propagate_error(error, g_error_copy(job->failure));
        } else {
                *ret_image_id = g_strdup(job->image_id);
        }
        job_unref(job);
        return good;
}
