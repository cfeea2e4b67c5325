#include "client_ws.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libwebsockets.h>

#include "base/buf.h"
#include "base/text.h"
#include "client_error.h"
#include "client_servers.h"

enum {
    LEAVE_WAIT_MS = 1000,
    DROP_WAIT_S = 5,     /* for a dropped connection that cannot even take a close frame */
    REASON_MAX = 123,    /* RFC 6455: 125 bytes of control frame without the code */
    PING_AFTER_S = 20,   /* of silence: a watcher must notice a server that went without a word */
    HANGUP_AFTER_S = 30, /* */
    FDS_MAX = 48,    /* the wake-up, a name lookup, a connection and some that lws still closes */
    IO_CHUNK = 4096, /* */
    RETRY_TEXT_MAX = 16
};

struct client_ws {
    struct lws_context *context;
    struct client_tls *tls;
    struct url url;
    const struct client_ws_ops *ops;
    void *ctx;
    struct lws *wsi; /* the connection; NULL when there is none or it was dropped */
    bool pending;    /* neither open nor told to have failed */
    bool asked;      /* for a WebSocket, without an answer yet */
    bool open;
    bool leaving, left;
    unsigned retry_s;      /* of the last answer that was no upgrade */
    unsigned dropped_code; /* for dropped connections still to be told */
    struct lws *dropped;   /* the one whose end client_ws_leave waits for */
    struct buf rx;         /* a message being put together */
    bool rx_skip;          /* it is binary */
    unsigned peer_code;    /* of the server's close frame */
    char peer_reason[REASON_MAX + 1];
    lws_sorted_usec_list_t timer;
    lws_sorted_usec_list_t leave_timer;
    unsigned char tx[LWS_PRE + CLIENT_WS_TX_MAX];
};

static const lws_retry_bo_t idle_policy = {.secs_since_valid_ping = PING_AFTER_S,
                                           .secs_since_valid_hangup = HANGUP_AFTER_S};

/* The connection is over: told once, whatever lws still does with it. */
static void ended(struct client_ws *ws, unsigned code, const char *reason)
{
    ws->wsi = NULL;
    ws->pending = false;
    ws->open = false;
    buf_clear(&ws->rx);
    ws->ops->closed(ws->ctx, code, reason);
}

/* The first two bytes of a close frame are the code, the rest is the reason. */
static void keep_close_reason(struct client_ws *ws, const unsigned char *in, size_t len)
{
    if (len < 2) {
        ws->peer_code = 0;
        ws->peer_reason[0] = '\0';
        return;
    }
    size_t n = len - 2 < REASON_MAX ? len - 2 : REASON_MAX;
    ws->peer_code = (unsigned)in[0] << 8 | in[1];
    memcpy(ws->peer_reason, in + 2, n);
    ws->peer_reason[n] = '\0';
    /* lws 4.1 does not know these two and hands them over as 1002. */
    if (ws->peer_code != CLOSE_PROTOCOL)
        return;
    if (strcmp(ws->peer_reason, studio_err_text(STUDIO_ERR_LIMIT)) == 0)
        ws->peer_code = CLOSE_TRY_LATER;
    else if (strcmp(ws->peer_reason, "Service restart") == 0)
        ws->peer_code = CLOSE_RESTART;
}

/* Ends a connection whose server sends what it must not. Not from inside the receive callback, where
 * lws 4.1 would go on with the rest of the frame in memory it has given up: when it can be written. */
static void give_up(struct client_ws *ws, unsigned code, const char *why)
{
    client_ws_drop(ws, code);
    ws->ops->closed(ws->ctx, 0, why);
}

/* lws hands over pieces, not messages. */
static void receive(struct client_ws *ws, struct lws *wsi, const char *in, size_t len)
{
    if (lws_is_first_fragment(wsi)) {
        buf_clear(&ws->rx);
        ws->rx_skip = lws_frame_is_binary(wsi) != 0;
    }
    if (ws->rx_skip)
        return;
    buf_add(&ws->rx, in, len);
    if (!buf_ok(&ws->rx)) {
        give_up(ws, CLOSE_TOO_LARGE, "the server sent a message of more than 128 KiB");
        return;
    }
    if (!lws_is_final_fragment(wsi) || ws->rx.len == 0)
        return;
    if (!text_utf8_valid(ws->rx.data, ws->rx.len)) {
        give_up(ws, CLOSE_NOT_UTF8, "the server sent a text that is not UTF-8");
        return;
    }
    ws->ops->text(ws->ctx, ws->rx.data, ws->rx.len);
}

/* One message a turn, as lws wants it. Returns -1 to close. */
static int send_next(struct client_ws *ws, struct lws *wsi)
{
    size_t len = ws->ops->next(ws->ctx, (char *)ws->tx + LWS_PRE, CLIENT_WS_TX_MAX);

    if (len == 0)
        return 0;
    int sent = lws_write(wsi, ws->tx + LWS_PRE, len, LWS_WRITE_TEXT);
    memset(ws->tx, 0, sizeof(ws->tx)); /* it may have been the token */
    if (sent < (int)len)
        return -1;
    lws_callback_on_writable(wsi);
    return 0;
}

