/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * types - the CRI messages under short names (CriPodSandboxConfig, CRI_NAMESPACE_MODE_POD).
 *
 * They are plain structs. A request and its answer belong to the arena of their call. Strings are
 * never NULL in an unpacked message; sub-messages are NULL when the sender left them out.
 */

#include "cri/names.h"

#include "cri/map.h"
