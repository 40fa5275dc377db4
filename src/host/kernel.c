/* SPDX-License-Identifier: Apache-2.0 */
#include "host/kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/file.h"
#include "host/capability.h"

static const struct utsname *names(void) {
        static struct utsname uts;
        static gsize done;

        if (g_once_init_enter(&done)) {
                (void) uname(&uts);
                g_once_init_leave(&done, 1);
        }
        return &uts;
}

bool kernel_is_at_least(unsigned major, unsigned minor) {
        unsigned have_major = 0;
        unsigned have_minor = 0;

        if (sscanf(names()->release, "%u.%u", &have_major, &have_minor) < 1)
                return false;
        return have_major > major || (have_major == major && have_minor >= minor);
}

const char *kernel_get_release(void) {
        return names()->release;
}

bool kernel_has_filesystem(const char *type) {
        g_autofree char *text = file_read_line(AT_FDCWD, "/proc/filesystems");
        g_auto(GStrv) lines = g_strsplit(text ? text : "", "\n", -1);

        for (unsigned i = 0; lines[i]; i++) {
                const char *tab = strchr(lines[i], '\t');

                if (tab && g_str_equal(tab + 1, type))
                        return true;
        }
        return false;
}

/* A wrong structure size is refused by a kernel that has the call, before anything is looked at. */
static bool has_mount_setattr(void) {
        static gsize answer; /* 1 no, 2 yes */

        if (g_once_init_enter(&answer)) {
                long result = syscall(SYS_mount_setattr, -1, "", 0, NULL, (size_t) 1);

                g_once_init_leave(&answer, result < 0 && errno == EINVAL ? 2 : 1);
        }
        return answer == 2;
}

bool kernel_has_recursive_readonly(void) {
        return has_mount_setattr();
}

bool kernel_has_idmapped_mounts(void) {
        return has_mount_setattr();
}

bool kernel_has_overlay_volatile(void) {
        return kernel_is_at_least(5, 10);
}

bool kernel_has_overlay_append(void) {
        return kernel_is_at_least(6, 7);
}

static bool in_first_user_namespace(void) {
        g_autofree char *text = file_read_line(AT_FDCWD, "/proc/self/uid_map");
        unsigned long inside;
        unsigned long outside;
        unsigned long count;

        return text && sscanf(text, "%lu %lu %lu", &inside, &outside, &count) == 3 && inside == 0 &&
               outside == 0 && count == G_MAXUINT32;
}

/* The kernel compares with the lowest value that a privileged process ever gave us, which cannot be
 * read; our present value is never below it. */
int oom_score_adj_clamp(int wanted) {
        g_autofree char *text = file_read_line(AT_FDCWD, "/proc/self/oom_score_adj");
        gint64 own = 0;

        wanted = CLAMP(wanted, -1000, 1000);
        if ((capability_effective() & CAPABILITY_BIT(CAP_SYS_RESOURCE)) &&
            in_first_user_namespace())
                return wanted;
        if (!text || !g_ascii_string_to_signed(text, 10, -1000, 1000, &own, NULL))
                return MAX(wanted, 0);
        return MAX(wanted, (int) own);
}