static void connection_gone(struct client_ws *ws, struct lws *wsi, unsigned code, const char *why)
{
    if (wsi == ws->dropped)
        ws->dropped = NULL;
    if (wsi == ws->wsi)
        ended(ws, code, why);
    if (ws->leaving && ws->dropped == NULL)
        ws->left = true;
}

#define NO_CONNECTION "no connection could be made"
#define LOST          "the connection was lost"

static void not_connected(struct client_ws *ws, struct lws *wsi, const char *why)
{
    char text[CLIENT_WHY_MAX];

    client_tls_explain(ws->tls, ws->asked, why, text);
    connection_gone(ws, wsi, 0, text);
}

unsigned client_ws_retry_of(struct lws *wsi)
{
    char text[RETRY_TEXT_MAX] = "";
    long seconds = lws_hdr_copy(wsi, text, sizeof(text), WSI_TOKEN_HTTP_RETRY_AFTER) > 0
                       ? strtol(text, NULL, 10)
                       : 0;

    return seconds >= 1 && seconds <= SERVERS_RETRY_MAX_S ? (unsigned)seconds : 0;
}

/* lws tells of an answer that is no upgrade without saying which it was. */
static void not_upgraded(struct client_ws *ws, struct lws *wsi, const char *why)
{
    unsigned status = lws_http_client_http_response(wsi);
    char text[CLIENT_WHY_MAX];

    if (status < 100 || status == 101) {
        not_connected(ws, wsi, why != NULL ? why : NO_CONNECTION);
        return;
    }
    if (wsi == ws->wsi)
        ws->retry_s = client_ws_retry_of(wsi);
    if (status == HTTP_STATUS_SERVICE_UNAVAILABLE)
        snprintf(text, sizeof(text),
                 "it does not serve now (HTTP 503): a standby, or a proxy with no agent behind it");
    else if (status == HTTP_STATUS_UNAUTHORIZED)
        snprintf(text, sizeof(text), "the server refuses the login (HTTP 401)");
    else
        snprintf(text, sizeof(text),
                 "the server answered HTTP %u instead of a WebSocket; is this its path? An agent "
                 "listens at / and /v1/ws%s",
                 status, status == 400 && !ws->url.tls ? ", and with TLS at wss://" : "");
    connection_gone(ws, wsi, status, text);
}

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t len)
{
    struct lws_context *context = lws_get_context(wsi);
    struct client_ws *ws = context != NULL ? lws_context_user(context) : NULL;
    (void)user;

    if (ws == NULL)
        return 0;
    switch (reason) {
    case LWS_CALLBACK_EVENT_WAIT_CANCELLED:
        if (!ws->leaving)
            ws->ops->woken(ws->ctx);
        return 0;
    case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
        ws->asked = true;
        return 0;
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
        if (wsi != ws->wsi)
            return -1;
        ws->pending = false;
        ws->open = true;
        ws->peer_code = 0;
        ws->peer_reason[0] = '\0';
        ws->ops->opened(ws->ctx);
        return 0;
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        not_upgraded(ws, wsi, in);
        return 0;
    case LWS_CALLBACK_CLIENT_RECEIVE:
        if (wsi == ws->wsi)
            receive(ws, wsi, in, len);
        return 0;
    case LWS_CALLBACK_CLIENT_WRITEABLE:
        if (wsi == ws->wsi)
            return send_next(ws, wsi);
        lws_close_reason(wsi, (enum lws_close_status)ws->dropped_code, NULL, 0);
        return -1;
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        /* lws waits for the TCP end from here on, up to seconds: for us it is over now. */
        if (wsi == ws->wsi) {
            keep_close_reason(ws, in, len);
            ended(ws, ws->peer_code, ws->peer_reason);
        }
        return 0;
    case LWS_CALLBACK_CLIENT_CLOSED:
        connection_gone(ws, wsi, 0, LOST);
        return 0;
    case LWS_CALLBACK_WSI_DESTROY: /* all that is told where a request could not be written */
        not_connected(ws, wsi, LOST);
        return 0;
    default:
        return 0;
    }
}

static const struct lws_protocols protocols[] = {
    {.name = "studio",
     .callback = callback,
     .rx_buffer_size = IO_CHUNK,
     .tx_packet_size = CLIENT_WS_TX_MAX},
    {.name = NULL},
};

static void timer_fired(lws_sorted_usec_list_t *timer)
{
    struct client_ws *ws = lws_container_of(timer, struct client_ws, timer);

    if (!ws->leaving)
        ws->ops->timer(ws->ctx);
}

static void leave_fired(lws_sorted_usec_list_t *timer)
{
    struct client_ws *ws = lws_container_of(timer, struct client_ws, leave_timer);

    ws->left = true;
}

/* A library must not write to standard error; what goes wrong is told through `closed`. */
static void silence(void)
{
    lws_set_log_level(0, NULL);
}

