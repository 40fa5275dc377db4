/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <time.h>

static gint64 held_usec;
static gint64 held_ns;

static gint64 read_ns(clockid_t id) {
        struct timespec now;

        clock_gettime(id, &now);
        return (gint64)now.tv_sec * 1000000000 + now.tv_nsec;
}

gint64 clock_monotonic_usec(void) {
        return held_usec ? held_usec : read_ns(CLOCK_MONOTONIC) / 1000;
}

gint64 clock_now_ns(void) {
        return held_ns ? held_ns : read_ns(CLOCK_REALTIME);
}

gint64 clock_deadline_usec(gint64 seconds) {
        return clock_monotonic_usec() + seconds * USEC_PER_SEC;
}

char *clock_format_ns(gint64 ns) {
        time_t seconds = (time_t)(ns / 1000000000);
        struct tm parts;
        char text[32];

        gmtime_r(&seconds, &parts);
        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &parts);
        return g_strdup_printf("%s.%09dZ", text, (int)(ns % 1000000000));
}

void clock_hold(gint64 monotonic_usec, gint64 now_ns) {
        held_usec = monotonic_usec;
        held_ns = now_ns;
}
