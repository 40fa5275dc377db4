/* SPDX-License-Identifier: Apache-2.0 */

/* crio-image - pulls one image and ends: the process that reads what registries send, so that the
 * daemon does not. */

#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "image/cancel.h"
#include "image/pull.h"
#include "image/report.h"
#include "image/transport.h"

#define REQUEST_LIMIT (4 * 1024 * 1024)

static const char usage[] = "usage: crio-image pull < REQUEST\n"
                            "       crio-image --version\n"
                            "\n"
                            "REQUEST is one JSON object; answers are lines of JSON on stdout.\n";

static bool read_request(GByteArray *text, GError **error) {
        guint8 chunk[8192];
        ssize_t count;

        while ((count = read(STDIN_FILENO, chunk, sizeof(chunk))) > 0) {
                if (text->len + (size_t) count > REQUEST_LIMIT)
                        return fail(error, ERROR_INVALID_ARGUMENT,
                                    "the request is larger than %d bytes", REQUEST_LIMIT);
                g_byte_array_append(text, chunk, (guint) count);
        }
        explicit_bzero(chunk, sizeof(chunk));
        return count == 0 || fail_errno(error, "read the request");
}

static PullRequest *take_request(GError **error) {
        g_autoptr(GByteArray) text = g_byte_array_new();
        PullRequest *request = NULL;
        LogLevel level;

        if (read_request(text, error))
                request = pull_request_parse((const char *) text->data, text->len, error);
        if (text->len > 0)
                explicit_bzero(text->data, text->len);
        if (request && log_level_parse(request->log_level, &level))
                log_set_level(level);
        return request;
}

static int finish(const GError *error) {
        report_error(error);
        return 1;
}

static int pull(void) {
        g_autoptr(PullRequest) request = NULL;
        g_auto(PullResult) result = { 0 };
        g_autoptr(GError) error = NULL;

        if (!cancel_init(&error) || !transport_init(&error))
                return finish(error);
        request = take_request(&error);
        if (!request || !pull_run(request, &result, &error))
                return finish(error);
        report_result(result.image_id, result.image_ref);
        return 0;
}

int main(int argc, char **argv) {
        umask(0);
        /* No setlocale(): see tar.c. */
        mallopt(M_ARENA_MAX, 2);
        if (argc == 2 && g_str_equal(argv[1], "pull"))
                return pull();
        if (argc == 2 && g_str_equal(argv[1], "--version")) {
                printf("crio-image %s\n", CRIO_VERSION);
                return 0;
        }
        fputs(usage, stderr);
        return 2;
}
