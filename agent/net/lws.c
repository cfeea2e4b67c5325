#include "net/lws.h"

#include <libwebsockets.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "model/snapshot.h"
#include "net/address.h"
#include "net/complaint.h"
#include "protocol/document.h"

_Static_assert(SNAPSHOT_HEADROOM >= LWS_PRE, "a frame header does not fit before the data");

enum {
    SLICES = 10, /* sessions are ticked a slice at a time, each about once a second */
    QUERY_VALUE_MAX = 3072,
    BODY_MAX = 1024
};

struct connection { /* lws allocates one for each socket */
    struct lws *wsi;
    struct session *session;
    struct connection *prev, *next; /* in a slice */
    unsigned slice;
};

struct server {
    struct server_options o;
    struct lws_context *context;
    struct lws_protocols protocols[2];
    struct loop *loop;           /* NULL: libwebsockets' own poll loop */
    lws_sorted_usec_list_t tick; /* of the poll loop */
    bool stop;
    bool refusing;
    uint16_t port;
    struct connection *slices[SLICES];
    unsigned next_slice; /* for the next connection */
    unsigned tick_slice;
    struct log_limit limit_log;
};

/* --- transport for sessions ------------------------------------------------------------------ */

static void want_write(void *connection)
{
    lws_callback_on_writable(((struct connection *)connection)->wsi);
}

static void pause_reading(void *connection, bool paused)
{
    lws_rx_flow_control(((struct connection *)connection)->wsi, paused ? 0 : 1);
}

static void kill_connection(void *connection)
{
    lws_set_timeout(((struct connection *)connection)->wsi, PENDING_TIMEOUT_USER_REASON_BASE,
                    LWS_TO_KILL_ASYNC);
}

static int64_t quiet_ms(void *connection)
{
    int fd = lws_get_socket_fd(((struct connection *)connection)->wsi);
    struct tcp_info info;
    socklen_t len = sizeof(info);

    if (fd < 0 || getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0)
        return -1;
    return info.tcpi_last_data_recv;
}

static const struct transport_ops transport_ops = {want_write, pause_reading, kill_connection,
                                                   quiet_ms};

static void slice_add(struct server *server, struct connection *c)
{
    c->slice = server->next_slice++ % SLICES;
    c->prev = NULL;
    c->next = server->slices[c->slice];
    if (c->next)
        c->next->prev = c;
    server->slices[c->slice] = c;
}

static void slice_remove(struct server *server, struct connection *c)
{
    if (c->prev)
        c->prev->next = c->next;
    else
        server->slices[c->slice] = c->next;
    if (c->next)
        c->next->prev = c->prev;
}

/* --- what a client sent with its request ----------------------------------------------------- */

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

