/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * queue - a stage that lets what is beneath it run on a thread of its own, a few chunks ahead.
 *
 * For an image of fewer layers than processors: fetching and inflating beside unpacking.
 */

#include "image/source.h"

/* The thread ends with the source at the latest. */
Source *queue_new(Source *take_input);
