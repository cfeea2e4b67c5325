#include "net/ws.h"

#include <libwebsockets.h>
#include <stdlib.h>
#include <string.h>

#include "model/snapshot.h"
#include "net/http.h"
#include "net/piece.h"
#include "net/socket.h"

_Static_assert(SNAPSHOT_HEADROOM >= LWS_PRE, "a frame header does not fit before the data");

enum {
    OFFER_MAX = 127,    /* of subprotocols: what the library reads */
    FRAMES_AT_ONCE = 64 /* of one session in a turn: the others wait for theirs */
};
static const char token_chars[] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.";

/* --- the handshake --------------------------------------------------------------------------- */

/*
 * No subprotocol is spoken, and a browser that offers one is to be let in all the same: the library
 * does that only for one it knows, so it gets to know the first that is offered, and forgets it before
 * it answers (lws.c). False: it cannot be read.
 */
static bool take_subprotocol(struct lws *wsi, char protocol[WS_PROTOCOL_MAX])
{
    char list[OFFER_MAX];
    size_t len;

    if (lws_hdr_total_length(wsi, WSI_TOKEN_PROTOCOL) <= 0)
        return true;
    if (lws_hdr_copy(wsi, list, sizeof(list), WSI_TOKEN_PROTOCOL) <= 0)
        return false;
    len = strcspn(list, ", \t");
    if (len == 0 || len >= WS_PROTOCOL_MAX || strspn(list, token_chars) < len)
        return false;
    memcpy(protocol, list, len);
    protocol[len] = '\0';
    return true;
}

/* Only `websocket`, only at our two addresses, only for our own pages, only what the library can go on with. A wish for HTTP/2
 * is passed over: the request is served as it came. */
int ws_confirm(struct session_env *env, struct lws *wsi, char *value,
               char protocol[WS_PROTOCOL_MAX])
{
    char text[32], peer[PEER_TEXT_MAX + 1];
    const char *closed;

    /* Without the header the library asks with freed memory at hand (CVE-2025-11677). */
    if (lws_hdr_total_length(wsi, WSI_TOKEN_UPGRADE) <= 0 ||
        lws_hdr_copy(wsi, text, sizeof(text), WSI_TOKEN_UPGRADE) < 0)
        return -1;
    if (strcasecmp(text, "h2c") == 0) {
        value[0] = '-'; /* the library looks at it again: now it asks for nothing */
        return 0;
    }
    if (strcasecmp(text, "websocket") != 0)
        return -1;
    if (lws_hdr_copy(wsi, text, sizeof(text), WSI_TOKEN_GET_URI) <= 0 ||
        (strcmp(text, "/") != 0 && strcmp(text, "/v1/ws") != 0))
        return http_refuse(wsi, 404, "Not found");
    if (lws_hdr_copy(wsi, text, sizeof(text), WSI_TOKEN_VERSION) <= 0 || strcmp(text, "13") != 0)
        return http_refuse(wsi, 400, "Sec-WebSocket-Version must be 13");
    (void)http_peer(&env->proxies, wsi, peer);
    if (!http_page_may(&env->origins, &env->logins, wsi, peer))
        return http_refuse(wsi, 403, EXCHANGE_FOREIGN);
    closed = env->closed ? env->closed(env->closed_ctx) : NULL;
    if (closed)
        return http_refuse(wsi, 503, closed);
    if (!take_subprotocol(wsi, protocol))
        return http_refuse(wsi, 400, "Sec-WebSocket-Protocol cannot be read");
    return 0;
}

int ws_peer_closes(struct lws *wsi, size_t len)
{
    if (len != 1)
        return 0;
    lws_close_reason(wsi, LWS_CLOSE_STATUS_PROTOCOL_ERR, NULL, 0);
    return -1;
}

static const char *const query_names[] = {"id", "token", "device", "gameCode", "subscribe"};
enum { Q_ID, Q_TOKEN, Q_DEVICE, Q_GAME_CODE, Q_SUBSCRIBE, Q_COUNT };

struct request {
    char *values[Q_COUNT]; /* owned; NULL where absent */
    char *header;          /* Authorization; owned */
    char *header_id, *header_token;
};

static void request_finish(struct request *request)
{
    for (int i = 0; i < Q_COUNT; i++)
        free(request->values[i]);
    free(request->header);
}

/* Keeps one `name=value`, if it is one of ours and the first of its name. */
static bool keep_parameter(struct request *request, const char *text)
{
    size_t name = strcspn(text, "=");
    const char *value = text[name] ? text + name + 1 : ""; /* `?id` is empty */

    for (int i = 0; i < Q_COUNT; i++) {
        if (request->values[i] || strlen(query_names[i]) != name ||
            memcmp(text, query_names[i], name) != 0)
            continue;
        request->values[i] = strdup(value);
        return request->values[i] != NULL;
    }
    return true;
}

/* False: no memory. */
static bool read_query(struct lws *wsi, struct request *request)
{
    char *arg;

    for (int n = 0; http_arg(wsi, &n, &arg);) {
        if (!arg)
            return true;
        bool ok = keep_parameter(request, arg);
        free(arg);
        if (!ok)
            break;
    }
    return false;
}

