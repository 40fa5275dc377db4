/* SPDX-License-Identifier: Apache-2.0 */

/* bench-rootfs - what a container root costs beside the bare mount it needs.
 *
 * bench-rootfs [DIRECTORY [ROUNDS]]: for each number of layers, the median of both, measured by
 * turns in the same run, in microseconds. The directory decides on the file system; it must be
 * one that overlay takes for its upper. */

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/id.h"
#include "base/tree.h"
#include "host/mount.h"
#include "storage/rootfs-private.h"

typedef struct Bench {
        char *path;
        Store *store;
        GArray *create, *unmount, *removal, *whole, *mount, *detach, *floor;
} Bench;

static gint64 lap(gint64 *since) {
        gint64 now = clock_monotonic_usec();
        gint64 passed = now - *since;

        *since = now;
        return passed;
}

static void note(GArray *times, gint64 usec) {
        g_array_append_val(times, usec);
}

static int compare(gconstpointer a, gconstpointer b) {
        gint64 x = *(const gint64 *) a, y = *(const gint64 *) b;

        return x < y ? -1 : x > y;
}

static gint64 median(GArray *times) {
        gint64 middle;

        g_array_sort(times, compare);
        middle = g_array_index(times, gint64, times->len / 2);
        g_array_set_size(times, 0);
        return middle;
}

static void check(bool good, GError *error) {
        if (!good) {
                fprintf(stderr, "bench-rootfs: %s\n", error->message);
                exit(1);
        }
}

static void make_layers(Bench *bench, ImageRecord *image, unsigned count) {
        g_autoptr(GStrvBuilder) layers = g_strv_builder_new();
        g_autoptr(GError) error = NULL;

        for (unsigned i = 0; i < count; i++) {
                g_autofree char *id = id_new();
                g_autofree char *diff = g_build_filename(bench->path, "root/overlay", id,
                                                         "diff/etc", NULL);

                check(dir_make(AT_FDCWD, diff, 0755, &error), error);
                g_strv_builder_add(layers, id);
        }
        g_strfreev(image->layers);
        image->layers = g_strv_builder_end(layers);
}

static void measure_root(Bench *bench, ImageRecord *image) {
        g_autofree char *id = id_new();
        g_autofree char *folder = g_build_filename(bench->path, "root/overlay", id, NULL);
        g_autoptr(GError) error = NULL;
        gint64 start = clock_monotonic_usec(), since = start;

        /* The image is in no index; looking it up there costs nothing that could be measured. */
        check(dir_make(AT_FDCWD, folder, 0700, &error), error);
        check(rootfs_make(bench->store, id, image, NULL, &error), error);
        note(bench->create, lap(&since));
        check(rootfs_unmount(bench->store, id, &error), error);
        note(bench->unmount, lap(&since));
        check(rootfs_remove(bench->store, id, &error), error);
        note(bench->removal, lap(&since));
        note(bench->whole, since - start);
}

static void measure_floor(Bench *bench, GStrv lowers, unsigned round) {
        g_autofree char *upper = g_strdup_printf("%s/floor-%u/upper", bench->path, round);
        g_autofree char *work = g_strdup_printf("%s/floor-%u/work", bench->path, round);
        g_autofree char *target = g_strdup_printf("%s/floor-%u/merged", bench->path, round);
        g_autoptr(GError) error = NULL;
        MountOverlay overlay = { .lowers = (const char *const *) lowers,
                                 .n_lowers = g_strv_length(lowers), .upper = upper, .work = work };
        gint64 start, since;

        check(dir_make(AT_FDCWD, upper, 0755, &error), error);
        check(dir_make(AT_FDCWD, work, 0755, &error), error);
        check(dir_make(AT_FDCWD, target, 0755, &error), error);
        start = since = clock_monotonic_usec();
        check(mount_overlay(&overlay, target, &error), error);
        note(bench->mount, lap(&since));
        check(mount_remove(target, &error), error);
        note(bench->detach, lap(&since));
        note(bench->floor, since - start);
}

static void run(Bench *bench, unsigned count, unsigned rounds) {
        g_autoptr(ImageRecord) image = image_record_new();
        g_auto(GStrv) lowers = NULL;
        gint64 whole, floor;

        g_free(image->id);
        image->id = id_new();
        make_layers(bench, image, count);
        lowers = rootfs_list_lowers(bench->store, image);
        for (unsigned i = 0; i < rounds; i++) {
                measure_root(bench, image);
                measure_floor(bench, lowers, count * rounds + i);
        }
        whole = median(bench->whole);
        floor = median(bench->floor);
        printf("%6u %8" G_GINT64_FORMAT " %8" G_GINT64_FORMAT " %8" G_GINT64_FORMAT
               " %8" G_GINT64_FORMAT "   %8" G_GINT64_FORMAT " %8" G_GINT64_FORMAT
               " %8" G_GINT64_FORMAT "   %5.2f\n",
               count, median(bench->create), median(bench->unmount), median(bench->removal), whole,
               median(bench->mount), median(bench->detach), floor,
               (double) whole / (double) MAX(floor, 1));
        fflush(stdout);
}

static GArray *new_times(void) {
        return g_array_new(FALSE, FALSE, sizeof(gint64));
}

int main(int argc, char **argv) {
        static const unsigned counts[] = { 1, 6, 20, 100, 300 };
        unsigned rounds = argc > 2 ? (unsigned) strtoul(argv[2], NULL, 10) : 200;
        g_autofree char *root = NULL, *runroot = NULL;
        g_autoptr(GError) error = NULL;
        Bench bench = { .path = g_strdup_printf("%s/bench-rootfs.XXXXXX",
                                                argc > 1 ? argv[1] : g_get_tmp_dir()) };

        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
            !g_mkdtemp(bench.path)) {
                perror("bench-rootfs: prepare (it needs root)");
                return 1;
        }
        bench.create = new_times();
        bench.unmount = new_times();
        bench.removal = new_times();
        bench.whole = new_times();
        bench.mount = new_times();
        bench.detach = new_times();
        bench.floor = new_times();
        root = g_build_filename(bench.path, "root", NULL);
        runroot = g_build_filename(bench.path, "run", NULL);
        bench.store = store_open(root, runroot, &error);
        check(bench.store, error);
        printf("layers   create  unmount   remove    whole      mount   detach    floor   "
               "whole/floor   (median of %u, us)\n", rounds);
        for (size_t i = 0; i < G_N_ELEMENTS(counts); i++)
                run(&bench, counts[i], MAX(rounds, 1));
        store_free(bench.store);
        check(tree_remove(AT_FDCWD, bench.path, &error), error);
        return 0;
}
