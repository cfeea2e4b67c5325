/* connection.c - what a session or an exchange asks of its connection (transport.h): to write, to pause, to end. */
#include <libwebsockets.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <utlist.h>

#include "net/http.h"
#include "net/inside.h"
#include "net/tcp.h"

/* A session is written at the end of the turn, straight to its socket: the library's way there is a turn of
 * the loop and two calls of the kernel longer. */
static void want_write(void *connection)
{
    struct server *server = lws_context_user(lws_get_context(connection));
    struct connection *c = lws_wsi_user(connection);

    if (!c || !c->session) { /* a request, or a session only just being made */
        door_free(server->door, lws_get_opaque_user_data(connection));
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

/*
 * While the library hands out what it has read of a TLS record it must not be told to read no more: it would
 * look at the rest again and again (rops_handle_POLLIN_ws, 4.1.6). So that waits for the end of the turn; by
 * then the record, of 16 KB at most, has been handed out.
 */
static void pause_reading(void *connection, bool paused)
{
    struct server *server = lws_context_user(lws_get_context(connection));
    struct connection *c = lws_wsi_user(connection);

    if (c && c->session) {
        c->paused = paused;
        if (!paused)
            door_wait(server->door, lws_get_opaque_user_data(connection),
                      lws_get_socket_fd(connection));
    }
    if (!c || !c->session || !lws_get_ssl(connection)) {
        lws_rx_flow_control(connection, paused ? 0 : 1);
        return;
    }
    if (!c->pausing)
        DL_APPEND2(server->pausing, c, prev_pausing, next_pausing);
    c->pausing = true;
}

static void pause_no_more(struct server *server, struct connection *c)
{
    if (c->pausing)
        DL_DELETE2(server->pausing, c, prev_pausing, next_pausing);
    c->pausing = false;
}

void connection_keep_time(struct server *server, const struct lws *wsi)
{
    if (server->timed == wsi)
        server->timed = NULL;
}

/* From a tick at once: the library's timers wait while any socket has something for it, so one whose
 * bytes it does not read would never be cut. Within its own callbacks it must not be. */
static void kill_connection(void *connection)
{
    struct server *server = lws_context_user(lws_get_context(connection));

    connection_keep_time(server, connection);
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

void connection_untime(struct server *server)
{
    if (server->timed)
        lws_set_timeout(server->timed, NO_PENDING_TIMEOUT, 0);
    server->timed = NULL;
}

void connection_forget(struct server *server, struct connection *c)
{
    connection_keep_time(server, c->wsi);
    write_no_more(server, c);
    pause_no_more(server, c);
}

void connections_settle(struct server *server)
{
    struct connection *c;

    connection_untime(server);
    while ((c = server->writing) != NULL) {
        write_no_more(server, c);
        if (!ws_write_now(c->wsi, c->session))
            kill_connection(c->wsi);
    }
    while ((c = server->pausing) != NULL) {
        pause_no_more(server, c);
        lws_rx_flow_control(c->wsi, c->paused ? 0 : 1);
    }
}

/* --- whether it is read at all (floor.h) -------------------------------------------------------- */

/* A reason of our own beside those of the library (LWS_RXFLOW_REASON_...): it is read when there is none. */
enum { NOT_ITS_TURN = 1 << 1 };

static void hold(void *connection, bool held)
{
    lws_rx_flow_control(connection, NOT_ITS_TURN | (held ? LWS_RXFLOW_REASON_APPLIES_DISABLE
                                                         : LWS_RXFLOW_REASON_APPLIES_ENABLE));
}

/* The library neither answers a request that is not to be read, nor goes on with a handshake of TLS. */
static bool may_wait(void *connection)
{
    const struct connection *c = lws_wsi_user(connection);
    SSL *ssl = lws_get_ssl(connection);

    return (!ssl || (SSL_is_init_finished(ssl) && SSL_pending(ssl) == 0)) &&
           !lws_partial_buffered(connection) && (!c || !c->paused) &&
           (!c || !c->exchange || exchange_expects(c->exchange));
}

static bool behind(void *connection)
{
    return lws_service_adjust_timeout(lws_get_context(connection), 1, 0) == 0;
}

const struct floor_ops floor_ops = {hold, may_wait, behind};

const struct transport_ops transport_ops = {want_write, pause_reading, kill_connection,
                                            quiet_ms,   unread,        become_known};
