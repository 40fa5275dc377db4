/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/json.h"

struct Json {
        JsonType type;
        bool truth;
        char *text;   /* a string, or the digits of a number */
        Json **items; /* elements or member values */
        char **keys;  /* objects only */
        guint length;
        guint room;
};

Json *json_new(JsonType type);
/* Append without looking for an older member of that name; @take_key NULL for arrays. */
void json_push(Json *json, char *take_key, Json *take);
