/* SPDX-License-Identifier: Apache-2.0 */

/* cgroup-kill - the end of everything that runs in a cgroup. */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "host/cgroup-private.h"

#define DEPTH_LIMIT 64
#define BATCH       256 /* processes that are signalled at once; each costs a descriptor */

static void list_in(int dfd, const char *name, unsigned depth, GHashTable *pids) {
        autofd int child = openat(dfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        g_autoptr(GPtrArray) children = NULL;
        g_autofree char *text = child < 0 ? NULL : file_read_line(child, "cgroup.procs");
        g_auto(GStrv) lines = g_strsplit(text ? text : "", "\n", -1);
        guint64 pid;

        if (child < 0)
                return;
        /* A process of another PID namespace is shown as 0, which kill() takes for ourselves. */
        for (unsigned i = 0; lines[i]; i++)
                if (g_ascii_string_to_unsigned(lines[i], 10, 1, G_MAXINT, &pid, NULL))
                        g_hash_table_add(pids, GINT_TO_POINTER((int) pid));
        children = cgroup_children(child);
        for (guint i = 0; depth < DEPTH_LIMIT && i < children->len; i++)
                list_in(child, g_ptr_array_index(children, i), depth + 1, pids);
}

/* The processes in a cgroup and below, of all hierarchies. */
static GHashTable *list_pids(const char *path) {
        const GPtrArray *all = cgroup_hierarchies();
        GHashTable *pids = g_hash_table_new(NULL, NULL);

        for (guint i = 0; i < all->len; i++)
                list_in(((const CgroupHierarchy *) all->pdata[i])->dfd, path + 1, 0, pids);
        return pids;
}

static void pidfd_free(void *data) {
        fd_close(GPOINTER_TO_INT(data));
}

/* Descriptors of up to BATCH processes of the list, by pid. */
static GHashTable *open_pids(GHashTable *pids) {
        GHashTable *opened = g_hash_table_new_full(NULL, NULL, NULL, pidfd_free);
        GHashTableIter each;
        void *pid;

        g_hash_table_iter_init(&each, pids);
        while (g_hash_table_size(opened) < BATCH && g_hash_table_iter_next(&each, &pid, NULL)) {
                int fd = (int) syscall(SYS_pidfd_open, GPOINTER_TO_INT(pid), 0);

                if (fd >= 0)
                        g_hash_table_insert(opened, pid, GINT_TO_POINTER(fd));
        }
        return opened;
}

static bool has_ended(int pidfd) {
        struct pollfd ended = { .fd = pidfd, .events = POLLIN };

        return poll(&ended, 1, 0) == 1;
}

/* Signal each process that is in the list again now that its descriptor holds it: a pid that was
 * used anew in between belongs to somebody else. Returns how many there were. */
static unsigned signal_pids(const char *path, GHashTable *opened) {
        g_autoptr(GHashTable) again = list_pids(path);
        GHashTableIter each;
        unsigned count = 0;
        void *pid;
        void *fd;

        g_hash_table_iter_init(&each, opened);
        while (g_hash_table_iter_next(&each, &pid, &fd)) {
                bool ours = g_hash_table_contains(again, pid) && !has_ended(GPOINTER_TO_INT(fd));

                if (ours &&
                    syscall(SYS_pidfd_send_signal, GPOINTER_TO_INT(fd), SIGKILL, NULL, 0) == 0)
                        count++;
                else
                        g_hash_table_iter_remove(&each);
        }
        return count;
}

static bool wait_pids(const char *path, GHashTable *opened, gint64 deadline_usec, GError **error) {
        GHashTableIter each;
        void *pid;
        void *fd;

        g_hash_table_iter_init(&each, opened);
        while (g_hash_table_iter_next(&each, &pid, &fd))
                if (fd_wait(GPOINTER_TO_INT(fd), POLLIN, deadline_usec, -1) == 0)
                        return fail(error, ERROR_DEADLINE_EXCEEDED,
                                    "kill cgroup %s: process %d does not end", path,
                                    GPOINTER_TO_INT(pid));
        return true;
}

/* Until nothing is left: what was forked meanwhile is in the next list. */
static bool kill_listed(const char *path, gint64 deadline_usec, GError **error) {
        for (;;) {
                g_autoptr(GHashTable) pids = list_pids(path);
                g_autoptr(GHashTable) opened = open_pids(pids);

                if (signal_pids(path, opened) == 0)
                        return true;
                if (!wait_pids(path, opened, deadline_usec, error))
                        return false;
        }
}

static bool is_populated(int fd) {
        char text[256];
        ssize_t length = pread(fd, text, sizeof(text) - 1, 0);

        if (length <= 0)
                return false; /* the cgroup is gone */
        text[length] = '\0';
        return strstr(text, "populated 1") != NULL;
}

/* The kernel's own kill leaves nobody out, forks included. False when it has none (before 5.14). */
static bool kill_unified(const CgroupHierarchy *hierarchy, const char *path) {
        g_autofree char *order = g_strconcat(path + 1, "/cgroup.kill", NULL);

        return hierarchy->unified && file_write(hierarchy->dfd, order, "1");
}

static bool wait_unified(const CgroupHierarchy *hierarchy, const char *path, gint64 deadline_usec,
                         GError **error) {
        g_autofree char *name = g_strconcat(path + 1, "/cgroup.events", NULL);
        autofd int fd = openat(hierarchy->dfd, name, O_RDONLY | O_CLOEXEC);

        while (fd >= 0 && is_populated(fd))
                if (fd_wait(fd, POLLPRI, deadline_usec, -1) == 0)
                        return fail(error, ERROR_DEADLINE_EXCEEDED,
                                    "kill cgroup %s: some process does not end", path);
        return true;
}

bool cgroup_kill(const char *path, gint64 deadline_usec, GError **error) {
        const GPtrArray *all = cgroup_hierarchies();
        g_autoptr(GHashTable) pids = NULL;
        bool killed = false;

        if (!cgroup_path_check(path, error))
                return false;
        pids = list_pids(path);
        if (g_hash_table_contains(pids, GINT_TO_POINTER(getpid())))
                return fail(error, ERROR_FAILED_PRECONDITION,
                            "kill cgroup %s: the daemon itself is in it", path);
        for (guint i = 0; i < all->len; i++)
                killed |= kill_unified(all->pdata[i], path);
        if (!(killed && cgroup_is_unified()) && !kill_listed(path, deadline_usec, error))
                return false;
        for (guint i = 0; i < all->len; i++) {
                const CgroupHierarchy *hierarchy = all->pdata[i];

                if (hierarchy->unified && !wait_unified(hierarchy, path, deadline_usec, error))
                        return false;
        }
        return true;
}
