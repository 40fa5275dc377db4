/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/user.h"

#include <string.h>

#include "base/error.h"
#include "base/file.h"

#define MAX_FIELDS 8
#define NAME_LIMIT 256
#define MAX_GROUPS 65536

/* One line of passwd or group, cut at its colons; the pieces point into the caller's buffer. */
typedef struct Line {
        char *fields[MAX_FIELDS];
        unsigned count;
} Line;

void user_clear(User *user) {
        g_clear_pointer(&user->groups, g_array_unref);
        g_clear_pointer(&user->name, g_free);
        g_clear_pointer(&user->home, g_free);
}

static bool is_clean_name(const char *text) {
        if (*text == '-' || *text == '+' || !g_utf8_validate(text, -1, NULL) ||
                strlen(text) > NAME_LIMIT)
                return false;
        for (const char *c = text; *c; c++)
                if ((guchar)*c <= ' ' || *c == 0x7f || *c == ':' || *c == '/' || *c == ',')
                        return false;
        return *text != '\0';
}

/* A text of digits only is a number, and when it does not fit it is nothing at all: looking it up
 * as a name would let the image choose what it means. */
UserIdKind user_parse_id(const char *text, guint32 *ret_id) {
        size_t digits = strspn(text, "0123456789");
        guint64 value = 0;

        if (digits == 0 || text[digits])
                return is_clean_name(text) ? USER_ID_NAME : USER_ID_BAD;
        if (digits > 10 || (digits > 1 && text[0] == '0'))
                return USER_ID_BAD;
        for (size_t i = 0; i < digits; i++)
                value = value * 10 + (guint64)(text[i] - '0');
        if (value > USER_ID_MAX)
                return USER_ID_BAD;
        *ret_id = (guint32)value;
        return USER_ID_NUMBER;
}

/* Cut the next line off *rest. False at the end of the text. */
static bool next_line(char **rest, Line *ret_line) {
        char *line = strsep(rest, "\n");

        ret_line->count = 0;
        if (!line)
                return false;
        while (line && ret_line->count < MAX_FIELDS)
                ret_line->fields[ret_line->count++] = strsep(&line, ":");
        return true;
}

static bool line_id(const Line *line, unsigned field, guint32 *ret_id) {
        return line->count > field && user_parse_id(line->fields[field], ret_id) == USER_ID_NUMBER;
}

/* passwd: name:password:uid:gid:gecos:home:shell. By name, or by number when @name is NULL. */
static bool find_passwd(char *text, const char *name, User *user) {
        guint32 uid, gid;
        Line line;

        while (next_line(&text, &line)) {
                if (!line_id(&line, 2, &uid) || !line_id(&line, 3, &gid))
                        continue;
                if (name ? strcmp(line.fields[0], name) != 0 : uid != user->uid)
                        continue;
                user->uid = uid;
                user->gid = gid;
                user->name = g_strdup(line.fields[0]);
                user->home = g_strdup(line.count > 5 ? line.fields[5] : "");
                return true;
        }
        return false;
}

static bool find_group(char *text, const char *name, guint32 *ret_gid) {
        Line line;

        while (next_line(&text, &line))
                if (line_id(&line, 2, ret_gid) && strcmp(line.fields[0], name) == 0)
                        return true;
        return false;
}

static bool knows_group(char *text, guint32 gid) {
        guint32 other;
        Line line;

        while (next_line(&text, &line))
                if (line_id(&line, 2, &other) && other == gid)
                        return true;
        return false;
}

static bool has_member(char *members, const char *name) {
        char *member;

        while ((member = strsep(&members, ",")))
                if (strcmp(member, name) == 0)
                        return true;
        return false;
}

static void add_memberships(char *text, User *user) {
        guint32 gid;
        Line line;

        while (next_line(&text, &line) && user->groups->len < MAX_GROUPS)
                if (line_id(&line, 2, &gid) && line.count > 3 &&
                        has_member(line.fields[3], user->name))
                        g_array_append_val(user->groups, gid);
}

static bool read_database(int root_dfd, const char *path, char **ret_text, GError **error) {
        if (!file_read_in_root(root_dfd, path, USER_FILE_LIMIT, ret_text, NULL, error))
                return false;
        if (!*ret_text)
                *ret_text = g_strdup("");
        return true;
}

