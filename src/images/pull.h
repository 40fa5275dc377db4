/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Images - pulls images by running crio-image; what a registry sends is never parsed here.
 *
 * Owner    The daemon. Threads: any. Pulls of one reference with one set of credentials are joined;
 * a pull that nobody waits for any more is cancelled.
 */

#include <glib.h>
#include <stdbool.h>

#include "config/config.h"
#include "cri/types.h"
#include "storage/store.h"

typedef struct Images Images;

/* @worker: path of crio-image. @config and @store are borrowed for its life. */
Images *images_new(const char *worker, Config *config, Store *store);
void images_free(Images *images);

/* What to pull, and as whom. Borrowed. */
typedef struct ImagePull {
        const char *reference;
        const CriAuthConfig *auth; /* may be NULL */
        const char *pod_namespace; /* "" outside a pod */
} ImagePull;

/* Pull and wait. @cancel_fd readable: stop waiting. */
bool images_pull(Images *images, const ImagePull *pull, int cancel_fd, char **ret_image_id,
        GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Images, images_free)
