#include "net/lws.h"

#include <fcntl.h>
#include <libwebsockets.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <utlist.h>

#include "base/log.h"
#include "net/address.h"
#include "net/complaint.h"
#include "net/door.h"
#include "net/http.h"
#include "net/tcp.h"
#include "net/wheel.h"
#include "net/ws.h"

struct connection { /* the library keeps one for each socket, and a new one for each request */
    struct wheel_node node;
    struct session *session;   /* either */
    struct exchange *exchange; /* or, or neither */
    struct lws *wsi;
    struct connection *prev, *next; /* in server->writing */
    bool writing;
};

struct server {
    struct server_options o;
    struct lws_context *context;
    struct lws_protocols protocols[2];
    char protocol_name[WS_PROTOCOL_MAX]; /* see ws_confirm */
    struct loop *loop;                   /* NULL: libwebsockets' own poll loop */
    lws_sorted_usec_list_t tick;         /* of the poll loop */
    bool stop;
    bool ticking; /* looking after connections, not called by one */
    uint16_t port;
    struct wheel wheel;         /* of connections */
    struct connection *writing; /* WebSocket connections with something to write in this turn */
    struct door *door;
};

/* --- transport: a connection is its wsi ------------------------------------------------------ */

/* A session is written at the end of the turn, straight to its socket: the library's way there is a turn of
 * the loop and two calls of the kernel longer. */
static void want_write(void *connection)
{
    struct server *server = lws_context_user(lws_get_context(connection));
    struct connection *c = lws_wsi_user(connection);

    if (!c || !c->session) { /* a request, or a session only just being made */
        lws_callback_on_writable(connection);
    } else if (!c->writing) {
        c->writing = true;
        DL_APPEND(server->writing, c);
    }
}

static void write_no_more(struct server *server, struct connection *c)
{
    if (c->writing)
        DL_DELETE(server->writing, c);
    c->writing = false;
}

static void pause_reading(void *connection, bool paused)
{
    lws_rx_flow_control(connection, paused ? 0 : 1);
}

/* From a tick at once: the library's timers wait while any socket has something for it, so one whose
 * bytes it does not read would never be cut. Within its own callbacks it must not be. */
static void kill_connection(void *connection)
{
    const struct server *server = lws_context_user(lws_get_context(connection));

    /* What the library has not been able to send it would try to send first. */
    (void)shutdown(lws_get_socket_fd(connection), SHUT_RDWR);
    lws_set_timeout(connection, PENDING_TIMEOUT_USER_REASON_BASE,
                    server->ticking ? LWS_TO_KILL_SYNC : LWS_TO_KILL_ASYNC);
}

static int64_t quiet_ms(void *connection)
{
    return tcp_quiet_ms(lws_get_socket_fd(connection));
}

static bool unread(void *connection, bool paused)
{
    return tcp_unread(lws_get_socket_fd(connection)) || (paused && http_keeps(connection));
}

static void become_known(void *connection)
{
    const struct server *server = lws_context_user(lws_get_context(connection));
    struct socket *socket = lws_get_opaque_user_data(connection);

    if (socket)
        door_know(server->door, socket);
}

static void write_all(struct server *server)
{
    struct connection *c;

    while ((c = server->writing) != NULL) {
        write_no_more(server, c);
        if (!ws_write_now(c->wsi, c->session))
            kill_connection(c->wsi);
    }
}

static const struct transport_ops transport_ops = {want_write, pause_reading, kill_connection,
                                                   quiet_ms,   unread,        become_known};

/* --- coming and going ------------------------------------------------------------------------ */

static void adopt(void *listener, int fd)
{
    (void)lws_adopt_socket_vhost(lws_get_vhost(listener), fd);
}

static void arrive(const struct server *server, struct lws *wsi)
{
    char peer[PEER_TEXT_MAX + 1] = "";

    lws_get_peer_simple(wsi, peer, sizeof(peer));
    lws_set_opaque_user_data(wsi, door_enter(server->door, wsi, peer));
    http_note(wsi);
}

static void depart(const struct server *server, struct lws *wsi)
{
    door_leave(server->door, lws_get_opaque_user_data(wsi));
    lws_set_opaque_user_data(wsi, NULL);
}

/* --- the library's callback ------------------------------------------------------------------ */

/* Keeps what was made for the connection; false: it could not be made. */
static bool keep(struct server *server, struct lws *wsi, struct session *session,
                 struct exchange *exchange)
{
    struct connection *c = lws_wsi_user(wsi);

    c->wsi = wsi;
    c->session = session;
    c->exchange = exchange;
    if (!session && !exchange)
        return false;
    wheel_add(&server->wheel, &c->node);
    return true;
}

