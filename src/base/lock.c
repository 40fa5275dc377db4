/* SPDX-License-Identifier: Apache-2.0 */
#include "base/lock.h"

#include <time.h>

/* Bit r is set while this thread holds a lock of rank r. */
static __thread unsigned held;

void lock_init(Lock *lock, LockRank rank) {
        pthread_mutex_init(&lock->mutex, NULL);
        lock->rank = rank;
}

void lock_clear(Lock *lock) {
        pthread_mutex_destroy(&lock->mutex);
}

void lock_take(Lock *lock) {
        if (held >> lock->rank)
                g_error("lock of rank %d taken while holding 0x%x", (int)lock->rank, held);
        pthread_mutex_lock(&lock->mutex);
        held |= 1U << lock->rank;
}

void lock_drop(Lock *lock) {
        held &= ~(1U << lock->rank);
        pthread_mutex_unlock(&lock->mutex);
}

gboolean lock_wait(Lock *lock, pthread_cond_t *condition, gint64 deadline_usec) {
        struct timespec until;

        if (deadline_usec == 0)
                return pthread_cond_wait(condition, &lock->mutex) == 0;
        until.tv_sec = (time_t)(deadline_usec / 1000000);
        until.tv_nsec = (long)(deadline_usec % 1000000) * 1000;
        return pthread_cond_timedwait(condition, &lock->mutex, &until) == 0;
}

void condition_init(pthread_cond_t *condition) {
        pthread_condattr_t attributes;

        pthread_condattr_init(&attributes);
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        pthread_cond_init(condition, &attributes);
        pthread_condattr_destroy(&attributes);
}
