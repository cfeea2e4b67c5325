#include "net/lws.h"

#include <errno.h>
#include <fcntl.h>
#include <libwebsockets.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#include "auth/certificate.h"
#include "base/log.h"
#include "net/context.h"
#include "net/door.h"
#include "net/http.h"
#include "net/inside.h"
#include "net/tcp.h"
#include "net/ws.h"

/* --- coming and going ------------------------------------------------------------------------ */

static void adopt(void *listener, int fd)
{
    (void)lws_adopt_socket_vhost(lws_get_vhost(listener), fd);
}

/* What comes next its peer has to say. */
static void wait_turn(struct server *server, struct lws *wsi)
{
    door_wait(server->door, lws_get_opaque_user_data(wsi), lws_get_socket_fd(wsi));
}

static void arrive(struct server *server, struct lws *wsi)
{
    char peer[PEER_TEXT_MAX + 1] = PEER_UNIX;
    struct socket *socket;

    if (!tcp_is_local(lws_get_socket_fd(wsi)))
        tcp_peer(lws_get_socket_fd(wsi), peer);
    socket = door_enter(server->door, wsi, peer);
    if (socket) {
        recheck_enter(&server->recheck, socket);
        DL_APPEND(server->sockets, socket);
    }
    lws_set_opaque_user_data(wsi, socket);
    http_note(wsi);
    if (!lws_get_ssl(
            wsi)) /* else once a request is whole: the library has to get through the handshake */
        wait_turn(server, wsi);
}

static void depart(struct server *server, struct lws *wsi)
{
    struct socket *socket = lws_get_opaque_user_data(wsi);

    connection_keep_time(server, wsi);
    if (socket) {
        recheck_leave(&server->recheck, socket);
        DL_DELETE(server->sockets, socket);
    }
    door_leave(server->door, socket);
    lws_set_opaque_user_data(wsi, NULL);
}

/* The listener the library watches for us; NULL: it is none. */
static const struct listener *listener_of(const struct server *server, const struct lws *wsi)
{
    for (size_t i = 0; i < server->listeners.count; i++)
        if (server->listeners.list[i].watched == wsi)
            return &server->listeners.list[i];
    return NULL;
}

static bool is_tls(const void *listener)
{
    return listener_of(lws_context_user(lws_get_context(listener)), listener)->tls;
}

static void let_in(struct server *server, struct lws *wsi, const struct listener *listener)
{
    char peer[PEER_TEXT_MAX + 1];
    int fd;

    if (server->o.exchanges->closing &&
        (listener->handed || server->retirement == SERVER_FOLLOWS)) {
        transport_ops.pause(wsi, true);
        return;
    }
    while (door_takes(server->door, wsi)) {
        enum listener_accepted accepted = listener_accept(listener, &fd);

        if (accepted == LISTENER_EMPTY)
            return;
        if (accepted == LISTENER_FAILED) {
            log_limited(&server->starved, LOG_ERROR, "server",
                        "a connection cannot be accepted: %s", strerror(errno));
            door_starve(server->door, wsi);
            return;
        }
        tcp_peer(fd, peer);
        if (door_knock(server->door, wsi, fd, peer))
            adopt(wsi, fd);
        else
            close(fd);
    }
}

/* --- an authority has been taken away ---------------------------------------------------------- */

static bool admits(void *ctx, void *connection)
{
    const struct server *server = ctx;
    const SSL *ssl = lws_get_ssl(connection);

    return !ssl || certificate_admits(server->certificate, ssl);
}

static void expel(void *ctx, void *connection)
{
    struct connection *c = lws_wsi_user(connection);

    (void)ctx;
    if (c && c->session)
        session_close(c->session, 1008, studio_err_text(STUDIO_ERR_AUTH_REVOKED));
    else
        transport_ops.kill(connection);
}

/* It is asked for something by who may not come any more. */
static bool is_out(struct server *server, struct lws *wsi, enum lws_callback_reasons reason)
{
    struct socket *socket = lws_get_opaque_user_data(wsi);

    switch (reason) {
    case LWS_CALLBACK_RECEIVE:
    case LWS_CALLBACK_HTTP:
    case LWS_CALLBACK_HTTP_BODY:
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
        return socket && !recheck_passes(&server->recheck, socket);
    default:
        return false;
    }
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
    if (session || exchange_expects(exchange))
        wait_turn(server, wsi);
    wheel_add(&server->wheel, &c->node);
    return true;
}

/* The connection has ended, or its request has: the library says both in more ways than one. */
static int drop(struct server *server, struct connection *c)
{
    if (!c || (!c->session && !c->exchange))
        return 0;
    wheel_remove(&server->wheel, &c->node);
    connection_forget(server, c);
    session_destroy(c->session);
    exchange_destroy(c->exchange);
    c->session = NULL;
    c->exchange = NULL;
    return 0;
}

/* A handshake has begun. */
static int show(SSL *ssl, void *ctx)
{
    const struct server *server = ctx;

    return certificate_show(server->certificate, ssl);
}