struct lws_context *client_ws_context(struct client_tls *tls, const struct lws_protocols *list,
                                      void *user)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .protocols = list,
        .user = user,
        .fd_limit_per_thread = FDS_MAX, /* else a table for every descriptor the limit allows */
        .http_proxy_address = "",       /* not whatever http_proxy says: this is a local network */
        .retry_and_idle_policy = &idle_policy,
    };

    pthread_once(&once, silence);
    if (tls != NULL) {
        info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
        info.provided_client_ssl_ctx = client_tls_context(tls);
    }
    return lws_create_context(&info);
}

enum studio_err client_ws_create(bool tls, const struct studio_client_options *options,
                                 const struct client_ws_ops *ops, void *ctx, struct client_ws **out,
                                 struct studio_error *error)
{
    struct client_ws *ws = calloc(1, sizeof(*ws));
    enum studio_err err;

    *out = NULL;
    if (ws == NULL)
        return studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
    ws->ops = ops;
    ws->ctx = ctx;
    buf_init(&ws->rx, CLIENT_WS_RX_MAX);
    err = tls ? client_tls_create(options, &ws->tls, error) : STUDIO_OK;
    if (err == STUDIO_OK && (ws->context = client_ws_context(ws->tls, protocols, ws)) == NULL)
        err = studio_error_set(error, STUDIO_ERR_NO_MEMORY, ": libwebsockets could not start");
    if (err == STUDIO_OK)
        *out = ws;
    else
        client_ws_destroy(ws);
    return err;
}

void client_ws_destroy(struct client_ws *ws)
{
    if (ws == NULL)
        return;
    if (ws->context != NULL) {
        ws->leaving = true; /* lws still calls back while it closes things */
        ws->wsi = NULL;
        lws_sul_cancel(&ws->timer);
        lws_sul_cancel(&ws->leave_timer);
        lws_context_destroy(ws->context);
    }
    client_tls_destroy(ws->tls);
    buf_finish(&ws->rx);
    free(ws);
}

void client_ws_run(struct client_ws *ws)
{
    ws->ops->woken(ws->ctx);
    while (!ws->left && lws_service(ws->context, 0) >= 0)
        ;
}

void client_ws_wake(struct client_ws *ws)
{
    lws_cancel_service(ws->context);
}

void client_ws_connect(struct client_ws *ws, const struct url *url, const char *path)
{
    ws->url = *url;
    struct lws_client_connect_info info = {
        .context = ws->context,
        .address = ws->url.host,
        .port = ws->url.port,
        .path = path,
        .host = ws->url.authority,
        .ssl_connection = LCCSCF_HTTP_NO_FOLLOW_REDIRECT | (ws->url.tls ? LCCSCF_USE_SSL : 0),
        .alpn = "http/1.1",
        .ietf_version_or_minus_one = -1,
        .local_protocol_name = protocols[0].name,
        .retry_and_idle_policy = &idle_policy,
        .pwsi = &ws->wsi,
    };

    char why[CLIENT_WHY_MAX];

    ws->pending = true;
    ws->open = false;
    ws->asked = false;
    ws->wsi = NULL;
    buf_clear(&ws->rx);
    ws->retry_s = 0;
    client_tls_begin(ws->tls, &ws->url);
    if (lws_client_connect_via_info(&info) == NULL && ws->pending) {
        client_tls_explain(ws->tls, false, NO_CONNECTION, why);
        ended(ws, 0, why); /* lws failed without a callback */
    }
}

void client_ws_want_send(struct client_ws *ws)
{
    if (ws->wsi != NULL && ws->open)
        lws_callback_on_writable(ws->wsi);
}

unsigned client_ws_retry_after(const struct client_ws *ws)
{
    return ws->retry_s;
}

bool client_ws_handshaking(const struct client_ws *ws)
{
    return ws->pending && client_tls_pending(ws->tls);
}

void client_ws_drop(struct client_ws *ws, unsigned code)
{
    struct lws *wsi = ws->wsi;

    if (wsi == NULL)
        return;
    ws->wsi = NULL;
    ws->pending = false;
    ws->dropped = wsi;
    ws->dropped_code = code;
    buf_clear(&ws->rx);
    if (ws->open) {
        lws_set_timeout(wsi, PENDING_TIMEOUT_CLOSE_SEND, DROP_WAIT_S);
        lws_callback_on_writable(wsi);
    } else {
        lws_set_timeout(wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
    }
    ws->open = false;
}

void client_ws_set_timer(struct client_ws *ws, int64_t delay_ms)
{
    if (delay_ms < 0)
        lws_sul_cancel(&ws->timer);
    else
        lws_sul_schedule(ws->context, 0, &ws->timer, timer_fired, (delay_ms + 1) * LWS_US_PER_MS);
}

void client_ws_leave(struct client_ws *ws)
{
    bool open = ws->wsi != NULL && ws->open;

    ws->leaving = true;
    client_ws_drop(ws, CLOSE_NORMAL);
    lws_sul_cancel(&ws->timer);
    if (open)
        lws_sul_schedule(ws->context, 0, &ws->leave_timer, leave_fired,
                         LEAVE_WAIT_MS * LWS_US_PER_MS);
    else
        ws->left = true;
}
