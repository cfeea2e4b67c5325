/* exchange_inside.h - what the files of an exchange work on; nobody else includes it. */
#ifndef AGENT_NET_EXCHANGE_INSIDE_H
#define AGENT_NET_EXCHANGE_INSIDE_H

#include "base/buf.h"
#include "net/exchange.h"

/*
 *   create ── framing is wrong ─────────────────────────────┐
 *     │                                                     ▼
 *     ├── a body is announced ──► BODY ── all of it ──► (respond)
 *     │                             │ deadline: cut         │
 *     └── none ─────────────────────┼───────────────────────┤ later: WAITING, not read
 *                                   ▼                       ▼
 *                                  cut     (HELD ──►) ANSWERING ── last piece ──► DONE
 *
 * DONE waits for the connection: it goes on with the next request, or ends. It is LINGERING while it
 * reads away what is left of a refused body.
 */
enum exchange_state { BODY, WAITING, HELD, ANSWERING, DONE, LINGERING };

enum { METHOD_MAX = 16 };

struct exchange {
    struct actor actor; /* first: an actor of ours is its exchange */
    struct exchange_env *env;
    void *connection;
    enum exchange_state state;
    bool here;    /* sent by this machine */
    bool paused;  /* not read */
    bool begun;   /* the answer's head was handed out */
    bool refused; /* a body, or what is behind it, is not taken: it may still come */
    bool endless; /* and where it ends cannot be told */
    bool last;    /* the connection ends with the answer */
    bool bodiless;
    bool slow;       /* cut for that */
    bool broken;     /* there was no memory for a part of the answer */
    size_t expected; /* bytes of the request's body */
    struct buf request, reply;
    size_t sent; /* of `reply` */
    struct exchange_answer answer;
    const struct exchange_source *source; /* NULL: `reply` */
    void *source_ctx;
    void *data; /* of who answers */
    void (*finish)(void *data);
    int64_t deadline_ms; /* BODY: for all of it; HELD: to answer; LINGERING: for the end */
    int64_t delay_ms;    /* of the answer */
    int64_t blocked_ms;  /* since when writing waits; 0: it does not */
    char method[METHOD_MAX];
    char peer[PEER_TEXT_MAX + 1];
    struct holder holder; /* id "": nobody */
    const char *path;     /* these point to `texts` */
    const char *fields[EXCHANGE_FIELDS];
    const char *args[EXCHANGE_ARGS_MAX];
    size_t arg_count;
    char texts[];
};

static inline void exchange_pause(struct exchange *x, bool paused)
{
    if (x->paused == paused)
        return;
    x->paused = paused;
    x->env->ops->pause(x->connection, paused);
}

static inline void exchange_want_write(struct exchange *x)
{
    if (x->blocked_ms == 0)
        x->blocked_ms = clock_mono(x->env->clock);
    exchange_pause(x, false); /* a connection that is not read is not written either */
    x->env->ops->want_write(x->connection);
}

/* The core's answer to its actor. */
void exchange_answered(struct actor *actor, enum studio_err err, const char *text, size_t len);

#endif
