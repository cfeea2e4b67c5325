/* session_inside.h - what the files of a session work on; nobody else includes it. */
#ifndef AGENT_NET_SESSION_INSIDE_H
#define AGENT_NET_SESSION_INSIDE_H

#include "net/login.h"
#include "net/outgoing.h"
#include "net/session.h"

/*
 *            address without id and token
 *   create ──────────────────────────────► GREETED ── first message ──┐
 *      │                                      │ timeout: 1008         ▼
 *      └── id and token in the address ───────┼──────────────────► CHECKING ─ refused ──► CLOSING
 *                                             ▼                       │   (to be told later: ▲
 *                                             ▼                       │    first REFUSED)    │
 *                                          CLOSING                    ▼                     │
 *                                                                  JOINING ── refused ──────┤
 *                                                                     │ document            │
 *                                                                     ▼                     │
 *                                                                   READY ── any close ─────┘
 *
 * CHECKING is over at once, unless the token's hash is a slow one. CLOSING waits until the answers still owed have left, then hands out the close frame once.
 */
enum session_state { GREETED, CHECKING, REFUSED, JOINING, READY, CLOSING };

struct session {
    struct actor actor; /* first: an actor of ours is its session */
    struct watcher watcher;
    struct login login;
    struct session_env *env;
    void *connection;
    enum session_state state;
    bool welcomed;   /* joining was answered */
    bool logged_in;  /* its login is in the log */
    bool paused;     /* not reading */
    bool congested;  /* in env->paused */
    bool close_sent; /* the close frame was handed out */
    bool ping_due;
    struct buf incoming; /* the message being received */
    int64_t incoming_ms; /* since when; we have been reading all the time */
    struct outgoing out;
    int64_t created_ms, heard_ms, ping_ms; /* ping_ms: when the unanswered ping went out; 0: none */
    int64_t blocked_ms;                    /* since when writing waits; 0: it does not */
    int64_t refuse_ms;                     /* REFUSED: when it is told */
    enum figure_closed ended;              /* why; unless it was the client */
    unsigned generation;
    unsigned close_code;
    const char *close_reason;
    const char *peer;
    char *subscribe;             /* of the address, until READY */
    struct session *prev, *next; /* in env->paused */
};

static inline void session_want_write(struct session *s)
{
    if (!s->connection)
        return;
    session_waits(s);
    s->env->ops->want_write(s->connection);
}

/* It is not let in. `id` is what it said, NULL if it did not. */
void session_close_refused(struct session *session, enum studio_err err, const char *id);
/* Closes with what the error says. */
void session_close_with(struct session *session, enum studio_err err);

#endif
