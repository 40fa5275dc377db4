/* SPDX-License-Identifier: Apache-2.0 */
#include "image/transport.h"

#include <string.h>

#include "base/error.h"
#include "base/fd.h"
#include "image/cancel.h"
#include "image/transport-private.h"

#define AGENT "cri-o/" CRIO_VERSION
#define REDIRECT_LIMIT 5
#define CONNECT_SECONDS 30L
#define SILENCE_SECONDS 120L /* for small answers only: a slow layer is still a layer */
#define HEADER_LIMIT 8192
#define CHALLENGE_LIMIT 16
#define BODY_AHEAD (1024 * 1024) /* then the connection has to wait for us */
#define POLL_MSEC 60000

struct Transport {
        CURLM *multi;
};

struct TransportBody {
        Transport *transport;
        CURL *easy;
        struct curl_slist *headers;
        char *url;
        int ca_fd;
        TransportResponse *response; /* until the headers are complete */
        GByteArray *filling;         /* by libcurl */
        GByteArray *reading;         /* handed out */
        bool in_multi;
        bool headers_done;
        bool done;
        bool paused;
        CURLcode result;
        char problem[CURL_ERROR_SIZE];
};

bool transport_init(GError **error) {
        const char *proxy = g_getenv("HTTP_PROXY");

        /* libcurl reads the lower-case name only, for fear of CGI, which we are not. */
        if (proxy && !g_getenv("http_proxy"))
                g_setenv("http_proxy", proxy, FALSE);
        if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
                return fail(error, ERROR_INTERNAL, "libcurl does not start");
        return true;
}

Transport *transport_new(void) {
        Transport *transport = g_new0(Transport, 1);

        transport->multi = curl_multi_init();
        if (!transport->multi)
                g_error("libcurl refuses to work");
        return transport;
}

void transport_free(Transport *transport) {
        if (!transport)
                return;
        curl_multi_cleanup(transport->multi);
        g_free(transport);
}

void transport_response_clear(TransportResponse *response) {
        g_clear_pointer(&response->content_type, g_free);
        g_clear_pointer(&response->challenges, g_ptr_array_unref);
        g_clear_pointer(&response->retry_after, g_free);
        g_clear_pointer(&response->content_range, g_free);
}

static void response_reset(TransportResponse *response) {
        transport_response_clear(response);
        response->status = 0;
        response->content_type = g_strdup("");
        response->challenges = g_ptr_array_new_with_free_func(g_free);
        response->content_length = -1;
}

static char *media_type(const char *value) {
        g_autofree char *type = g_strndup(value, strcspn(value, ";"));

        return g_ascii_strdown(g_strstrip(type), -1);
}

static void replace(char **text, char *take) {
        g_free(*text);
        *text = take;
}

static void take_header(TransportResponse *response, const char *name, const char *value) {
        if (g_ascii_strcasecmp(name, "content-type") == 0)
                replace(&response->content_type, media_type(value));
        else if (g_ascii_strcasecmp(name, "retry-after") == 0)
                replace(&response->retry_after, g_strdup(value));
        else if (g_ascii_strcasecmp(name, "content-range") == 0)
                replace(&response->content_range, g_strdup(value));
        else if (g_ascii_strcasecmp(name, "www-authenticate") == 0 &&
                 response->challenges->len < CHALLENGE_LIMIT)
                g_ptr_array_add(response->challenges, g_strdup(value));
}

static size_t on_header(char *data, size_t size, size_t count, void *user) {
        TransportBody *body = user;
        size_t length = size * count;
        g_autofree char *line = NULL;
        char *colon;

        if (!body->response)
                return length; /* trailers */
        if (length > HEADER_LIMIT)
                return 0;
        line = g_strstrip(g_strndup(data, length));
        if (g_str_has_prefix(line, "HTTP/")) {
                response_reset(body->response);
                curl_easy_getinfo(body->easy, CURLINFO_RESPONSE_CODE, &body->response->status);
                return length;
        }
        colon = strchr(line, ':');
        if (colon) {
                *colon = '\0';
                take_header(body->response, line, g_strstrip(colon + 1));
        } else if (!*line) {
                body->headers_done = body->response->status >= 200;
        }
        return length;
}

static size_t on_body(char *data, size_t size, size_t count, void *user) {
        TransportBody *body = user;
        size_t length = size * count;

        if (body->filling->len + length > BODY_AHEAD && body->filling->len > 0) {
                body->paused = true;
                return CURL_WRITEFUNC_PAUSE;
        }
        g_byte_array_append(body->filling, (const guint8 *) data, (guint) length);
        return length;
}

