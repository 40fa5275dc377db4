/* SPDX-License-Identifier: Apache-2.0 */
#include "host/apparmor.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "host/apparmor-private.h"

#define ENABLED_FILE  "/sys/module/apparmor/parameters/enabled"
#define PROFILES_FILE "/sys/kernel/security/apparmor/profiles"
#define LIST_LIMIT    (16u << 20)

static bool ask(void) {
        g_autofree char *text = file_read_line(AT_FDCWD, ENABLED_FILE);

        return text && text[0] == 'Y' && access(PROFILES_FILE, F_OK) == 0;
}

bool apparmor_is_enabled(void) {
        static gsize answer; /* 1 no, 2 yes */

        if (g_once_init_enter(&answer))
                g_once_init_leave(&answer, ask() ? 2 : 1);
        return answer == 2;
}

/* Lines are "NAME (MODE)"; a name may have blanks and brackets of its own. */
bool apparmor_list_has(const char *list, const char *name) {
        size_t length = strlen(name);

        for (const char *line = list; *line; line += strspn(line, "\n")) {
                const char *end = strchrnul(line, '\n');
                const char *mode = end;

                while (mode > line && mode[-1] != '(')
                        mode--;
                if (mode - line == (ptrdiff_t) length + 2 && mode[-2] == ' ' &&
                    strncmp(line, name, length) == 0)
                        return true;
                line = end;
        }
        return false;
}

bool apparmor_has_profile(const char *name, bool *ret_has, GError **error) {
        g_autofree char *list = NULL;

        if (!apparmor_is_enabled()) {
                *ret_has = false;
                return true;
        }
        if (!file_read(AT_FDCWD, PROFILES_FILE, LIST_LIMIT, &list, NULL, error)) {
                g_prefix_error(error, "AppArmor profile %s: ", name);
                return false;
        }
        *ret_has = apparmor_list_has(list, name);
        return true;
}
