/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* clock - the only source of time; a test can hold it still. Threads: any. */

#include <glib.h>

#define USEC_PER_SEC G_GINT64_CONSTANT(1000000)

gint64 clock_monotonic_usec(void); /* for deadlines */
gint64 clock_now_ns(void);         /* wall clock, nanoseconds since 1970, as CRI wants it */

/* A deadline @seconds from now, in monotonic microseconds. */
gint64 clock_deadline_usec(gint64 seconds);

/* RFC 3339 with nine digits, UTC ("2006-01-02T15:04:05.000000000Z"). Free with g_free(). */
char *clock_format_ns(gint64 ns);

/* Tests only: hold both clocks at these values; 0, 0 lets them run again. */
void clock_hold(gint64 monotonic_usec, gint64 now_ns);