static bool read_authorization(struct lws *wsi, struct request *request)
{
    int len = lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_AUTHORIZATION);

    if (len <= 0)
        return true;
    request->header = malloc((size_t)len + 1);
    if (!request->header ||
        lws_hdr_copy(wsi, request->header, len + 1, WSI_TOKEN_HTTP_AUTHORIZATION) < 0)
        return false;
    if (!credentials_bearer(request->header, &request->header_id, &request->header_token))
        request->header_id = request->header_token = request->header + len; /* empty: missing */
    return true;
}

struct session *ws_open(struct session_env *env, struct lws *wsi)
{
    struct request request = {0};
    struct session_address address = {0};
    struct session *session = NULL;
    struct socket *socket = lws_get_opaque_user_data(wsi);
    struct holder holder;
    char peer[PEER_TEXT_MAX + 1];

    if (!socket)
        return NULL;
    (void)http_peer(&env->proxies, wsi, peer); /* no other request follows: whose it is stays so */
    memcpy(socket->peer, peer, sizeof(socket->peer));
    if (read_query(wsi, &request) && read_authorization(wsi, &request)) {
        bool query = request.values[Q_ID] || request.values[Q_TOKEN];
        address.peer = socket->peer;
        address.in.id = query ? request.values[Q_ID] : request.header_id;
        address.in.token = query ? request.values[Q_TOKEN] : request.header_token;
        address.in.device = request.values[Q_DEVICE];
        address.in.game_code = request.values[Q_GAME_CODE];
        address.subscribe = request.values[Q_SUBSCRIBE];
        if (holder_read(lws_get_ssl(wsi), env->certificate_user, &holder))
            address.holder = &holder;
        session = session_create(env, wsi, &address);
    }
    request_finish(&request);
    return session;
}

int ws_receive(struct lws *wsi, struct session *session, const char *bytes, size_t len)
{
    if (lws_frame_is_binary(wsi))
        session_binary(session);
    else
        session_receive(session, bytes, len,
                        lws_is_final_fragment(wsi) && lws_remaining_packet_payload(wsi) == 0);
    return 0;
}

/* --- writing ---------------------------------------------------------------------------------- */

static bool piece_send(struct lws *wsi, struct piece *piece)
{
    size_t len = piece->len;

    piece->len = 0;
    return len == 0 || lws_write(wsi, (unsigned char *)piece->bytes + SNAPSHOT_HEADROOM, len,
                                 LWS_WRITE_RAW) == (int)len;
}

/* The library has not been able to send all it was given, or says goodbye for itself. */
static bool is_held_up(struct lws *wsi)
{
    return lws_partial_buffered(wsi) || lws_get_close_length(wsi) > 0;
}

/* By the library: a text or a ping. Behind a piece it could not send whole it queues it, and says how much
 * of that has gone now. */
static bool write_one(struct lws *wsi, const struct session_frame *frame)
{
    unsigned char ping[LWS_PRE + 1] = {0};
    bool queued = is_held_up(wsi), text = frame->kind == SESSION_TEXT;
    /* With a byte in it: the library keeps pongs without payload to itself. */
    int n = text ? lws_write(wsi, (unsigned char *)frame->data, frame->len, LWS_WRITE_TEXT)
                 : lws_write(wsi, ping + LWS_PRE, 1, LWS_WRITE_PING);

    return queued ? n != -1 : n >= (text ? (int)frame->len : 0);
}

static bool write_frame(struct lws *wsi, struct piece *piece, const struct session_frame *frame)
{
    return (frame->kind == SESSION_TEXT && piece_add(piece, frame->data, frame->len)) ||
           (piece_send(wsi, piece) && write_one(wsi, frame));
}

bool ws_write_now(struct lws *wsi, struct session *session)
{
    struct piece piece; /* not to be zeroed: most are short */
    bool more = true;

    piece.len = 0;
    for (int i = 0; more && i < FRAMES_AT_ONCE; i++) {
        if (is_held_up(wsi) || session_ends(session))
            break; /* to close is for a callback */
        struct session_frame frame = session_next(session);
        if (frame.kind != SESSION_NOTHING && !write_frame(wsi, &piece, &frame))
            return false;
        more = session_written(session);
    }
    if (!piece_send(wsi, &piece))
        return false;
    if (more) {
        session_waits(session);
        lws_callback_on_writable(wsi);
    }
    return true;
}

/* One write for each callback, as the library demands. */
int ws_write(struct lws *wsi, struct session *session)
{
    struct session_frame frame;
    unsigned char reason[SESSION_CLOSE_REASON_MAX + 1];
    size_t len;

    frame = session_next(session);
    switch (frame.kind) {
    case SESSION_NOTHING:
        break;
    case SESSION_TEXT:
    case SESSION_PING:
        if (!write_one(wsi, &frame))
            return -1;
        break;
    case SESSION_CLOSE:
        len = strnlen(frame.reason, SESSION_CLOSE_REASON_MAX);
        memcpy(reason, frame.reason, len);
        lws_close_reason(wsi, (enum lws_close_status)frame.code, reason, len);
        return -1;
    }
    if (session_written(session))
        lws_callback_on_writable(wsi);
    return 0;
}
