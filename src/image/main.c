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
#include "image/adopt.h"
#include "image/cancel.h"
#include "image/pull.h"
#include "image/report.h"
#include "image/transport.h"

#define REQUEST_LIMIT (1024 * 1024)

static const char usage[] = "usage: crio-image pull < REQUEST\n"
                            "       crio-image adopt < REQUEST\n"
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

static int finish(const GError *error) {
        report_error(error);
        return 1;
}

static bool run_pull(const char *text, size_t length, GError **error) {
        g_autoptr(PullRequest) request = pull_request_parse(text, length, error);
        g_auto(PullResult) result = { 0 };
        LogLevel level;

        if (!request)
                return false;
        if (log_level_parse(request->log_level, &level))
                log_set_level(level);
        if (!pull_run(request, &result, error))
                return false;
        report_result(result.image_id, result.image_ref);
        return true;
}

static const struct {
        const char *name;
        bool (*run)(const char *request, size_t length, GError **error);
} jobs[] = {
        { "pull", run_pull },
        { "adopt", adopt_run },
};

/* The copy of the request is wiped in any case; the parsed one wipes its secrets itself. */
static int run(unsigned job) {
        g_autoptr(GByteArray) text = g_byte_array_sized_new(REQUEST_LIMIT);
        g_autoptr(GError) error = NULL;
        bool good = cancel_init(&error) && transport_init(&error) && read_request(text, &error) &&
                    jobs[job].run((const char *) text->data, text->len, &error);

        if (text->data)
                explicit_bzero(text->data, text->len);
        return good ? 0 : finish(error);
}

int main(int argc, char **argv) {
        umask(0);
        /* No setlocale(): see tar.c. */
        mallopt(M_ARENA_MAX, 2);
        for (unsigned i = 0; argc == 2 && i < G_N_ELEMENTS(jobs); i++)
                if (g_str_equal(argv[1], jobs[i].name))
                        return run(i);
        if (argc == 2 && g_str_equal(argv[1], "--version")) {
                printf("crio-image %s\n", CRIO_VERSION);
                return 0;
        }
        fputs(usage, stderr);
        return 2;
}