static void body_add_header(TransportBody *body, const char *name, const char *value) {
        g_autofree char *line = g_strdup_printf("%s: %s", name, value);

        body->headers = curl_slist_append(body->headers, line);
}

static void set_headers(TransportBody *body, const TransportRequest *request,
                        const char *authorization) {
        for (unsigned i = 0; request->accept && request->accept[i]; i++)
                body_add_header(body, "Accept", request->accept[i]);
        if (authorization)
                body_add_header(body, "Authorization", authorization);
        if (request->form)
                body_add_header(body, "Content-Type", "application/x-www-form-urlencoded");
        curl_easy_setopt(body->easy, CURLOPT_HTTPHEADER, body->headers);
}

static void set_callbacks(TransportBody *body) {
        CURL *easy = body->easy;

        curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, body->problem);
        curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
        curl_easy_setopt(easy, CURLOPT_HEADERDATA, body);
        curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
        curl_easy_setopt(easy, CURLOPT_WRITEDATA, body);
}

static void set_protocol(CURL *easy) {
        curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
        curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
        curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_1_1);
        curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
        curl_easy_setopt(easy, CURLOPT_USERAGENT, AGENT);
        curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS);
        curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
        curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long) SOURCE_CHUNK);
}

static bool set_request(TransportBody *body, const TransportRequest *request, GError **error) {
        CURL *easy = body->easy;

        curl_easy_setopt(easy, CURLOPT_URL, body->url);
        if (request->form)
                curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, request->form);
        if (request->offset > 0) {
                g_autofree char *range = g_strdup_printf("%" G_GUINT64_FORMAT "-", request->offset);

                curl_easy_setopt(easy, CURLOPT_RANGE, range);
        }
        if (request->insecure) {
                curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
                curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
        }
        return !g_str_has_prefix(body->url, "https:") ||
               transport_use_certs(easy, request->certs_dir, !request->insecure, &body->ca_fd,
                                   error);
}

static void body_stop(TransportBody *body) {
        if (body->in_multi)
                curl_multi_remove_handle(body->transport->multi, body->easy);
        body->in_multi = false;
        g_clear_pointer(&body->easy, curl_easy_cleanup);
        g_clear_pointer(&body->headers, curl_slist_free_all);
        if (body->ca_fd >= 0)
                fd_close(steal_fd(&body->ca_fd));
}

void transport_body_close(TransportBody *body) {
        if (!body)
                return;
        body_stop(body);
        g_byte_array_free(body->filling, TRUE);
        g_byte_array_free(body->reading, TRUE);
        g_free(body->url);
        g_free(body);
}

static bool body_fail(TransportBody *body, GError **error) {
        g_autofree char *name = transport_redact(body->url);
        const char *cure = "";

        if (body->result == CURLE_PEER_FAILED_VERIFICATION)
                cure = " (is its CA missing in /etc/containers/certs.d?)";
        return fail(error, ERROR_REGISTRY_UNAVAILABLE, "%s: %s%s", name,
                    *body->problem ? body->problem : curl_easy_strerror(body->result), cure);
}

static void note_end(TransportBody *body) {
        const CURLMsg *message;
        int left;

        while ((message = curl_multi_info_read(body->transport->multi, &left))) {
                if (message->msg != CURLMSG_DONE || message->easy_handle != body->easy)
                        continue;
                body->done = true;
                body->result = message->data.result;
        }
}

/* Let libcurl do what it can, then wait for more. Nothing but this transport's one request is in
 * the multi handle. */
static bool body_step(TransportBody *body, GError **error) {
        struct curl_waitfd cancel = { cancel_get_fd(), CURL_WAIT_POLLIN, 0 };
        unsigned extra = cancel.fd >= 0 ? 1 : 0;
        CURLM *multi = body->transport->multi;
        int running;

        if (!cancel_check(error))
                return false;
        if (curl_multi_perform(multi, &running) != CURLM_OK)
                return fail(error, ERROR_INTERNAL, "libcurl fails");
        note_end(body);
        if (body->done || body->filling->len > 0 || (body->response && body->headers_done))
                return true;
        if (curl_multi_poll(multi, &cancel, extra, POLL_MSEC, NULL) != CURLM_OK)
                return fail(error, ERROR_INTERNAL, "libcurl cannot wait");
        return true;
}

