/*
 * exchange.h - one HTTP request and its answer, without any socket (protocol section 5): unit tests
 * feed it bytes and read what it would send.
 *
 * It reads the body, within a bound; has the request answered, at once or later; hands the answer
 * out in pieces, as fast as the connection takes them. It is an actor: what the core answers to a
 * message of its actor is its answer, and it may outlive its connection until then. Net thread only.
 */
#ifndef AGENT_NET_EXCHANGE_H
#define AGENT_NET_EXCHANGE_H

#include <stddef.h>

#include "auth/holder.h"
#include "base/clock.h"
#include "base/figures.h"
#include "base/networks.h"
#include "core/actor.h"
#include "net/transport.h"

struct exchange;
struct logins;
struct origins;

/* What a page of another origin is told. */
#define EXCHANGE_FOREIGN "Origin not allowed: websocket.origins does not name it"

enum {
    EXCHANGE_ARGS_MAX = 16,     /* parameters of an address */
    EXCHANGE_HEADERS_MAX = 8,   /* of an answer, besides type and length */
    EXCHANGE_BODY_MAX = 16384,  /* bytes of a request's body */
    EXCHANGE_PIECE_MAX = 16384, /* bytes of an answer's body read at once */
    EXCHANGE_BODY_MS = 10000,   /* for the whole body, however it drips */
    EXCHANGE_LINGER_MS =
        2000,               /* a body that was refused is read away, so that the answer arrives */
    EXCHANGE_SPIN_MS = 1000 /* who sends more but does not read his answer is cut after this */
};

/* What all exchanges of an agent share. */
struct exchange_env {
    const struct clock *clock;
    const struct transport_ops *ops;
    /* The request is whole: leads to one exchange_reply or exchange_stream, now or later. */
    void (*respond)(void *ctx, struct exchange *exchange);
    void *ctx;
    const struct networks *proxies; /* whose headers say whom they speak for */
    const struct origins *origins;  /* of pages that may change something besides our own */
    struct logins *logins;          /* where others are counted */
    enum certificate_user certificate_user;
    struct figures *figures;
    int64_t write_timeout_ms; /* for a client that does not read */
    bool closing;             /* every answer ends its connection */
    size_t count;             /* exchanges alive */
};

/* The headers of a request that somebody asks for. */
enum exchange_field {
    EXCHANGE_AUTHORIZATION,
    EXCHANGE_ACCEPT,
    EXCHANGE_ACCEPT_ENCODING,
    EXCHANGE_IF_NONE_MATCH,
    EXCHANGE_IDEMPOTENCY_KEY,
    EXCHANGE_LAST_EVENT_ID,
    EXCHANGE_FIELDS
};

/* How a request begins. Strings are valid during exchange_create. */
struct exchange_head {
    const char *method; /* "" if it is none we know */
    const char *path;   /* decoded */
    const char *peer;   /* who sends it: an IP address; NULL: not known */
    bool here;          /* it comes from this machine, and for nobody else */
    const char *length; /* Content-Length; NULL: none */
    bool coded;         /* Transfer-Encoding: its end cannot be told */
    bool last;          /* no other request may follow on its connection */
    bool foreign;       /* a page sends it that may not change anything here, and it would */
    const struct holder *holder; /* whom its certificate names; NULL: nobody */
    const char *fields[EXCHANGE_FIELDS];
    const char *const *args; /* of the address, each `name=value`, decoded; none is empty */
    size_t arg_count;        /* more than EXCHANGE_ARGS_MAX: too many */
};

/* Where the body of an answer comes from, if it is not there as a whole. */
struct exchange_source {
    /* Fills out[0..cap); *end says that this was all. 0 without it: more comes later, then call
     * exchange_ready. */
    size_t (*read)(void *ctx, char *out, size_t cap, bool *end);
    /* Nothing more will be read: all of it has been, or the connection is gone. */
    void (*close)(void *ctx);
    /* NULL, or the answer has no end of its own: called about once a second, and when the agent begins to
     * stop. Such a connection is cut when anything more comes on it, or its end. */
    void (*tick)(void *ctx);
};

struct exchange_header {
    const char *name;
    char *text;
};

/* How an answer begins. */
struct exchange_answer {
    int status;
    const char *type; /* Content-Type; NULL: there is no body, and no word of one (304) */
    struct exchange_header headers[EXCHANGE_HEADERS_MAX];
    size_t header_count;
    long long length; /* of the body; -1: it ends with the connection */
    bool close;       /* the connection ends with it */
};

