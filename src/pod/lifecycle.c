/* SPDX-License-Identifier: Apache-2.0 */
#include "pod/lifecycle.h"

#include "base/error.h"
#include "pod/crash.h"

static bool lifecycle_record(Lifecycle *life, unsigned held, GError **error) {
        life->held = held;
        return life->save(life->object, error);
}

static bool stage_up(Lifecycle *life, const Stage *stage, GError **error) {
        bool good;

        if (life->note)
                life->note(life->object, stage->name);
        crash_point(life->kind, stage->name, "before-up");
        good = stage->up(life->object, error);
        crash_point(life->kind, stage->name, "after-up");
        return good;
}

static bool stage_down(Lifecycle *life, const Stage *stage, GError **error) {
        bool good;

        crash_point(life->kind, stage->name, "before-down");
        good = stage->down(life->object, error);
        crash_point(life->kind, stage->name, "after-down");
        return good;
}

/**
 * lifecycle_bring_up() - acquire everything an object holds, stage by stage
 * @life:       a lifecycle that holds nothing yet; the caller has the object's op lock
 * @error:      which stage failed, and why
 *
 * On failure everything is released again; what will not let go stays on record.
 */
bool lifecycle_bring_up(Lifecycle *life, GError **error) {
        for (unsigned i = 0; i < life->count; i++) {
                const Stage *stage = &life->stages[i];
                g_autoptr(GError) stuck = NULL;

                if (lifecycle_record(life, i + 1, error) && stage_up(life, stage, error))
                        continue;

                g_prefix_error(error, "%s: ", stage->name);
                lifecycle_tear_down(life, 0, &stuck);
                error_keep_first(error, &stuck);
                return false;
        }

        return true;
}

/**
 * lifecycle_tear_down() - release what an object holds, last acquired first
 * @life:       a lifecycle in any condition; the caller has the object's op lock
 * @keep:       how many leading stages to leave standing
 * @error:      the first failure; later ones are logged
 *
 * A stage that will not let go does not shield the ones beneath it. The record stays until all of
 * them succeed, so calling again retries; a down() with nothing left to do succeeds.
 */
bool lifecycle_tear_down(Lifecycle *life, unsigned keep, GError **error) {
        GError *first = NULL;

        for (unsigned i = life->held; i > keep; i--) {
                g_autoptr(GError) failure = NULL;

                if (stage_down(life, &life->stages[i - 1], &failure))
                        continue;
                g_prefix_error(&failure, "%s: ", life->stages[i - 1].name);
                error_keep_first(&first, &failure);
        }

        if (!first && lifecycle_record(life, MIN(life->held, keep), &first))
                return true;

        g_propagate_error(error, first);
        return false;
}
