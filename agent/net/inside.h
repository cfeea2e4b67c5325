/* inside.h - the server and its connections, as the files work on them that know the library's; nobody else
 * includes it. */
#ifndef AGENT_NET_INSIDE_H
#define AGENT_NET_INSIDE_H

#include <libwebsockets.h>

#include "net/lws.h"
#include "net/recheck.h"
#include "net/wheel.h"
#include "net/ws.h"

struct connection { /* the library keeps one for each socket, and a new one for each request */
    struct wheel_node node;
    struct session *session;   /* either */
    struct exchange *exchange; /* or, or neither */
    struct lws *wsi;
    struct connection *prev, *next; /* in server->writing */
    struct connection *prev_pausing, *next_pausing;
    bool writing, pausing;
    bool
        paused; /* a session: it is not to be read; when in server->pausing, from the end of the turn on */
};

struct server {
    struct server_options o;
    struct lws_context *context;
    struct lws_protocols protocols[2];
    char protocol_name[WS_PROTOCOL_MAX]; /* see ws_confirm */
    struct loop *loop;                   /* NULL: libwebsockets' own poll loop */
    lws_sorted_usec_list_t tick, soon;   /* of the poll loop */
    bool stop;
    bool ticking;               /* looking after connections, not called by one */
    struct listeners listeners; /* a copy: the sockets are the agent's */
    enum server_retirement retirement;
    struct lws *floor;               /* watches door_floor_fd for us */
    struct lws_vhost *plain, *tls;   /* the second only where there is a certificate */
    struct certificate *certificate; /* that clients of the second are shown */
    struct ssl_ctx_st *tls_context;  /* of the second */
    struct socket *sockets;          /* that have become connections */
    struct recheck recheck;          /* of them, when an authority of clients has been taken away */
    struct log_limit starved;
    struct lws *timed;          /* of whose body a part has just come, see connection_untime */
    struct wheel wheel;         /* of connections */
    struct connection *writing; /* WebSocket connections with something to write in this turn */
    struct connection *pausing; /* those that are to be read no more, or again, from its end on */
    struct door *door;
};

/* connection.c: what sessions and exchanges ask of a connection, which to them is its wsi. */
extern const struct transport_ops transport_ops;
extern const struct floor_ops floor_ops;
/*
 * For each part of a body the library sets a timeout, and its timeouts are one sorted list: a thousand bodies that drip would
 * take the processor. An exchange has deadlines of its own, so that one is taken away before the library does anything else.
 */
void connection_untime(struct server *server);
/* What times this one now is to. */
void connection_keep_time(struct server *server, const struct lws *wsi);
/* The end of a turn: what they have asked for in it is done. */
void connections_settle(struct server *server);
/* The connection has ended. */
void connection_forget(struct server *server, struct connection *connection);

/* turns.c: what the loop is to call. */
struct loop_hooks server_turns(struct server *server);

#endif
