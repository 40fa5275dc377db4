/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the files of the store share: the directories, staging, claims, and the two index files.
 *
 * The layout is the one of containers/storage, so that podman works on the same root. Its rules
 * hold here too: the index files change only while layers.lock, then images.lock are held, and
 * whoever changed one writes a new token into its lock file. Reading needs no lock, because the
 * files change by rename: images first, layers second, and an image whose layers are not all there
 * does not count.
 */

#include <pthread.h>

#include "base/json.h"
#include "base/lock.h"
#include "storage/store.h"

#define STORE_LAYER_LIMIT 500 /* the kernel's, for one overlay */
#define STORE_INDEX_LIMIT ((size_t) 64 << 20)
#define STORE_RECORD_LIMIT ((size_t) 16 << 20)
#define STORE_RECORD "record.json"
#define STORE_IMAGES "overlay-images"
#define STORE_LAYERS "overlay-layers"
#define STORE_CONTAINERS "overlay-containers" /* of podman and the Go daemon */
#define STORE_STAGING ".staging"
#define STORE_CLAIMS STORE_STAGING "/locks"
#define STORE_ROOT_MARK "image" /* the file that tells a container's root from a layer */

/* The directories of a store, open. Owner: whoever opened it. */
typedef struct StorePlace {
        char *root;
        int root_dfd;
        int overlay_dfd;
} StorePlace;

#define STORE_PLACE_NONE { .root_dfd = -1, .overlay_dfd = -1 }

/* Make what is missing; nobody but root may look inside. */
bool store_place_open(StorePlace *place, const char *root, GError **error);
void store_place_clear(StorePlace *place);

/* Take all but the right to walk through from those who do not own a directory; @name is for
 * errors. */
bool store_close_to_others(int dfd, const char *name, GError **error);

/* A directory below .staging that belongs to this process: what is not published from it goes. */
typedef struct StoreStaging {
        const StorePlace *place;
        char *path; /* relative to overlay_dfd */
        int dfd; /* its flock() keeps others from sweeping it away */
        unsigned count;
} StoreStaging;

StoreStaging *store_staging_new(const StorePlace *place, GError **error);
void store_staging_free(StoreStaging *staging); /* removes it with all inside */
void store_staging_sweep(const StorePlace *place); /* what dead processes left; logs failures */

/* Move @name of @dfd in here, to be deleted by store_staging_free(). Missing: success. */
bool store_staging_take(StoreStaging *staging, int dfd, const char *name, GError **error);

/* A claim is an open file description with a lock on .staging/locks/<layer id>; close it to let
 * go. */
typedef enum StoreClaim {
        STORE_CLAIM_SHARED,
        STORE_CLAIM_EXCLUSIVE,
} StoreClaim;

int store_claim_open(const StorePlace *place, const char *layer_id, GError **error);
bool store_claim_try(int fd, StoreClaim claim);  /* without waiting */
bool store_claim_wait(int fd, StoreClaim claim); /* false with errno set */
void store_claim_drop(const StorePlace *place, const char *layer_id, int fd); /* index locked */
bool store_claim_is_held(const StorePlace *place, const char *layer_id);

/* Both index files, parsed. */
typedef struct StoreIndex {
        const StorePlace *place;
        int layers_lock; /* -1: this is a copy for reading */
        int images_lock;
        Json *images;             /* array, as in images.json */
        Json *layers;             /* array, as in layers.json */
        GHashTable *layer_by_id; /* borrowed from layers */
} StoreIndex;

typedef enum StoreIndexMode {
        STORE_INDEX_READ, /* no lock: a view of one moment */
        STORE_INDEX_WAIT, /* locked */
        STORE_INDEX_TRY,  /* locked, or UNAVAILABLE at once */
} StoreIndexMode;

/* An array in a JSON file below the root: empty when there is no file, NULL with @error when it
 * cannot be understood, so that nobody takes it for empty. */
Json *store_read_array(const StorePlace *place, const char *path, GError **error);

StoreIndex *store_index_open(const StorePlace *place, StoreIndexMode mode, GError **error);
void store_index_free(StoreIndex *index);

/* Replace an index file durably; @take becomes the current content. */
bool store_index_save_images(StoreIndex *index, Json *take, GError **error);
bool store_index_save_layers(StoreIndex *index, Json *take, GError **error);

const Json *store_index_find_image(const StoreIndex *index, const char *id);
const Json *store_index_find_layer(const StoreIndex *index, const char *id);

/* Whether a layer is recorded, complete, and its directory is there. */
bool store_index_has_layer(const StoreIndex *index, const char *id);

/* Ids from @top down to the bottom, returned bottom first; NULL when one is missing, or too many.
 * */
GStrv store_index_chain(const StoreIndex *index, const char *top);

/* Whether we wrote this layer's entry, and its count of inodes. */
bool store_layer_is_ours(const Json *layer, guint64 *ret_entries);

/* Remove layers that nothing uses: those of @candidates (a set of ids), or with NULL all that we
 * wrote. Their directories move to @staging. The index is locked. */
bool store_index_sweep(StoreIndex *index, GHashTable *candidates, StoreStaging *staging,
                       GError **error);

/* The record of an image; NULL when it has none that fits (a warning is logged for a bad one). */
ImageRecord *store_record_load(const StorePlace *place, const char *id);
bool store_record_save(const StorePlace *place, const ImageRecord *record, GError **error);

/* The file name under which containers/storage keeps a piece of an image; free with g_free(). */
char *store_file_name(const char *key);

/* Finish what a crash left: at start-up only. Failures are logged, since each is repaired later. */
void store_recover(const StorePlace *place);

/* One moment of the index, immutable, counted. */
typedef struct StoreView {
        GPtrArray *images;      /* ImageRecord */
        GPtrArray *foreign;     /* ids of images without a record of ours */
        GHashTable *by_id;      /* borrowed from images */
        GHashTable *by_name;    /* names and repo digests; borrowed from images */
        guint64 bytes;          /* of all layers */
        guint64 inodes;
} StoreView;

StoreView *store_view_load(const StorePlace *place, GError **error);
StoreView *store_view_ref(StoreView *view);
void store_view_unref(StoreView *view);

/* What @reference means. @ret_name (may be NULL): the stored name that matched, borrowed from the
 * record; NULL when it was an id. Borrowed from @view; NULL when it means nothing. */
ImageRecord *store_view_find(const StoreView *view, const char *reference, const char **ret_name);

struct Store {
        StorePlace place;
        char *runroot;
        int runroot_dfd;
        Lock lock;              /* leaf: all below */
        StoreView *view;
        guint64 view_number;    /* of the load that made view */
        guint64 next_number;
        GHashTable *roots;      /* container id to image id, "" for none */
        GHashTable *removing;   /* image ids that nobody may begin to use */
};

StoreView *store_get_view(Store *store); /* a new reference */

/* Note that container @id uses @image (NULL: none), unless that is being removed or is gone. */
bool store_use_image(Store *store, const char *id, const ImageRecord *image, GError **error);
void store_unuse_image(Store *store, const char *id);

/* The container or mount that uses the image, or NULL; free with g_free(). */
char *store_find_mount_of(Store *store, const char *image_id);

/* At start-up: drop the notes of image mounts that are gone. */
void store_forget_unmounted(Store *store);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(StoreStaging, store_staging_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StoreIndex, store_index_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StoreView, store_view_unref)
