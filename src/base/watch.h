/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Watch - inotify on one directory, delivered on the main loop.
 *
 * Owner    Whoever made it. Threads: made and freed on the main thread; the callback runs there
 * too.
 */

#include <glib.h>

typedef struct Watch Watch;

/* @name is NULL when events were lost and the directory has to be read again. */
typedef void (*WatchFunc)(const char *name, guint32 mask, void *data);

/* Watch @path for the inotify events @mask; NULL with @error. */
Watch *watch_new(const char *path, guint32 mask, WatchFunc func, void *data, GError **error);
void watch_free(Watch *watch);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Watch, watch_free)
