/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * user - who a container runs as: numbers and names looked up in the passwd and group files of its
 * rootfs.
 *
 * Both files belong to the image and are hostile: they are opened inside the root, must be regular,
 * and at most USER_FILE_LIMIT bytes are read. A text that looks like a number never becomes a name.
 * Threads  Any.
 */

#include <glib.h>
#include <stdbool.h>

#define USER_FILE_LIMIT ((size_t)10 * 1024 * 1024)
#define USER_ID_MAX     (G_MAXUINT32 - 1) /* the last value means "no id" to the kernel */

typedef enum UserIdKind {
        USER_ID_NUMBER, /* ret_id is set */
        USER_ID_NAME,   /* may be looked up */
        USER_ID_BAD,    /* neither: out of range, signed, padded, control bytes */
} UserIdKind;

typedef struct User {
        guint32 uid;
        guint32 gid;    /* of the passwd entry or the group asked for; 0 without either */
        GArray *groups; /* guint32: memberships by the group file, without gid */
        char *name;     /* NULL when passwd has no entry for uid */
        char *home;     /* NULL when passwd has no entry for uid */
} User;

void user_clear(User *user);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(User, user_clear)

UserIdKind user_parse_id(const char *text, guint32 *ret_id);

/* Resolve "uid", "name", "uid:gid", "name:group" and mixtures; "" is root. INVALID_ARGUMENT names
 * the text. */
bool user_resolve(int root_dfd, const char *text, User *ret_user, GError **error);

/* The whole passwd (group) file of the rootfs with one more line, for a @uid (@gid) it does not
 * know. *ret_text is NULL when the file is missing or knows it already. Fields with control bytes
 * or colons are refused. */
bool user_extend_passwd(int root_dfd, const User *user, const char *name, const char *home,
        GString **ret_text, GError **error);
bool user_extend_group(int root_dfd, guint32 gid, GString **ret_text, GError **error);
