/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/process-tree.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"

#define MAX_MEMBERS 4096
#define MAX_PASSES  64

#ifndef PIDFD_SIGNAL_PROCESS_GROUP
#define PIDFD_SIGNAL_PROCESS_GROUP (1u << 2) /* Linux 6.9 */
#endif

typedef struct Member {
        pid_t pid;
        int pidfd;
} Member;

static void member_clear(void *data) {
        Member *member = data;

        fd_close(member->pidfd);
}

bool process_tree_field(pid_t pid, unsigned field, guint64 *ret_value) {
        g_autofree char *path = g_strdup_printf("/proc/%d/stat", (int)pid);
        g_autofree char *text = file_read_line(AT_FDCWD, path);
        /* The name in parentheses may hold anything, more parentheses too. */
        const char *rest = text ? strrchr(text, ')') : NULL;

        for (unsigned i = 2; rest && i < field; i++)
                rest = strchr(rest + 1, ' ');
        if (!rest)
                return false;
        *ret_value = g_ascii_strtoull(rest + 1, NULL, 10);
        return true;
}

pid_t process_tree_parent(pid_t pid) {
        guint64 value;

        return process_tree_field(pid, 4, &value) ? (pid_t)value : 0;
}

static void send_signal(const Member *member, int number, unsigned flags) {
        (void)syscall(SYS_pidfd_send_signal, member->pidfd, number, NULL, flags);
}

static bool knows(const GArray *members, pid_t pid) {
        for (guint i = 0; i < members->len; i++)
                if (g_array_index(members, Member, i).pid == pid)
                        return true;
        return false;
}

/* Hold and stop one process. Its parent is looked at after the pidfd is open: only then is it
 * certain who that is. */
static bool add(GArray *members, pid_t pid, pid_t parent) {
        Member member = {.pid = pid};

        if (members->len >= MAX_MEMBERS || knows(members, pid))
                return false;
        member.pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
        if (member.pidfd < 0)
                return false;
        if (process_tree_parent(pid) != parent) {
                fd_close(member.pidfd);
                return false;
        }
        send_signal(&member, SIGSTOP, 0);
        g_array_append_val(members, member);
        return true;
}

static bool add_children_of_thread(GArray *members, pid_t pid, const char *thread) {
        g_autofree char *path = g_strdup_printf("/proc/%d/task/%s/children", (int)pid, thread);
        g_autofree char *text = file_read_line(AT_FDCWD, path);
        g_auto(GStrv) words = text ? g_strsplit(text, " ", -1) : NULL;
        bool found = false;

        for (unsigned i = 0; words && words[i]; i++)
                if (*words[i] && add(members, (pid_t)g_ascii_strtoull(words[i], NULL, 10), pid))
                        found = true;
        return found;
}

static bool add_children(GArray *members, pid_t pid) {
        g_autofree char *path = g_strdup_printf("/proc/%d/task", (int)pid);
        g_autoptr(GPtrArray) threads = dir_list(AT_FDCWD, path, NULL);
        bool found = false;

        for (guint i = 0; threads && i < threads->len; i++)
                found |= add_children_of_thread(members, pid, threads->pdata[i]);
        return found;
}

/* A process that was about to fork when its stop was sent may have one more child: look until
 * nothing is new. */
static void collect(GArray *members) {
        bool found = true;

        for (unsigned pass = 0; found && pass < MAX_PASSES; pass++) {
                found = false;
                for (guint i = 0; i < members->len; i++)
                        found |= add_children(members, g_array_index(members, Member, i).pid);
        }
}

static void kill_group(const Member *leader) {
        if (getpgid(leader->pid) != leader->pid)
                return;
        if (syscall(SYS_pidfd_send_signal, leader->pidfd, SIGKILL, NULL,
                    PIDFD_SIGNAL_PROCESS_GROUP) < 0 &&
                errno == EINVAL && syscall(SYS_pidfd_send_signal, leader->pidfd, 0, NULL, 0) == 0)
                kill(-leader->pid,
                        SIGKILL); /* older kernels; the leader is there, so the number is its own */
}

void process_tree_kill(pid_t pid, pid_t ancestor, gint64 deadline_usec) {
        g_autoptr(GArray) members = g_array_new(FALSE, FALSE, sizeof(Member));
        pid_t parent = process_tree_parent(pid);

        g_array_set_clear_func(members, member_clear);
        if (parent != ancestor && (parent <= 1 || process_tree_parent(parent) != ancestor))
                return;
        if (pid <= 1 || !add(members, pid, parent))
                return;
        collect(members);
        kill_group(&g_array_index(members, Member, 0));
        for (guint i = 0; i < members->len; i++)
                send_signal(&g_array_index(members, Member, i), SIGKILL, 0);
        for (guint i = 0; i < members->len; i++)
                fd_wait(g_array_index(members, Member, i).pidfd, POLLIN, deadline_usec, -1);
}
