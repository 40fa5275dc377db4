/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* stop-signal - signals as CRI numbers them and as images write them, to Linux numbers. Threads:
 * any. */

#include <stdbool.h>

#include "cri/types.h"

/* 0 for SIGNAL_RUNTIME_DEFAULT, -1 for a number CRI does not have. */
int stop_signal_from_cri(CriSignal signal);

/* "SIGTERM", "term", "15", "SIGRTMIN+3"; -1 when it is none of them. */
int stop_signal_parse(const char *text);

/* The other way, for the status; SIGNAL_RUNTIME_DEFAULT when CRI has no word for it. */
CriSignal stop_signal_to_cri(int signal);