/* The library chooses among its vhosts by the name a client asks for; ours are no names. */
static bool prepare_tls(struct server *server, SSL_CTX *context)
{
    SSL_CTX_set_tlsext_servername_callback(context, NULL);
    SSL_CTX_set_cert_cb(context, show, server);
    server->tls_context = context;
    return certificate_serve(server->certificate, context);
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t len)
{
    struct server *server = lws_context_user(lws_get_context(wsi));
    struct connection *c = user;
    const struct listener *listener;

    if (server->timed != wsi)
        connection_untime(server);
    if (is_out(server, wsi, reason)) /* a session says why */
        return reason == LWS_CALLBACK_RECEIVE ? 0 : -1;
    switch (reason) {
    case LWS_CALLBACK_OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS:
        return !prepare_tls(server, user);
    case LWS_CALLBACK_SERVER_NEW_CLIENT_INSTANTIATED:
        arrive(server, wsi);
        return 0;
    case LWS_CALLBACK_RAW_RX_FILE:
        listener = listener_of(server, wsi);
        if (listener)
            let_in(server, wsi, listener);
        else if (wsi == server->floor)
            door_hear(server->door);
        else
            door_porch_step(server->door);
        return 0;
    case LWS_CALLBACK_WSI_DESTROY:
        depart(server, wsi);
        return 0;
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
        return ws_confirm(server->o.sessions, wsi, in, server->protocol_name);
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
        server->timed = wsi;
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

/* --- construction ---------------------------------------------------------------------------- */

static bool open_loop(struct server *server)
{
    struct loop_hooks hooks = server_turns(server);

    if (server->o.event_loop != LOOP_POLL) {
        server->loop = loop_create(&hooks);
        if (server->loop)
            server->context = context_create(server, server->loop, server->o.certificate != NULL);
        if (server->context)
            return true;
        loop_destroy(server->loop);
        server->loop = NULL;
        if (server->o.event_loop == LOOP_LIBEV)
            return false;
        log_warn("server", "libwebsockets cannot use libev (install the package "
                           "libwebsockets-evlib-ev); thousands of connections will cost much more");
    }
    server->context = context_create(server, server->loop, server->o.certificate != NULL);
    return server->context != NULL;
}

/* The library watches a second descriptor of ours, which it closes at its end. NULL: out of memory. */
static struct lws *watch(struct lws_vhost *vhost, int fd)
{
    lws_sock_file_fd_type watched = {.filefd = fcntl(fd, F_DUPFD_CLOEXEC, 0)};

    return watched.filefd < 0
               ? NULL
               : lws_adopt_descriptor_vhost(vhost, LWS_ADOPT_RAW_FILE_DESC, watched, NULL, NULL);
}

static bool open_vhosts(struct server *server)
{
    server->plain = context_vhost(server->context, server->protocols, false);
    if (!server->o.certificate)
        return server->plain != NULL;
    server->certificate = certificate_share(server->o.certificate);
    server->tls = context_vhost(server->context, server->protocols, true);
    return server->plain && server->tls;
}

static enum studio_err open_ports(struct server *server, struct studio_error *error)
{
    server->listeners = *server->o.listeners;
    bool ok =
        open_vhosts(server) &&
        (server->floor = watch(server->plain, door_floor_fd(server->door))) != NULL &&
        (door_porch_fd(server->door) < 0 || watch(server->plain, door_porch_fd(server->door)));
    for (size_t i = 0; ok && i < server->listeners.count; i++) {
        struct listener *listener = &server->listeners.list[i];

        listener->watched = watch(listener->tls ? server->tls : server->plain, listener->fd);
        ok = listener->watched != NULL;
    }
    return ok ? STUDIO_OK : studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
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
    server->recheck =
        (struct recheck){.clock = clock_system(), .admits = admits, .expel = expel, .ctx = server};
    server->o.door.ops = &transport_ops;
    server->o.door.floor = &floor_ops;
    server->o.door.tls = is_tls;
    server->o.door.adopt = adopt;
    server->door = door_create(&server->o.door);
    server->o.sessions->ops = server->o.exchanges->ops = &transport_ops;
    snprintf(server->protocol_name, sizeof(server->protocol_name), "studio");
    server->protocols[0] = (struct lws_protocols){
        .name = server->protocol_name,
        .callback = on_event,
        .per_session_data_size = sizeof(struct connection),
        .rx_buffer_size = 256, /* kept for each WebSocket, and what is read at once */
        .tx_packet_size = 65536,
    };
    if (!server->door)
        err = studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
    else
        err = open_loop(server) ? open_ports(server, error)
                                : studio_error_set(error, STUDIO_ERR_IO, ": no event loop");
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
    certificate_free(server->certificate);
    door_destroy(server->door);
    free(server);
}

bool server_show(struct server *server, struct certificate *certificate)
{
    struct certificate *before = server->certificate;

    if (!certificate_serve(certificate, server->tls_context))
        return false;
    server->certificate = certificate_share(certificate);
    if (certificate_drops(certificate, before))
        recheck_begin(&server->recheck, server->sockets);
    certificate_free(before);
    return true;
}

bool server_empty(const struct server *server)
{
    return server->o.sessions->count == 0 && server->o.exchanges->count == 0;
}
