/*
 * lws.h - the WebSocket and HTTP server: the context of libwebsockets, its ports, its loop.
 *
 * Gives the library's callbacks to those they are for (ws.h, http.h); decides nothing itself. It
 * runs the net thread; every function is for that thread unless it says otherwise.
 */
#ifndef AGENT_NET_LWS_H
#define AGENT_NET_LWS_H

#include <stdint.h>

#include "config/settings.h"
#include "net/door.h"
#include "net/exchange.h"
#include "net/listener.h"
#include "net/loop.h"
#include "net/session.h"

struct server;
struct certificate;

struct server_options {
    const struct listeners *listeners; /* outlive it */
    struct certificate *certificate;   /* shared; NULL: no TLS */
    enum event_loop event_loop;
    struct door_options door;       /* its `adopt`, and the `ops` of all three, are set here */
    struct session_env *sessions;   /* */
    struct exchange_env *exchanges; /* */
    struct loop_hooks hooks;
};

/* Errors: NO_MEMORY, IO (no event loop). */
STUDIO_MUST_USE enum studio_err server_create(const struct server_options *options,
                                              struct server **out, struct studio_error *error);
void server_destroy(struct server *server);
/* From now on clients are shown this one, which is shared; those whose authority it has no more are closed. Only where there has been one from the start. False: out of memory. */
STUDIO_MUST_USE bool server_show(struct server *server, struct certificate *certificate);

/* Runs until server_stop, which is called from a hook. */
void server_run(struct server *server);
void server_stop(struct server *server);
/* Any thread. */
void server_wake(struct server *server);

/* How the agent goes. */
enum server_retirement {
    SERVER_ENDS,   /* who comes to a socket that was handed over waits there for the next process */
    SERVER_FOLLOWS /* another server follows in this process: whoever comes waits for it */
};
/* From now on nobody new is let in, and those who are here are told to go: with 1001, or 1012 where another follows. */
void server_retire(struct server *server, enum server_retirement how);
/* Nobody is here any more. */
bool server_empty(const struct server *server);

#endif
