/* SPDX-License-Identifier: Apache-2.0 */
#include "image/queue.h"

#include "base/lock.h"

#define SLOTS 4

typedef struct QueueSource {
        Source source;
        Source *input; /* the producer's alone while its thread runs */
        GThread *thread;

        Lock lock;
        pthread_cond_t changed;
        GByteArray *slots[SLOTS];
        unsigned first; /* the oldest full one */
        unsigned full;
        bool handed_out; /* the oldest one is in use by our reader */
        bool ended;      /* the producer has no more */
        bool abandoned;  /* our reader wants no more */
        GError *error;
} QueueSource;

/* Wait for a free slot; NULL when nobody reads any more. */
static GByteArray *take_free(QueueSource *queue) {
        lock_guard(&queue->lock);

        while (queue->full == SLOTS && !queue->abandoned)
                lock_wait(&queue->lock, &queue->changed, 0);
        return queue->abandoned ? NULL : queue->slots[(queue->first + queue->full) % SLOTS];
}

static void put_full(QueueSource *queue) {
        lock_guard(&queue->lock);

        queue->full++;
        pthread_cond_broadcast(&queue->changed);
}

static void put_end(QueueSource *queue, GError *take_error) {
        lock_guard(&queue->lock);

        queue->ended = true;
        queue->error = take_error;
        pthread_cond_broadcast(&queue->changed);
}

static void *produce(void *data) {
        QueueSource *queue = data;
        GError *error = NULL;
        const guint8 *chunk;
        GByteArray *slot;

        while ((slot = take_free(queue))) {
                ssize_t count = source_read(queue->input, &chunk, &error);

                if (count <= 0)
                        break;
                g_byte_array_set_size(slot, 0);
                g_byte_array_append(slot, chunk, (guint) count);
                put_full(queue);
        }
        put_end(queue, error);
        return NULL;
}

static ssize_t queue_read(Source *source, const guint8 **ret_data, GError **error) {
        QueueSource *queue = (QueueSource *) source;
        lock_guard(&queue->lock);

        if (queue->handed_out) {
                queue->handed_out = false;
                queue->first = (queue->first + 1) % SLOTS;
                queue->full--;
                pthread_cond_broadcast(&queue->changed);
        }
        while (queue->full == 0 && !queue->ended)
                lock_wait(&queue->lock, &queue->changed, 0);
        if (queue->full > 0) {
                queue->handed_out = true;
                *ret_data = queue->slots[queue->first]->data;
                return queue->slots[queue->first]->len;
        }
        if (!queue->error)
                return 0;
        g_propagate_error(error, g_error_copy(queue->error));
        return -1;
}

static void abandon(QueueSource *queue) {
        lock_guard(&queue->lock);

        queue->abandoned = true;
        pthread_cond_broadcast(&queue->changed);
}

static void queue_free(Source *source) {
        QueueSource *queue = (QueueSource *) source;

        abandon(queue);
        g_thread_join(queue->thread);
        source_free(queue->input);
        for (unsigned i = 0; i < SLOTS; i++)
                g_byte_array_free(queue->slots[i], TRUE);
        g_clear_error(&queue->error);
        pthread_cond_destroy(&queue->changed);
        lock_clear(&queue->lock);
        g_free(queue);
}

Source *queue_new(Source *take_input) {
        QueueSource *queue = g_new0(QueueSource, 1);

        queue->source = (Source) { queue_read, queue_free };
        queue->input = take_input;
        lock_init(&queue->lock, LOCK_RANK_LEAF);
        condition_init(&queue->changed);
        for (unsigned i = 0; i < SLOTS; i++)
                queue->slots[i] = g_byte_array_sized_new(SOURCE_CHUNK);
        queue->thread = g_thread_new("inflate", produce, queue);
        return &queue->source;
}
