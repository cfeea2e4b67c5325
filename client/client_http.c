#include "client_http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libwebsockets.h>

#include "base/buf.h"
#include "client_internal.h"
#include "client_ws.h"
#include "url.h"

enum { READ_MAX = 4096, LINK_MAX = 1024, ID_MAX = 128 };

#define API           "/api/v1"
#define NO_CONNECTION "no connection could be made"

struct client_http {
    struct lws_context *context;
    struct client_tls *tls;
    struct servers servers;
    struct url url; /* of the request in hand */
    const struct client_http_ops *ops;
    void *ctx;
    char *authorization;
    char last_event_id[ID_MAX];
    struct lws *wsi; /* NULL: no request, or it was dropped */
    bool pending;    /* neither answered nor ended */
    bool asked;      /* the request has gone out */
    bool left;
    lws_sorted_usec_list_t timer;
};

static void ended(struct client_http *http, struct lws *wsi, const char *why)
{
    if (wsi != http->wsi)
        return;
    http->wsi = NULL;
    http->pending = false;
    http->ops->ended(http->ctx, why);
}

/* No answer, and why. */
static void failed(struct client_http *http, struct lws *wsi, const char *why)
{
    char text[CLIENT_WHY_MAX];

    client_tls_explain(http->tls, http->asked, why, text);
    ended(http, wsi, text);
}

static bool add(struct lws *wsi, enum lws_token_indexes token, const char *name, const char *text,
                unsigned char **p, unsigned char *end)
{
    const unsigned char *bytes = (const unsigned char *)text;
    int len = (int)strlen(text);

    return (name != NULL
                ? lws_add_http_header_by_name(wsi, (const unsigned char *)name, bytes, len, p, end)
                : lws_add_http_header_by_token(wsi, token, bytes, len, p, end)) == 0;
}

static int add_headers(struct client_http *http, struct lws *wsi, unsigned char **p, size_t room)
{
    unsigned char *end = *p + room;

    http->asked = true;
    if (!add(wsi, WSI_TOKEN_HTTP_AUTHORIZATION, NULL, http->authorization, p, end) ||
        (http->last_event_id[0] != '\0' &&
         !add(wsi, WSI_TOKEN_COUNT, "last-event-id:", http->last_event_id, p, end)))
        return -1;
    return 0;
}

/* Cuts `<ADDRESS>; rel="next"` down to what stands behind /api/v1; NULL: it is no such link. */
static const char *next_of(char *link)
{
    char *path = strstr(link, API "/"), *end = strchr(link, '>');

    if (path == NULL || end == NULL || end < path || strstr(end, "\"next\"") == NULL)
        return NULL;
    *end = '\0';
    return path + sizeof(API) - 1;
}

static void answered(struct client_http *http, struct lws *wsi)
{
    char link[LINK_MAX];
    bool linked = lws_hdr_copy(wsi, link, sizeof(link), WSI_TOKEN_HTTP_LINK) > 0;

    http->pending = false;
    lws_set_timeout(wsi, NO_PENDING_TIMEOUT, 0); /* time is for who asks to watch */
    http->ops->answered(http->ctx, lws_http_client_http_response(wsi),
                        linked ? next_of(link) : NULL, client_ws_retry_of(wsi));
}

static int read_some(struct client_http *http, struct lws *wsi)
{
    char space[LWS_PRE + READ_MAX], *at = space + LWS_PRE;
    int room = READ_MAX;

    return wsi != http->wsi || lws_http_client_read(wsi, &at, &room) < 0 ? -1 : 0;
}

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t len)
{
    struct lws_context *context = lws_get_context(wsi);
    struct client_http *http = context != NULL ? lws_context_user(context) : NULL;
    (void)user;

    if (http == NULL)
        return 0;
    switch (reason) {
    case LWS_CALLBACK_EVENT_WAIT_CANCELLED:
        if (!http->left)
            http->ops->woken(http->ctx);
        return 0;
    case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
        return add_headers(http, wsi, in, len);
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        failed(http, wsi, in != NULL ? in : NO_CONNECTION);
        return 0;
    case LWS_CALLBACK_ESTABLISHED_CLIENT_HTTP:
        if (wsi != http->wsi)
            return -1;
        answered(http, wsi);
        return 0;
    case LWS_CALLBACK_RECEIVE_CLIENT_HTTP:
        return read_some(http, wsi);
    case LWS_CALLBACK_RECEIVE_CLIENT_HTTP_READ:
        if (wsi == http->wsi && !http->ops->body(http->ctx, in, len))
            http->wsi = NULL;
        return wsi == http->wsi ? 0 : -1;
    case LWS_CALLBACK_COMPLETED_CLIENT_HTTP:
        ended(http, wsi, NULL);
        return -1;
    case LWS_CALLBACK_CLOSED_CLIENT_HTTP:
    case LWS_CALLBACK_WSI_DESTROY: /* all that is told where a request could not be written */
        if (http->pending)
            failed(http, wsi, "the connection was lost");
        else
            ended(http, wsi, NULL);
        return 0;
    default:
        return 0;
    }
}

