/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * crash - lets the crash walk kill the daemon inside any stage. Only in builds with
 * -Dcrash_walk=true; in all others nothing is compiled in.
 *
 * CRIO_CRASH_AT=KIND/STAGE/POINT, where POINT is before-up, after-up, before-down or after-down,
 * kills the process with SIGKILL when it comes there.
 */

#ifdef CRASH_WALK
void crash_point(const char *kind, const char *stage, const char *point);
#else
static inline void crash_point(const char *kind, const char *stage, const char *point) {
}
#endif