static bool resolve_user(int root_dfd, const char *text, User *user, GError **error) {
        UserIdKind kind = *text ? user_parse_id(text, &user->uid) : USER_ID_NUMBER;
        g_autofree char *passwd = NULL;

        if (kind == USER_ID_BAD)
                return fail(error, ERROR_INVALID_ARGUMENT,
                        "user %.64s: neither a name nor a number from 0 to %u", text, USER_ID_MAX);
        if (!read_database(root_dfd, "/etc/passwd", &passwd, error))
                return false;
        if (!find_passwd(passwd, kind == USER_ID_NAME ? text : NULL, user) && kind == USER_ID_NAME)
                return fail(error, ERROR_INVALID_ARGUMENT,
                        "user %s: no such name in /etc/passwd of the container", text);
        return true;
}

/* An explicit group replaces the primary one and, as no user was then asked for its memberships,
 * leaves them out. */
static bool resolve_group(int root_dfd, const char *text, User *user, GError **error) {
        UserIdKind kind = text ? user_parse_id(text, &user->gid) : USER_ID_NUMBER;
        g_autofree char *group = NULL;

        if (kind == USER_ID_BAD)
                return fail(error, ERROR_INVALID_ARGUMENT,
                        "group %.64s: neither a name nor a number from 0 to %u", text, USER_ID_MAX);
        if (text ? kind == USER_ID_NUMBER : !user->name)
                return true;
        if (!read_database(root_dfd, "/etc/group", &group, error))
                return false;
        if (!text)
                add_memberships(group, user);
        else if (!find_group(group, text, &user->gid))
                return fail(error, ERROR_INVALID_ARGUMENT,
                        "group %s: no such name in /etc/group of the container", text);
        return true;
}

bool user_resolve(int root_dfd, const char *text, User *ret_user, GError **error) {
        g_auto(User) user = {.groups = g_array_new(FALSE, FALSE, sizeof(guint32))};
        const char *colon = strchr(text, ':');
        g_autofree char *name = colon ? g_strndup(text, (gsize)(colon - text)) : g_strdup(text);

        if (colon && !colon[1])
                colon = NULL;
        if (!resolve_user(root_dfd, name, &user, error) ||
                !resolve_group(root_dfd, colon ? colon + 1 : NULL, &user, error))
                return false;
        *ret_user = user;
        user = (User){0};
        return true;
}

/* Every field of a line goes through here: this is what keeps a value from becoming a second line.
 */
static bool append_field(GString *text, const char *what, const char *field, GError **error) {
        for (const char *c = field; *c; c++)
                if ((guchar)*c < ' ' || *c == 0x7f || *c == ':')
                        return fail(error, ERROR_INVALID_ARGUMENT,
                                "%s of the container has a control character or a colon, "
                                "which cannot go into a passwd or group entry",
                                what);
        if (strlen(field) > 4096)
                return fail(error, ERROR_INVALID_ARGUMENT,
                        "%s of the container is longer than 4096 bytes", what);
        g_string_append(text, field);
        return true;
}

/* Read a database for a longer copy; *ret_text is NULL without one. */
static bool read_for_copy(int root_dfd, const char *path, GString **ret_text, GError **error) {
        g_autofree char *old = NULL;
        size_t length = 0;

        *ret_text = NULL;
        if (!file_read_in_root(root_dfd, path, USER_FILE_LIMIT, &old, &length, error))
                return false;
        if (!old)
                return true;
        *ret_text = g_string_new_len(old, (gssize)length);
        if (length > 0 && old[length - 1] != '\n')
                g_string_append_c(*ret_text, '\n');
        return true;
}

bool user_extend_passwd(int root_dfd, const User *user, const char *name, const char *home,
        GString **ret_text, GError **error) {
        g_autoptr(GString) text = NULL;

        *ret_text = NULL;
        if (user->name)
                return true;
        if (!read_for_copy(root_dfd, "/etc/passwd", &text, error))
                return false;
        if (!text)
                return true;
        if (!append_field(text, "the user name", name, error))
                return false;
        g_string_append_printf(text, ":x:%u:%u:", user->uid, user->gid);
        if (!append_field(text, "the user name", name, error))
                return false;
        g_string_append(text, " user:");
        if (!append_field(text, "HOME or the working directory", home, error))
                return false;
        g_string_append(text, ":/sbin/nologin\n");
        *ret_text = g_steal_pointer(&text);
        return true;
}

bool user_extend_group(int root_dfd, guint32 gid, GString **ret_text, GError **error) {
        g_autoptr(GString) text = NULL;
        g_autofree char *copy = NULL;

        *ret_text = NULL;
        if (!read_for_copy(root_dfd, "/etc/group", &text, error))
                return false;
        copy = text ? g_strdup(text->str) : NULL;
        if (!copy || knows_group(copy, gid))
                return true;
        g_string_append_printf(text, "%u:x:%u:\n", gid, gid);
        *ret_text = g_steal_pointer(&text);
        return true;
}
