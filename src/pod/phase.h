/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* phase - how far the life of a sandbox or container has been asked to go; on record before it is
 * done. */

#include <stdbool.h>

typedef enum Phase {
        PHASE_CREATING, /* nobody has been told its id */
        PHASE_READY,
        PHASE_STOPPED,  /* sandboxes only: stop was asked for, perhaps not finished */
        PHASE_REMOVING, /* removal was asked for, or a creation failed and something did not let go
                         */
} Phase;

const char *phase_print(Phase phase);
bool phase_parse(const char *word, Phase *ret_phase); /* NULL is no phase */
