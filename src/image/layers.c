/* SPDX-License-Identifier: Apache-2.0 */
#include "image/layers.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/lock.h"
#include "image/cancel.h"
#include "image/fetch.h"
#include "image/report.h"

#define THREADS_LIMIT 4
#define TWO_THREADS_SIZE (4 * 1024 * 1024) /* of a blob */

/* One blob and the places in the image that it fills; the same one may occur more than once. */
typedef struct Job {
        Descriptor blob;
        Digest diff;
        GArray *indexes; /* unsigned */
} Job;

typedef struct Pool {
        const LayersWish *wish;
        Lock lock;
        GPtrArray *jobs; /* biggest first */
        bool spare;      /* there are more processors than jobs */
        guint next;
        GError *error; /* the first */
} Pool;

static void job_free(void *data) {
        Job *job = data;

        g_array_free(job->indexes, TRUE);
        g_free(job);
}

static int compare_size(const void *a, const void *b) {
        const Job *first = *(Job *const *) a;
        const Job *second = *(Job *const *) b;

        return (first->blob.size < second->blob.size) - (first->blob.size > second->blob.size);
}

static Job *find_job(GPtrArray *jobs, const Descriptor *blob, const Digest *diff) {
        for (guint i = 0; i < jobs->len; i++) {
                Job *job = jobs->pdata[i];

                if (digest_equal(&job->blob.digest, &blob->digest) && digest_equal(&job->diff,
                                                                                   diff))
                        return job;
        }
        return NULL;
}

static GPtrArray *make_jobs(const LayersWish *wish, const GArray *indexes) {
        GPtrArray *jobs = g_ptr_array_new_with_free_func(job_free);

        for (guint i = 0; i < indexes->len; i++) {
                unsigned index = g_array_index(indexes, unsigned, i);
                const Descriptor *blob = &wish->manifest->layers[index];
                const Digest *diff = &wish->config->diff_digests[index];
                Job *job = find_job(jobs, blob, diff);

                if (!job) {
                        job = g_new0(Job, 1);
                        job->blob = *blob;
                        job->diff = *diff;
                        job->indexes = g_array_new(FALSE, FALSE, sizeof(unsigned));
                        g_ptr_array_add(jobs, job);
                }
                g_array_append_val(job->indexes, index);
        }
        g_ptr_array_sort(jobs, compare_size);
        return jobs;
}

static bool run_fetch(const Pool *pool, Transport *transport, const Job *job, const GArray *dfds,
                      GError **error) {
        FetchLayer layer = { .blob = job->blob, .diff = job->diff };
        const LayersWish *wish = pool->wish;
        Source *blob;

        layer.dfds = (const int *) (const void *) dfds->data;
        layer.n_dfds = dfds->len;
        layer.two_threads = pool->spare && job->blob.size >= TWO_THREADS_SIZE;
        blob = registry_open_blob(wish->registry, transport, &job->blob.digest, job->blob.size,
                                  error);
        if (!blob || !fetch_layer(&layer, blob, error))
                return false;
        for (guint i = 0; i < job->indexes->len; i++)
                if (!store_transaction_finish_layer(wish->transaction,
                                                    g_array_index(job->indexes, unsigned, i),
                                                    &layer.info, error))
                        return false;
        return true;
}

static bool run_job(const Pool *pool, Transport *transport, const Job *job, GError **error) {
        StoreTransaction *transaction = pool->wish->transaction;
        g_autoptr(GArray) dfds = g_array_new(FALSE, FALSE, sizeof(int));
        bool result = true;

        for (guint i = 0; i < job->indexes->len && result; i++) {
                int dfd = store_transaction_add_layer(transaction,
                                                      g_array_index(job->indexes, unsigned, i),
                                                      error);

                result = dfd >= 0;
                if (result)
                        g_array_append_val(dfds, dfd);
        }
        result = result && run_fetch(pool, transport, job, dfds, error);
        for (guint i = 0; i < dfds->len; i++)
                fd_close(g_array_index(dfds, int, i));
        return result;
}

static const Job *take_job(Pool *pool) {
        lock_guard(&pool->lock);

        return !pool->error &&
        pool->next < pool->jobs->len ? pool->jobs->pdata[pool->next++] : NULL;
}

/* The first failure stops the others at their next chunk; what they say then is of no interest. */
static void keep_error(Pool *pool, GError *take_error) {
        lock_guard(&pool->lock);

        if (!pool->error)
                pool->error = take_error;
        else
                g_error_free(take_error);
        cancel_set();
}

static void work(Pool *pool, Transport *transport) {
        const Job *job;

        while ((job = take_job(pool))) {
                GError *error = NULL;

                if (!run_job(pool, transport, job, &error))
                        keep_error(pool, error);
        }
}

static void *work_thread(void *data) {
        g_autoptr(Transport) transport = transport_new();

        work(data, transport);
        return NULL;
}

static unsigned count_processors(void) {
        return (unsigned) CLAMP(sysconf(_SC_NPROCESSORS_ONLN), 1, THREADS_LIMIT);
}

static bool run_jobs(const LayersWish *wish, const GArray *indexes, GError **error) {
        g_autoptr(GPtrArray) jobs = make_jobs(wish, indexes);
        Pool pool = { .wish = wish, .lock = LOCK_INIT(LOCK_RANK_LEAF), .jobs = jobs };
        GThread *threads[THREADS_LIMIT] = { NULL };
        unsigned processors = count_processors();
        unsigned count = MIN(jobs->len, processors);

        pool.spare = jobs->len < processors;
        for (unsigned i = 1; i < count; i++)
                threads[i] = g_thread_new("layer", work_thread, &pool);
        work(&pool, wish->transport);
        for (unsigned i = 1; i < count; i++)
                g_thread_join(threads[i]);
        if (!pool.error)
                return true;
        g_propagate_error(error, pool.error);
        return false;
}

/* Layers that another pull was fetching and did not bring. */
static bool fetch_orphans(const LayersWish *wish, const StoreLayerState *states, GError **error) {
        g_autoptr(GArray) orphans = g_array_new(FALSE, FALSE, sizeof(unsigned));

        for (unsigned i = 0; i < wish->manifest->n_layers; i++) {
                bool present = true;

                if (states[i] != STORE_LAYER_ELSEWHERE)
                        continue;
                if (!store_transaction_wait_layer(wish->transaction, i, &present, error))
                        return false;
                if (present)
                        report_reuse(wish->config->diff_digests[i].text);
                else
                        g_array_append_val(orphans, i);
        }
        return run_jobs(wish, orphans, error);
}

bool layers_fetch(const LayersWish *wish, GError **error) {
        unsigned count = wish->manifest->n_layers;
        g_autofree StoreLayerState *states = g_new0(StoreLayerState, count + 1);
        g_autoptr(GArray) ours = g_array_new(FALSE, FALSE, sizeof(unsigned));

        if (!store_transaction_want(wish->transaction, wish->config->diff_digests, count, states,
                                    error))
                return false;
        for (unsigned i = 0; i < count; i++) {
                if (states[i] == STORE_LAYER_OURS)
                        g_array_append_val(ours, i);
                else if (states[i] == STORE_LAYER_PRESENT)
                        report_reuse(wish->config->diff_digests[i].text);
        }
        return run_jobs(wish, ours, error) && fetch_orphans(wish, states, error);
}