static const struct lws_protocols protocols[] = {
    {.name = "http", .callback = callback, .rx_buffer_size = READ_MAX},
    {.name = NULL},
};

static void timer_fired(lws_sorted_usec_list_t *timer)
{
    struct client_http *http = lws_container_of(timer, struct client_http, timer);

    if (!http->left)
        http->ops->timer(http->ctx);
}

enum studio_err client_http_create(const struct studio_client_options *options,
                                   const struct client_http_ops *ops, void *ctx,
                                   struct client_http **out, struct studio_error *error)
{
    struct client_user user;
    struct client_http *http;
    enum studio_err err = client_user_of(options, &user, error);

    *out = NULL;
    if (err != STUDIO_OK)
        return err;
    http = calloc(1, sizeof(*http));
    if (http == NULL)
        return studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
    http->ops = ops;
    http->ctx = ctx;
    err = servers_parse(user.addresses, &http->servers, error);
    if (err == STUDIO_OK &&
        asprintf(&http->authorization, "Bearer %s%s%s:%s", user.table_id,
                 user.device[0] != '\0' ? "_" : "", user.device, options->token) < 0) {
        http->authorization = NULL;
        err = studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
    }
    if (err == STUDIO_OK && servers_any_tls(&http->servers))
        err = client_tls_create(options, &http->tls, error);
    if (err == STUDIO_OK && (http->context = client_ws_context(http->tls, protocols, http)) == NULL)
        err = studio_error_set(error, STUDIO_ERR_NO_MEMORY, ": libwebsockets could not start");
    if (err == STUDIO_OK)
        *out = http;
    else
        client_http_destroy(http);
    return err;
}

void client_http_destroy(struct client_http *http)
{
    if (http == NULL)
        return;
    if (http->context != NULL) {
        http->left = true; /* lws still calls back while it closes things */
        http->wsi = NULL;
        lws_sul_cancel(&http->timer);
        lws_context_destroy(http->context);
    }
    client_tls_destroy(http->tls);
    if (http->authorization != NULL)
        memset(http->authorization, 0, strlen(http->authorization));
    free(http->authorization);
    free(http);
}

const char *client_http_server(const struct client_http *http)
{
    return servers_now(&http->servers)->authority;
}

struct servers *client_http_servers(struct client_http *http)
{
    return &http->servers;
}

void client_http_run(struct client_http *http)
{
    http->ops->woken(http->ctx);
    while (!http->left && lws_service(http->context, 0) >= 0)
        ;
}

void client_http_wake(struct client_http *http)
{
    lws_cancel_service(http->context);
}

/* The API beside the WebSocket's path: /, /v1/ws, or what a proxy has put before them. */
static void add_path(struct buf *out, const char *websocket, const char *path)
{
    static const char usual[] = "/v1/ws";
    size_t len = strlen(websocket);

    if (len >= sizeof(usual) - 1 && strcmp(websocket + len - (sizeof(usual) - 1), usual) == 0)
        len -= sizeof(usual) - 1;
    else if (len > 0 && websocket[len - 1] == '/')
        len--;
    buf_add(out, websocket, len);
    buf_str(out, API);
    buf_str(out, path);
}

void client_http_get(struct client_http *http, const char *path, const char *last_event_id)
{
    static const lws_retry_bo_t no_pings = {0};
    struct buf whole;

    http->url = *servers_now(&http->servers);
    snprintf(http->last_event_id, sizeof(http->last_event_id), "%s", last_event_id);
    buf_init(&whole, SIZE_MAX);
    add_path(&whole, http->url.path, path);
    struct lws_client_connect_info info = {
        .context = http->context,
        .address = http->url.host,
        .port = http->url.port,
        .path = buf_ok(&whole) ? whole.data : "",
        .host = http->url.authority,
        .method = "GET",
        .ssl_connection = LCCSCF_HTTP_NO_FOLLOW_REDIRECT | (http->url.tls ? LCCSCF_USE_SSL : 0),
        .alpn = "http/1.1",
        .local_protocol_name = protocols[0].name,
        .retry_and_idle_policy = &no_pings,
        .pwsi = &http->wsi,
    };
    http->pending = true;
    http->asked = false;
    http->wsi = NULL;
    client_tls_begin(http->tls, &http->url);
    if (lws_client_connect_via_info(&info) == NULL && http->pending) {
        http->wsi = NULL; /* lws failed without a callback */
        failed(http, NULL, NO_CONNECTION);
    }
    buf_finish(&whole);
}

void client_http_drop(struct client_http *http)
{
    struct lws *wsi = http->wsi;

    http->wsi = NULL;
    http->pending = false;
    if (wsi != NULL)
        lws_set_timeout(wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
}

void client_http_set_timer(struct client_http *http, int64_t delay_ms)
{
    if (delay_ms < 0)
        lws_sul_cancel(&http->timer);
    else
        lws_sul_schedule(http->context, 0, &http->timer, timer_fired,
                         (delay_ms + 1) * LWS_US_PER_MS);
}

void client_http_leave(struct client_http *http)
{
    http->left = true;
    http->wsi = NULL; /* it ends with the context */
    lws_sul_cancel(&http->timer);
}