/* The connection has ended, or its request has: the library says both in more ways than one. */
static int drop(struct server *server, struct connection *c)
{
    if (!c || (!c->session && !c->exchange))
        return 0;
    wheel_remove(&server->wheel, &c->node);
    write_no_more(server, c);
    session_destroy(c->session);
    exchange_destroy(c->exchange);
    c->session = NULL;
    c->exchange = NULL;
    return 0;
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t len)
{
    struct server *server = lws_context_user(lws_get_context(wsi));
    struct connection *c = user;

    switch (reason) {
    case LWS_CALLBACK_FILTER_NETWORK_CONNECTION:
        return !door_knock(server->door, wsi, (int)(intptr_t)in);
    case LWS_CALLBACK_SERVER_NEW_CLIENT_INSTANTIATED:
        arrive(server, wsi);
        return 0;
    case LWS_CALLBACK_RAW_RX_FILE:
        door_step(server->door);
        return 0;
    case LWS_CALLBACK_WSI_DESTROY:
        depart(server, wsi);
        return 0;
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
        return ws_confirm(wsi, in, server->protocol_name);
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
        server->protocol_name[0] = '\0';
        return 0;
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        return ws_peer_closes(wsi, len);
    case LWS_CALLBACK_ESTABLISHED:
        return keep(server, wsi, ws_open(server->o.sessions, wsi), NULL) ? 0 : -1;
    case LWS_CALLBACK_RECEIVE:
        return c->session ? ws_receive(wsi, c->session, in, len) : -1;
    case LWS_CALLBACK_RECEIVE_PONG:
        if (c->session)
            session_alive(c->session);
        return 0;
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return c->session ? ws_write(wsi, c->session) : -1;
    case LWS_CALLBACK_HTTP:
        return keep(server, wsi, NULL, http_open(server->o.exchanges, wsi, in)) ? 0 : -1;
    case LWS_CALLBACK_HTTP_BODY:
        if (c->exchange && len > 0)
            http_body(wsi, c->exchange, in, len);
        return 0;
    case LWS_CALLBACK_HTTP_WRITEABLE:
        return c && c->exchange ? http_write(wsi, c->exchange) : 0;
    case LWS_CALLBACK_CLOSED:
    case LWS_CALLBACK_CLOSED_HTTP:
    case LWS_CALLBACK_HTTP_DROP_PROTOCOL:
        return drop(server, c);
    case LWS_CALLBACK_EVENT_WAIT_CANCELLED:
        if (!server->loop && server->context)
            server->o.hooks.wake(server->o.hooks.ctx);
        return 0;
    default:
        return 0;
    }
}

/* --- loop ------------------------------------------------------------------------------------ */

static struct connection *of_node(struct wheel_node *node)
{
    return lws_container_of(node, struct connection, node);
}

static void tick(void *ctx, struct wheel_node *node)
{
    const struct connection *c = of_node(node);

    (void)ctx;
    if (c->session)
        session_tick(c->session);
    else
        exchange_tick(c->exchange);
}

static void on_tick(void *ctx)
{
    struct server *server = ctx;

    server->ticking = true;
    wheel_step(&server->wheel, tick, server);
    server->ticking = false;
    door_tick(server->door);
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

    door_turn(server->door);
    server->o.hooks.turn(server->o.hooks.ctx);
    write_all(server);
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
        .max_http_header_data = HTTP_HEADERS_MAX, /* only while a request is read */
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

static const char *const vhost_names[ADDRESS_COUNT_MAX] = {"studio", "studio6"};

static enum studio_err open_ports(struct server *server, struct studio_error *error)
{
    struct addresses addresses;
    enum studio_err err = addresses_find(server->o.host, server->o.port, &addresses, error);

    if (err != STUDIO_OK)
        return err;
    server->port = server->o.port;
    for (int i = 0; i < addresses.count && i < ADDRESS_COUNT_MAX; i++) {
        struct lws_vhost *vhost =
            listen_on(server, &addresses.list[i], server->port, vhost_names[i]);
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

/* The library watches a second descriptor of the door's, which it closes at its end. */
static enum studio_err watch_door(struct server *server, struct studio_error *error)
{
    struct lws_vhost *vhost = lws_get_vhost_by_name(server->context, vhost_names[0]);
    lws_sock_file_fd_type watched;

    if (door_fd(server->door) < 0)
        return STUDIO_OK;
    watched.filefd = fcntl(door_fd(server->door), F_DUPFD_CLOEXEC, 0);
    if (watched.filefd >= 0 &&
        lws_adopt_descriptor_vhost(vhost, LWS_ADOPT_RAW_FILE_DESC, watched, NULL, NULL))
        return STUDIO_OK;
    return studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
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
    server->o.door.ops = &transport_ops;
    server->o.door.adopt = adopt;
    server->door = door_create(&server->o.door);
    server->o.sessions->ops = server->o.exchanges->ops = &transport_ops;
    strcpy(server->protocol_name, "studio");
    server->protocols[0] = (struct lws_protocols){
        .name = server->protocol_name,
        .callback = on_event,
        .per_session_data_size = sizeof(struct connection),
        .rx_buffer_size = 256, /* kept for each WebSocket, and what is read at once */
        .tx_packet_size = 65536,
    };
    lws_set_log_level(LLL_ERR | LLL_WARN, emit_log);
    if (!server->door)
        err = studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
    else
        err = open_loop(server) ? open_ports(server, error)
                                : studio_error_set(error, STUDIO_ERR_IO, ": no event loop");
    if (err == STUDIO_OK)
        err = watch_door(server, error);
    if (err == STUDIO_OK)
        *out = server;
    else
        server_destroy(server);
    return err;
}

void server_destroy(struct server *server)
{
    if (!server)
        return;
    if (server->context)
        lws_context_destroy(server->context);
    loop_destroy(server->loop);
    door_destroy(server->door);
    free(server);
}

uint16_t server_port(const struct server *server)
{
    return server->port;
}

static void retire(void *ctx, struct wheel_node *node)
{
    if (of_node(node)->session)
        session_close(of_node(node)->session, 1001, "Server shutting down");
    else
        tick(ctx, node);
}

void server_retire(struct server *server)
{
    door_shut(server->door);
    server->o.exchanges->closing = true;
    wheel_each(&server->wheel, retire, server);
}

bool server_empty(const struct server *server)
{
    return server->o.sessions->count == 0 && server->o.exchanges->count == 0;
}
