/*
 * client_session.h - one client's conversation as a pure state machine: the two ways of
 * authenticating, and which message answers which call. No socket, no clock, no thread.
 *
 *            opening            opened             welcome
 *     DOWN ---------> OPENING ---------> GREETING ---------> PROVING
 *      ^                 |                  | document          | document
 *      |     closed      |                  v                   |
 *      +-----------------+--------------- READY <---------------+
 *
 * Authentication is tried without a query first. A server that answers with a welcome gets the
 * credentials as a message; one that closes with `Missing authentication parameters` instead gets
 * them in the address from then on (by_address). A server that ignores the query and sends a
 * welcome all the same is answered, so a changed server costs at most one extra connection.
 *
 * Answers come in the order of the messages, so the oldest unanswered call owns the next answer.
 * Only
 * {"event":"status"} may be either an answer (to get) or a push: calls that matter for the
 * difference carry a request_id. The answer to `subscribe`, which precedes every push, shows
 * whether the server echoes it; if it does, a status without one is a push, if not, it answers a
 * waiting get.
 */
#ifndef CLIENT_CLIENT_SESSION_H
#define CLIENT_CLIENT_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client_json.h"
#include "studio/error.h"

enum { SESSION_CALLS_MAX = 64 }; /* sent and not yet answered */

enum session_state {
    SESSION_DOWN,
    SESSION_OPENING,
    SESSION_GREETING, /* connected, nothing heard yet */
    SESSION_PROVING,  /* credentials sent as a message */
    SESSION_READY
};

/* What the owner does about a message. */
enum session_action {
    SESSION_IGNORE,
    SESSION_SEND_AUTH, /* send the credentials as a message */
    SESSION_ENTER,     /* authenticated: calls may be sent */
    SESSION_REFUSE,    /* refused with {"error":...} before it was ready: close */
    SESSION_ANSWER,    /* the oldest call is answered */
    SESSION_PUSH,      /* for on_push */
    SESSION_BREAK      /* the answer does not belong to the oldest call: close */
};

/* What the owner does about the end of a connection. */
enum session_next {
    SESSION_NEXT_NOW,   /* connect again at once, by address */
    SESSION_NEXT_LATER, /* after the backoff */
    SESSION_NEXT_NEVER  /* the server does not want these credentials */
};

struct session {
    enum session_state state;
    bool by_address; /* kept from connection to connection */
    bool asked;      /* a subscribe was sent on this connection: pushes are possible */
    bool echoes;     /* the server has echoed a request_id on this connection */
    struct session_call {
        enum outgoing_kind kind;
        uint64_t request_id; /* 0: sent without one of ours */
    } calls[SESSION_CALLS_MAX];
    size_t first, count; /* ring */
};

void session_init(struct session *session);
/* A connection is being opened; true if its address must carry the credentials. */
bool session_opening(struct session *session);
void session_opened(struct session *session);
/* READY and fewer than SESSION_CALLS_MAX calls wait for an answer. */
bool session_may_send(const struct session *session);
/* A call was sent. Only when session_may_send. */
void session_sent(struct session *session, enum outgoing_kind kind, uint64_t request_id);
/* A message came. On ANSWER the oldest call has been taken off. */
enum session_action session_message(struct session *session, const struct reply *reply);
/* The connection ended, or could not be made (code 0). `error` (never NULL) says why. */
enum session_next session_closed(struct session *session, unsigned code, const char *reason,
                                 struct studio_error *error);

#endif
