/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * lock - a thin skin over pthread mutexes with one global order.
 *
 * A thread may take a lock only if its rank is higher than that of every lock it holds; breaking
 * the order aborts in every build, since it costs two instructions and a deadlock costs a node. Op
 * locks (sandbox, container) are held through a whole change; a leaf lock protects a few fields for
 * a few instructions.
 */

#include <glib.h>
#include <pthread.h>

typedef enum LockRank {
        LOCK_RANK_SANDBOX = 1,
        LOCK_RANK_CONTAINER,
        LOCK_RANK_RECORD, /* one writer of a state file or the port maps; may wait for a tool */
        LOCK_RANK_LEAF,
} LockRank;

typedef struct Lock {
        pthread_mutex_t mutex;
        LockRank rank;
} Lock;

#define LOCK_INIT(r)                                                                               \
        { .mutex = PTHREAD_MUTEX_INITIALIZER, .rank = (r) }

void lock_init(Lock *lock, LockRank rank);
void lock_clear(Lock *lock);
void lock_take(Lock *lock);
void lock_drop(Lock *lock);

/* Wait on @condition (made with condition_init) with @lock held, until signalled or @deadline_usec
 * (monotonic, 0 = none). FALSE when time ran out. Spurious wake-ups happen: loop on the state. */
gboolean lock_wait(Lock *lock, pthread_cond_t *condition, gint64 deadline_usec);
void condition_init(pthread_cond_t *condition);

typedef Lock LockGuard;

static inline LockGuard *lock_guard_new(Lock *lock) {
        lock_take(lock);
        return lock;
}

static inline void lock_guard_drop(LockGuard *lock) {
        lock_drop(lock);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(LockGuard, lock_guard_drop)

#define LOCK_PASTE_(a, b) a##b
#define LOCK_PASTE(a, b)  LOCK_PASTE_(a, b)
#define lock_guard(l)                                                                              \
        g_autoptr(LockGuard) LOCK_PASTE(guard_, __LINE__) G_GNUC_UNUSED = lock_guard_new(l)