static bool body_start(TransportBody *body, const TransportRequest *request,
                       const char *authorization, GError **error) {
        body->easy = curl_easy_init();
        if (!body->easy)
                g_error("libcurl refuses to work");
        body->headers_done = body->done = false;
        *body->problem = '\0';
        g_byte_array_set_size(body->filling, 0);
        set_protocol(body->easy);
        set_callbacks(body);
        set_headers(body, request, authorization);
        if (request->small) {
                curl_easy_setopt(body->easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
                curl_easy_setopt(body->easy, CURLOPT_LOW_SPEED_TIME, SILENCE_SECONDS);
        }
        if (!set_request(body, request, error))
                return false;
        body->in_multi = curl_multi_add_handle(body->transport->multi, body->easy) == CURLM_OK;
        while (!body->headers_done && !body->done)
                if (!body_step(body, error))
                        return false;
        /* What broke after the headers is for the one who reads. */
        return body->headers_done || body_fail(body, error);
}

/* 1: the URL of @body is the next to ask; 0: there is none; -1 with @error. */
static int next_redirect(TransportBody *body, const TransportRequest *request, GError **error) {
        char *target = NULL;
        char *checked;

        if (body->response->status < 300 || body->response->status > 399 || request->form ||
            curl_easy_getinfo(body->easy, CURLINFO_REDIRECT_URL, &target) != CURLE_OK || !target)
                return 0;
        checked = transport_check_redirect(body->url, target, request->insecure, error);
        if (!checked)
                return -1;
        replace(&body->url, checked);
        body_stop(body);
        return 1;
}

TransportBody *transport_open(Transport *transport, const TransportRequest *request,
                              TransportResponse *ret_response, GError **error) {
        g_autoptr(TransportBody) body = g_new0(TransportBody, 1);
        const char *authorization = request->authorization;
        curl_off_t length = -1;
        int redirected = 1;

        body->transport = transport;
        body->ca_fd = -1;
        body->url = g_strdup(request->url);
        body->filling = g_byte_array_new();
        body->reading = g_byte_array_new();
        body->response = ret_response;
        for (unsigned i = 0; redirected > 0 && i <= REDIRECT_LIMIT; i++) {
                if (!transport_same_origin(body->url, request->url))
                        authorization = NULL; /* and it does not come back */
                response_reset(ret_response);
                if (!body_start(body, request, authorization, error))
                        return NULL;
                redirected = next_redirect(body, request, error);
        }
        if (redirected < 0)
                return NULL;
        if (redirected > 0)
                return fail_null(error, ERROR_UNKNOWN, "more than %d redirects", REDIRECT_LIMIT);
        curl_easy_getinfo(body->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
        ret_response->content_length = length;
        body->response = NULL;
        return g_steal_pointer(&body);
}

ssize_t transport_body_read(TransportBody *body, const guint8 **ret_data, GError **error) {
        GByteArray *empty = body->reading;

        g_byte_array_set_size(empty, 0);
        while (body->filling->len == 0 && !body->done) {
                if (body->paused) {
                        body->paused = false;
                        curl_easy_pause(body->easy, CURLPAUSE_CONT);
                }
                if (!body_step(body, error))
                        return -1;
        }
        if (body->filling->len == 0 && body->result != CURLE_OK)
                return body_fail(body, error) ? 0 : -1;
        body->reading = body->filling;
        body->filling = empty;
        *ret_data = body->reading->data;
        return body->reading->len;
}

GBytes *transport_body_read_all(TransportBody *body, size_t limit, GError **error) {
        g_autoptr(GByteArray) all = g_byte_array_new();
        g_autofree char *name = transport_redact(body->url);
        const guint8 *data;
        ssize_t count;

        while ((count = transport_body_read(body, &data, error)) > 0) {
                if (all->len + (size_t) count > limit)
                        return fail_null(error, ERROR_RESOURCE_EXHAUSTED,
                                         "%s: the answer is larger than %zu bytes", name, limit);
                g_byte_array_append(all, data, (guint) count);
        }
        return count < 0 ? NULL : g_byte_array_free_to_bytes(g_steal_pointer(&all));
}

GBytes *transport_fetch(Transport *transport, const TransportRequest *request, size_t limit,
                        TransportResponse *ret_response, GError **error) {
        g_autoptr(TransportBody) body = transport_open(transport, request, ret_response, error);

        return body ? transport_body_read_all(body, limit, error) : NULL;
}
