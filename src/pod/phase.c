/* SPDX-License-Identifier: Apache-2.0 */
#include "pod/phase.h"

#include <glib.h>

static const char *const words[] = {
        [PHASE_CREATING] = "creating",
        [PHASE_READY] = "ready",
        [PHASE_STOPPED] = "stopped",
        [PHASE_REMOVING] = "removing",
};

const char *phase_print(Phase phase) {
        return words[phase];
}

bool phase_parse(const char *word, Phase *ret_phase) {
        for (unsigned i = 0; i < G_N_ELEMENTS(words); i++) {
                if (g_strcmp0(word, words[i]) != 0)
                        continue;
                *ret_phase = (Phase)i;
                return true;
        }
        return false;
}
