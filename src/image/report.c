/* SPDX-License-Identifier: Apache-2.0 */
#include "image/report.h"

#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/json.h"
#include "image/cancel.h"

static int report_fd = STDOUT_FILENO;

void report_set_fd(int fd) {
        report_fd = fd;
}

static Json *message_new(const char *type) {
        Json *message = json_new_object();

        json_set_string(message, "type", type);
        return message;
}

static void send(Json *take_message) {
        size_t length;
        g_autofree char *text = json_print(take_message, &length);

        json_free(take_message);
        text[length] = '\n'; /* in place of the NUL, to make it one write */
        if (!fd_write_all(report_fd, text, length + 1))
                cancel_set();
}

void report_progress(const char *digest, guint64 offset, guint64 size) {
        Json *message = message_new("progress");

        json_set_string(message, "digest", digest);
        json_set_uint(message, "offset", offset);
        json_set_uint(message, "size", size);
        send(message);
}

void report_reuse(const char *digest) {
        Json *message = message_new("reuse");

        json_set_string(message, "digest", digest);
        send(message);
}

void report_result(const char *image_id, const char *image_ref) {
        Json *message = message_new("result");

        json_set_string(message, "image_id", image_id);
        json_set_string(message, "image_ref", image_ref);
        send(message);
}

void report_adopted(const char *image_id, const GError *problem) {
        Json *message = message_new(problem ? "refused" : "adopted");

        json_set_string(message, "image_id", image_id);
        json_set_string(message, "message", problem ? problem->message : NULL);
        send(message);
}

void report_error(const GError *error) {
        Json *message = message_new("error");

        json_set_int(message, "code", error_get_code(error));
        json_set_string(message, "message", error->message);
        send(message);
}