/* Does a body follow, as far as one can tell? */
bool exchange_head_body(const struct exchange_head *head);
/* NULL: out of memory. A request that cannot be read is answered at once. */
struct exchange *exchange_create(struct exchange_env *env, void *connection,
                                 const struct exchange_head *head);
/* The connection goes on with the next request, or is gone. NULL does nothing. */
void exchange_destroy(struct exchange *exchange);

/* --- for the one who answers ------------------------------------------------------------------ */

/* All strings live as long as the exchange. */
const char *exchange_method(const struct exchange *exchange);
const char *exchange_path(const struct exchange *exchange);
const char *exchange_peer(const struct exchange *exchange);
bool exchange_here(const struct exchange *exchange);
/* Whom its sender's certificate names; NULL: nobody. */
const struct holder *exchange_holder(const struct exchange *exchange);
/* NULL: not sent. */
const char *exchange_field(const struct exchange *exchange, enum exchange_field field);
/* The first parameter of this name in the address; NULL: none. */
const char *exchange_arg(const struct exchange *exchange, const char *name);
/* Each of them, `name=value`; NULL behind the last. */
const char *exchange_arg_at(const struct exchange *exchange, size_t i);
/* The body; NUL-terminated. */
const char *exchange_request(const struct exchange *exchange, size_t *len);
/* Who it is for the core; filled in by who answers. An error it is answered with becomes a problem. */
struct actor *exchange_actor(struct exchange *exchange);
/* Its sender has authenticated: the connection keeps its place. */
void exchange_known(struct exchange *exchange);
/* What who answers keeps of it; `finish` is called when the exchange ends. Once. */
void exchange_attach(struct exchange *exchange, void *data, void (*finish)(void *data));
void *exchange_data(const struct exchange *exchange);

/* A header of the answer to come; `name` is a constant, `text` is copied. */
void exchange_header(struct exchange *exchange, const char *name, const char *text);
/* The answer to come is held back so long, to the second. */
void exchange_delay(struct exchange *exchange, int64_t ms);
/* Answers with a JSON text, which is copied. */
void exchange_reply(struct exchange *exchange, int status, const char *text, size_t len);
/* The same with any type of content, a constant; NULL: there is no body (304). */
void exchange_send(struct exchange *exchange, int status, const char *type, const void *bytes,
                   size_t len);
/* Answers with an error as `application/problem+json`; of a 429 and a 503 it says when to try again. */
void exchange_problem(struct exchange *exchange, int status, const char *title);
/* The same with an error of ours, and the status that says what it says. */
void exchange_error(struct exchange *exchange, const struct studio_error *error);
/* Answers with a body as long as its source says. */
void exchange_stream(struct exchange *exchange, int status, const char *type,
                     const struct exchange_source *source, void *ctx);
/* The source has more, or its end. */
void exchange_ready(struct exchange *exchange);
/* Its connection has been cut, and counted, as its peer takes too long: it does not read, or its body drips. */
bool exchange_slow(const struct exchange *exchange);

/* --- for the connection ----------------------------------------------------------------------- */

/* A piece of the body. */
void exchange_body(struct exchange *exchange, const char *bytes, size_t len);
/* The body is still to come. */
bool exchange_expects(const struct exchange *exchange);

enum exchange_step {
    EXCHANGE_WAIT,  /* nothing to write */
    EXCHANGE_WRITE, /* `len` bytes, more follow */
    EXCHANGE_LAST,  /* `len` bytes, the end: the next request may come */
    EXCHANGE_CLOSE  /* `len` bytes, the end: the connection ends with them */
};

/* The connection can be written. The first call that is not WAIT gives the `answer` to begin with,
 * later ones NULL; `out` has room for EXCHANGE_PIECE_MAX. */
enum exchange_step exchange_next(struct exchange *exchange, const struct exchange_answer **answer,
                                 char *out, size_t *len);
/* After CLOSE: true if the request's body is still coming and can be read away. The connection reads
 * on, to be cut by exchange_tick. */
bool exchange_lingers(struct exchange *exchange);
/* About once a second, and when env->closing was set: deadlines. */
void exchange_tick(struct exchange *exchange);

#endif