/* The library has split at '&' and decoded; the first of each name counts. False: no memory. */
static bool read_query(struct lws *wsi, struct request *request)
{
    char text[QUERY_VALUE_MAX];

    for (int n = 0; lws_hdr_fragment_length(wsi, WSI_TOKEN_HTTP_URI_ARGS, n) > 0; n++) {
        int len = lws_hdr_copy_fragment(wsi, text, sizeof(text), WSI_TOKEN_HTTP_URI_ARGS, n);
        size_t name = len > 0 ? strcspn(text, "=") : 0;
        const char *value = len > 0 && text[name] ? text + name + 1 : ""; /* `?id` is empty */
        for (int i = 0; len > 0 && i < Q_COUNT; i++) {
            if (request->values[i] || strlen(query_names[i]) != name ||
                memcmp(text, query_names[i], name) != 0)
                continue;
            request->values[i] = strdup(value);
            if (!request->values[i])
                return false;
        }
    }
    return true;
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

static int on_established(struct server *server, struct lws *wsi, struct connection *c)
{
    struct request request = {0};
    struct session_address address = {0};
    char peer[46] = "";

    c->wsi = wsi;
    lws_get_peer_simple(wsi, peer, sizeof(peer));
    if (read_query(wsi, &request) && read_authorization(wsi, &request)) {
        bool query = request.values[Q_ID] || request.values[Q_TOKEN];
        address.peer = peer;
        address.in.id = query ? request.values[Q_ID] : request.header_id;
        address.in.token = query ? request.values[Q_TOKEN] : request.header_token;
        address.in.device = request.values[Q_DEVICE];
        address.in.game_code = request.values[Q_GAME_CODE];
        address.subscribe = request.values[Q_SUBSCRIBE];
        c->session = session_create(server->o.env, c, &address);
    }
    request_finish(&request);
    if (!c->session)
        return -1;
    slice_add(server, c);
    return 0;
}

static int on_closed(struct server *server, struct connection *c)
{
    if (!c->session)
        return 0;
    slice_remove(server, c);
    session_destroy(c->session);
    c->session = NULL;
    return 0;
}

static int on_receive(struct lws *wsi, struct connection *c, const char *bytes, size_t len)
{
    if (!c->session)
        return -1;
    if (lws_frame_is_binary(wsi))
        session_binary(c->session);
    else
        session_receive(c->session, bytes, len,
                        lws_is_final_fragment(wsi) && lws_remaining_packet_payload(wsi) == 0);
    return 0;
}

/* One write for each callback, as the library demands. */
static int on_writable(struct lws *wsi, struct connection *c)
{
    struct session_frame frame;
    unsigned char ping[LWS_PRE + 1] = {0};
    unsigned char reason[SESSION_CLOSE_REASON_MAX + 1];
    size_t len;

    if (!c->session)
        return -1;
    frame = session_next(c->session);
    switch (frame.kind) {
    case SESSION_NOTHING:
        break;
    case SESSION_TEXT:
        if (lws_write(wsi, (unsigned char *)frame.data, frame.len, LWS_WRITE_TEXT) < (int)frame.len)
            return -1;
        break;
    case SESSION_PING:
        /* With a byte in it: the library keeps pongs without payload to itself. */
        if (lws_write(wsi, ping + LWS_PRE, 1, LWS_WRITE_PING) < 0)
            return -1;
        break;
    case SESSION_CLOSE:
        len = strlen(frame.reason);
        memcpy(reason, frame.reason, len);
        lws_close_reason(wsi, (enum lws_close_status)frame.code, reason, len);
        return -1;
    }
    if (session_written(c->session))
        lws_callback_on_writable(wsi);
    return 0;
}

/* --- HTTP ------------------------------------------------------------------------------------ */

static int http_reply(struct lws *wsi, int status, const struct buf *body)
{
    unsigned char out[LWS_PRE + 512 + BODY_MAX], *start = out + LWS_PRE, *p = start;
    unsigned char *end = out + sizeof(out);

    if (body->len > BODY_MAX ||
        lws_add_http_common_headers(wsi, (unsigned)status, "application/json", body->len, &p,
                                    end - BODY_MAX) ||
        lws_add_http_header_by_name(wsi, (const unsigned char *)"cache-control:",
                                    (const unsigned char *)"no-store", 8, &p, end - BODY_MAX) ||
        lws_finalize_http_header(wsi, &p, end - BODY_MAX))
        return -1;
    if (lws_hdr_total_length(wsi, WSI_TOKEN_HEAD_URI) <= 0) {
        memcpy(p, body->data, body->len);
        p += body->len;
    }
    if (lws_write(wsi, start, (size_t)(p - start), LWS_WRITE_HTTP_FINAL) < 0)
        return -1;
    return lws_http_transaction_completed(wsi) ? -1 : 0;
}

static int on_http(struct server *server, struct lws *wsi, const char *path)
{
    const char *method = lws_hdr_total_length(wsi, WSI_TOKEN_GET_URI) > 0    ? "GET"
                         : lws_hdr_total_length(wsi, WSI_TOKEN_HEAD_URI) > 0 ? "HEAD"
                                                                             : "other";
    struct http_facts facts = {0};
    struct buf body;
    int rc, status;

    server->o.facts(server->o.hooks.ctx, &facts);
    buf_init(&body, BODY_MAX);
    status = http_respond(method, path, &facts, &body);
    rc = buf_ok(&body) ? http_reply(wsi, status, &body) : -1;
    buf_finish(&body);
    return rc;
}

static int refuse_upgrade(struct lws *wsi, int status, const char *why)
{
    struct buf body;

    buf_init(&body, BODY_MAX);
    answer_error(&body, why, NULL);
    (void)http_reply(wsi, status, &body);
    buf_finish(&body);
    return -1;
}

/* Only `websocket`, only at our two addresses, only what the library can go on with. */
static int on_confirm_upgrade(struct lws *wsi)
{
    char text[32];

    /* Without the header the library asks with freed memory at hand (CVE-2025-11677). */
    if (lws_hdr_total_length(wsi, WSI_TOKEN_UPGRADE) <= 0 ||
        lws_hdr_copy(wsi, text, sizeof(text), WSI_TOKEN_UPGRADE) < 0 ||
        strcasecmp(text, "websocket") != 0)
        return -1;
    if (lws_hdr_copy(wsi, text, sizeof(text), WSI_TOKEN_GET_URI) <= 0 ||
        (strcmp(text, "/") != 0 && strcmp(text, "/v1/ws") != 0))
        return refuse_upgrade(wsi, 404, "Not found");
    if (lws_hdr_copy(wsi, text, sizeof(text), WSI_TOKEN_VERSION) <= 0 || strcmp(text, "13") != 0)
        return refuse_upgrade(wsi, 400, "Sec-WebSocket-Version must be 13");
    if (lws_hdr_copy(wsi, text, sizeof(text), WSI_TOKEN_PROTOCOL) != 0 &&
        strcmp(text, "studio") != 0)
        return refuse_upgrade(wsi, 400, "No subprotocol is spoken here: send none");
    return 0;
}

/* --- the library's callback ------------------------------------------------------------------ */

static bool may_arrive(struct server *server)
{
    if (server->refusing)
        return false;
    if (admission_arrive(server->o.env->admission)) {
        admission_depart(server->o.env->admission); /* counted once it is a connection */
        return true;
    }
    log_limited(&server->limit_log, LOG_WARN, "server",
                "far over the limit of %zu connections: more are dropped", server->o.connections);
    return false;
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t len)
{
    struct server *server = lws_context_user(lws_get_context(wsi));
    struct connection *c = user;

    switch (reason) {
    case LWS_CALLBACK_FILTER_NETWORK_CONNECTION:
        return may_arrive(server) ? 0 : 1;
    case LWS_CALLBACK_SERVER_NEW_CLIENT_INSTANTIATED:
        if (admission_arrive(server->o.env->admission))
            lws_set_opaque_user_data(wsi, server); /* marks it as counted */
        return 0;
    case LWS_CALLBACK_WSI_DESTROY:
        if (lws_get_opaque_user_data(wsi))
            admission_depart(server->o.env->admission);
        return 0;
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
        return on_confirm_upgrade(wsi);
    case LWS_CALLBACK_ESTABLISHED:
        return on_established(server, wsi, c);
    case LWS_CALLBACK_RECEIVE:
        return on_receive(wsi, c, in, len);
    case LWS_CALLBACK_RECEIVE_PONG:
        if (c->session)
            session_alive(c->session);
        return 0;
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return on_writable(wsi, c);
    case LWS_CALLBACK_CLOSED:
        return on_closed(server, c);
    case LWS_CALLBACK_HTTP:
        return on_http(server, wsi, in);
    case LWS_CALLBACK_EVENT_WAIT_CANCELLED:
        if (!server->loop && server->context)
            server->o.hooks.wake(server->o.hooks.ctx);
        return 0;
    case LWS_CALLBACK_ADD_HEADERS:
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
    case LWS_CALLBACK_FILTER_HTTP_CONNECTION:
        return 0;
    default:
        return 0;
    }
}

/* --- loop ------------------------------------------------------------------------------------ */

static void tick_sessions(struct server *server)
{
    struct connection *c = server->slices[server->tick_slice++ % SLICES], *next;

    for (; c; c = next) {
        next = c->next;
        session_tick(c->session);
    }
}

static void on_tick(void *ctx)
{
    struct server *server = ctx;

    tick_sessions(server);
    server->o.hooks.tick(server->o.hooks.ctx);
    if (server->loop) /* the library's own timers need a nudge on a foreign loop */
        lws_cancel_service(server->context);
}

static void on_wake(void *ctx)
{
    struct server *server = ctx;

    server->o.hooks.wake(server->o.hooks.ctx);
}

static void on_turn(void *ctx)
{
    struct server *server = ctx;

    server->o.hooks.turn(server->o.hooks.ctx);
}

static void on_poll_tick(lws_sorted_usec_list_t *sul)
{
    struct server *server = lws_container_of(sul, struct server, tick);

    on_tick(server);
    lws_sul_schedule(server->context, 0, &server->tick, on_poll_tick,
                     (lws_usec_t)LOOP_TICK_MS * 1000);
}

void server_run(struct server *server)
{
    if (server->loop) {
        loop_run(server->loop);
        return;
    }
    on_poll_tick(&server->tick);
    while (!server->stop && lws_service(server->context, 0) >= 0)
        on_turn(server);
    lws_sul_cancel(&server->tick);
}

void server_stop(struct server *server)
{
    server->stop = true;
    if (server->loop)
        loop_stop(server->loop);
    else
        lws_cancel_service(server->context);
}

void server_wake(struct server *server)
{
    if (server->loop)
        loop_wake(server->loop);
    else
        lws_cancel_service(server->context);
}

/* --- construction ---------------------------------------------------------------------------- */

static void emit_log(int level, const char *line)
{
    complaint_log(level == LLL_ERR, line);
}

static struct lws_context *create_context(struct server *server)
{
    static const lws_retry_bo_t no_pings = {0}; /* the library's own cost too much; we ping */
    void *loops[1] = {server->loop ? loop_ev(server->loop) : NULL};
    struct lws_context_creation_info info = {
        .options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_VALIDATE_UTF8 |
                   LWS_SERVER_OPTION_SKIP_SERVER_CANONICAL_NAME,
        .user = server,
        .gid = -1,
        .uid = -1,
        .pt_serv_buf_size = 32768,
        .max_http_header_data = 8192, /* only while a request is read */
        .max_http_header_pool = 2048,
        .retry_and_idle_policy = &no_pings,
    };

    if (server->loop) {
        info.options |= LWS_SERVER_OPTION_LIBEV;
        info.foreign_loops = loops;
    }
    return lws_create_context(&info);
}

static bool open_loop(struct server *server)
{
    struct loop_hooks hooks = {on_wake, on_tick, on_turn, server};

    if (server->o.event_loop != LOOP_POLL) {
        server->loop = loop_create(&hooks);
        if (server->loop)
            server->context = create_context(server);
        if (server->context)
            return true;
        loop_destroy(server->loop);
        server->loop = NULL;
        if (server->o.event_loop == LOOP_LIBEV)
            return false;
        log_warn("server", "libwebsockets cannot use libev (install the package "
                           "libwebsockets-evlib-ev); thousands of connections will cost much more");
    }
    server->context = create_context(server);
    return server->context != NULL;
}

static struct lws_vhost *listen_on(struct server *server, const struct address *address,
                                   uint16_t port, const char *name)
{
    static const lws_retry_bo_t no_pings = {0};
    struct lws_context_creation_info info = {
        .options = LWS_SERVER_OPTION_FAIL_UPON_UNABLE_TO_BIND | LWS_SERVER_OPTION_VALIDATE_UTF8 |
                   LWS_SERVER_OPTION_SKIP_SERVER_CANONICAL_NAME,
        .port = port,
        .iface = address->text[0] ? address->text : NULL,
        .vhost_name = name,
        .protocols = server->protocols,
        .alpn = "http/1.1",
        .timeout_secs = 5,
        .timeout_secs_ah_idle = 5,
        .keepalive_timeout = 15,
        .retry_and_idle_policy = &no_pings,
    };

    if (!address->ipv6)
        info.options |= LWS_SERVER_OPTION_DISABLE_IPV6;
    return lws_create_vhost(server->context, &info);
}

static enum studio_err open_ports(struct server *server, struct studio_error *error)
{
    struct addresses addresses;
    enum studio_err err = addresses_find(server->o.host, server->o.port, &addresses, error);

    if (err != STUDIO_OK)
        return err;
    server->port = server->o.port;
    for (int i = 0; i < addresses.count; i++) {
        struct lws_vhost *vhost =
            listen_on(server, &addresses.list[i], server->port, i == 0 ? "studio" : "studio6");
        if (!vhost && i > 0) { /* the free port of 127.0.0.1 is taken on ::1 */
            log_warn("server", "cannot listen on [%s] port %u as well", addresses.list[i].text,
                     server->port);
            break;
        }
        if (!vhost)
            return studio_error_set(error, STUDIO_ERR_ADDRESS, ": cannot listen on %s port %u",
                                    server->o.host, server->port);
        if (server->port == 0)
            server->port = (uint16_t)lws_get_vhost_listen_port(vhost);
    }
    return STUDIO_OK;
}

enum studio_err server_create(const struct server_options *options, struct server **out,
                              struct studio_error *error)
{
    struct server *server = calloc(1, sizeof(*server));
    enum studio_err err;

    *out = NULL;
    if (!server)
        return studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
    server->o = *options;
    server->o.env->ops = &transport_ops;
    server->protocols[0] = (struct lws_protocols){
        .name = "studio",
        .callback = on_event,
        .per_session_data_size = sizeof(struct connection),
        .rx_buffer_size = 1024,
        .tx_packet_size = 65536,
    };
    lws_set_log_level(LLL_ERR | LLL_WARN, emit_log);
    err = open_loop(server) ? open_ports(server, error)
                            : studio_error_set(error, STUDIO_ERR_IO, ": no event loop");
    if (err != STUDIO_OK) {
        server_destroy(server);
        return err;
    }
    *out = server;
    return STUDIO_OK;
}

void server_destroy(struct server *server)
{
    if (!server)
        return;
    if (server->context)
        lws_context_destroy(server->context);
    loop_destroy(server->loop);
    free(server);
}

uint16_t server_port(const struct server *server)
{
    return server->port;
}

void server_refuse(struct server *server)
{
    server->refusing = true;
}

void server_each(struct server *server, void (*fn)(void *ctx, struct session *session), void *ctx)
{
    for (int i = 0; i < SLICES; i++) {
        for (struct connection *c = server->slices[i], *next; c; c = next) {
            next = c->next;
            fn(ctx, c->session);
        }
    }
}
