#include "net/exchange.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "protocol/document.h"

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
enum state { BODY, WAITING, HELD, ANSWERING, DONE, LINGERING };

enum { METHOD_MAX = 16, LENGTH_DIGITS_MAX = 15, ARGS_MAX = 16 };

struct exchange {
    struct actor actor; /* first: an actor of ours is its exchange */
    struct exchange_env *env;
    void *connection;
    enum state state;
    bool paused;  /* not read */
    bool begun;   /* the answer's head was handed out */
    bool refused; /* the body is not taken: it may still come */
    bool endless; /* and where it ends cannot be told */
    bool bodiless;
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
    const char *path; /* these point to `texts` */
    const char *fields[EXCHANGE_FIELDS];
    const char *args[ARGS_MAX];
    size_t arg_count;
    char texts[];
};

static void set_paused(struct exchange *x, bool paused)
{
    if (x->paused == paused)
        return;
    x->paused = paused;
    x->env->ops->pause(x->connection, paused);
}

static void want_write(struct exchange *x)
{
    if (x->blocked_ms == 0)
        x->blocked_ms = clock_mono(x->env->clock);
    set_paused(x, false); /* a connection that is not read is not written either */
    x->env->ops->want_write(x->connection);
}

/* --- answering ------------------------------------------------------------------------------- */

static void begin_answer(struct exchange *x, int status, const char *type, long long length)
{
    assert(x->state == BODY || x->state == WAITING);
    if (x->broken) {
        x->env->ops->kill(x->connection);
        return;
    }
    x->answer.status = status;
    x->answer.type = type;
    x->answer.length = length;
    x->answer.close = x->refused || x->env->closing || length < 0;
    x->state = x->delay_ms > 0 ? HELD : ANSWERING;
    if (x->state == HELD) {
        x->deadline_ms = clock_mono(x->env->clock) + x->delay_ms;
        set_paused(x, true);
    } else {
        want_write(x);
    }
}

void exchange_header(struct exchange *x, const char *name, const char *text)
{
    struct exchange_header header = {name, strdup(text)};

    assert(x->answer.header_count < EXCHANGE_HEADERS_MAX);
    if (header.text)
        x->answer.headers[x->answer.header_count++] = header;
    else
        x->broken = true;
}

void exchange_delay(struct exchange *x, int64_t ms)
{
    x->delay_ms = ms;
}

/* What stands in `reply`. */
static void begin_reply(struct exchange *x, int status, const char *type)
{
    if (!buf_ok(&x->reply))
        x->broken = true;
    begin_answer(x, status, type, (long long)x->reply.len);
}

void exchange_send(struct exchange *x, int status, const char *type, const void *bytes, size_t len)
{
    buf_add(&x->reply, bytes, len);
    begin_reply(x, status, type);
}

void exchange_reply(struct exchange *x, int status, const char *text, size_t len)
{
    exchange_send(x, status, "application/json", text, len);
}

/* The one that stands in `reply`. What passes, by itself or with the rate, may be tried again in a second. */
static void begin_problem(struct exchange *x, int status)
{
    if (status == 429 || status == 503)
        exchange_header(x, "retry-after", "1");
    begin_reply(x, status, PROBLEM_TYPE);
}

void exchange_problem(struct exchange *x, int status, const char *title)
{
    problem_print(&x->reply, status, title);
    begin_problem(x, status);
}

void exchange_stream(struct exchange *x, int status, const char *type,
                     const struct exchange_source *source, void *ctx)
{
    x->source = source;
    x->source_ctx = ctx;
    begin_answer(x, status, type, -1);
}

void exchange_ready(struct exchange *x)
{
    if (x->state == ANSWERING)
        want_write(x);
}

static void close_source(struct exchange *x)
{
    if (x->source)
        x->source->close(x->source_ctx);
    x->source = NULL;
}

static void respond(struct exchange *x)
{
    x->state = WAITING;
    x->env->respond(x->env->ctx, x);
    if (x->state == WAITING)
        set_paused(x, true); /* the library would look at what comes now again and again */
}

/* The status that says what an error says (section 5). */
static int status_of(enum studio_err err)
{
    switch (err) {
    case STUDIO_OK:
        return 200;
    case STUDIO_ERR_AUTH_MISSING:
    case STUDIO_ERR_AUTH_CREDENTIALS:
    case STUDIO_ERR_AUTH_TABLE:
    case STUDIO_ERR_AUTH_REVOKED:
        return 401;
    case STUDIO_ERR_NOT_PERMITTED:
        return 403;
    case STUDIO_ERR_UNKNOWN_TABLE:
        return 404;
    case STUDIO_ERR_REQUEST_ID_USED:
    case STUDIO_ERR_DEVICES_CONNECTED:
        return 409;
    case STUDIO_ERR_TOO_LARGE:
    case STUDIO_ERR_VALUE_TOO_LARGE:
        return 413;
    case STUDIO_ERR_RATE_LIMIT:
        return 429;
    default:
        return studio_err_class(err) == STUDIO_CLASS_PEER ? 400 : 503;
    }
}

void exchange_error(struct exchange *x, const struct studio_error *error)
{
    exchange_problem(x, status_of(error->code), error->text);
}

static void on_answer(struct actor *actor, enum studio_err err, const char *text, size_t len)
{
    struct exchange *x = (struct exchange *)actor;
    int status = status_of(err);

    if (actor->gone || x->state != WAITING)
        return;
    if (err == STUDIO_OK) {
        exchange_reply(x, status, text ? text : "", text ? len : 0);
    } else {
        problem_of_answer(&x->reply, status, text, len);
        begin_problem(x, status);
    }
}

static void on_release(struct actor *actor)
{
    free(actor);
}

static const struct actor_ops actor_ops = {on_answer, on_release};

struct actor *exchange_actor(struct exchange *x)
{
    return &x->actor;
}

/* --- the request ----------------------------------------------------------------------------- */

static void refuse(struct exchange *x, int status, const char *why)
{
    x->refused = true;
    exchange_problem(x, status, why);
}

static bool has_body(const char *method)
{
    return strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 ||
           strcmp(method, "PATCH") == 0;
}

bool exchange_head_body(const struct exchange_head *head)
{
    return head->coded || (head->length ? strspn(head->length, "0") != strlen(head->length)
                                        : has_body(head->method));
}

/* What the body's length is said to be; answers where that cannot be right. */
static void read_framing(struct exchange *x, const struct exchange_head *head)
{
    size_t digits = head->length ? strspn(head->length, "0123456789") : 0;

    x->endless = head->coded || (head->length && (digits == 0 || head->length[digits]));
    if (!has_body(head->method) && exchange_head_body(head))
        refuse(x, 400, "No body belongs to this request");
    else if (head->coded)
        refuse(x, 501, "A body needs a Content-Length here");
    else if (!head->length && has_body(head->method))
        refuse(x, 411, "Content-Length is missing");
    else if (x->endless)
        refuse(x, 400, "Content-Length is no number");
    else if (digits > LENGTH_DIGITS_MAX ||
             (digits && strtoull(head->length, NULL, 10) > EXCHANGE_BODY_MAX))
        refuse(x, 413, studio_err_text(STUDIO_ERR_TOO_LARGE));
    else if (digits)
        x->expected = strtoul(head->length, NULL, 10);
}

/* Copies it to where `*at` points, which moves behind it. */
static const char *keep(char **at, const char *text)
{
    char *copy = *at;

    if (!text)
        return NULL;
    *at = stpcpy(copy, text) + 1;
    return copy;
}

/* Its texts, behind each other. */
static void keep_head(struct exchange *x, const struct exchange_head *head)
{
    char *at = x->texts;

    x->path = keep(&at, head->path);
    for (size_t i = 0; i < EXCHANGE_FIELDS; i++)
        x->fields[i] = keep(&at, head->fields[i]);
    for (size_t i = 0; i < head->arg_count && i < ARGS_MAX; i++)
        x->args[x->arg_count++] = keep(&at, head->args[i]);
    strncpy(x->method, head->method, sizeof(x->method) - 1);
    strncpy(x->peer, head->peer ? head->peer : "", sizeof(x->peer) - 1);
}

static size_t texts_size(const struct exchange_head *head)
{
    size_t size = strlen(head->path) + 1;

    for (size_t i = 0; i < EXCHANGE_FIELDS; i++)
        size += head->fields[i] ? strlen(head->fields[i]) + 1 : 0;
    for (size_t i = 0; i < head->arg_count && i < ARGS_MAX; i++)
        size += strlen(head->args[i]) + 1;
    return size;
}

struct exchange *exchange_create(struct exchange_env *env, void *connection,
                                 const struct exchange_head *head)
{
    struct exchange *x = calloc(1, sizeof(*x) + texts_size(head));

    if (!x)
        return NULL;
    x->actor = (struct actor){.ops = &actor_ops, .via = VIA_HTTP, .refs = 1};
    x->env = env;
    x->connection = connection;
    keep_head(x, head);
    x->bodiless = strcmp(head->method, "HEAD") == 0;
    x->deadline_ms = clock_mono(env->clock) + EXCHANGE_BODY_MS;
    buf_init(&x->request, EXCHANGE_BODY_MAX);
    buf_init(&x->reply, SIZE_MAX);
    env->count++;
    read_framing(x, head);
    if (x->state == BODY && x->expected == 0)
        respond(x);
    return x;
}

void exchange_destroy(struct exchange *x)
{
    if (!x)
        return;
    close_source(x);
    if (x->finish)
        x->finish(x->data);
    for (size_t i = 0; i < x->answer.header_count; i++)
        free(x->answer.headers[i].text);
    buf_finish(&x->request);
    buf_finish(&x->reply);
    x->env->count--;
    x->actor.gone = true;
    actor_unref(&x->actor);
}

const char *exchange_method(const struct exchange *x)
{
    return x->method;
}

const char *exchange_path(const struct exchange *x)
{
    return x->path;
}

const char *exchange_peer(const struct exchange *x)
{
    return x->peer;
}

const char *exchange_field(const struct exchange *x, enum exchange_field field)
{
    return x->fields[field];
}

const char *exchange_arg(const struct exchange *x, const char *name)
{
    size_t len = strlen(name);

    for (size_t i = 0; i < x->arg_count; i++)
        if (strncmp(x->args[i], name, len) == 0 && x->args[i][len] == '=')
            return x->args[i] + len + 1;
    return NULL;
}

const char *exchange_arg_at(const struct exchange *x, size_t i)
{
    return i < x->arg_count ? x->args[i] : NULL;
}

void exchange_known(struct exchange *x)
{
    x->env->ops->known(x->connection);
}

void exchange_attach(struct exchange *x, void *data, void (*finish)(void *data))
{
    assert(!x->finish);
    x->data = data;
    x->finish = finish;
}

void *exchange_data(const struct exchange *x)
{
    return x->data;
}

const char *exchange_request(const struct exchange *x, size_t *len)
{
    *len = x->request.len;
    return x->request.data ? x->request.data : "";
}

void exchange_body(struct exchange *x, const char *bytes, size_t len)
{
    if (x->state != BODY)
        return; /* of a body that was refused */
    buf_add(&x->request, bytes, len);
    if (!buf_ok(&x->request))
        refuse(x, 503, studio_err_text(STUDIO_ERR_LIMIT));
    else if (x->request.len == x->expected)
        respond(x);
}

bool exchange_expects(const struct exchange *x)
{
    return x->state == BODY;
}

/* --- writing --------------------------------------------------------------------------------- */

static size_t read_reply(struct exchange *x, char *out, bool *end)
{
    size_t left = x->reply.len - x->sent;
    size_t len = left < EXCHANGE_PIECE_MAX ? left : EXCHANGE_PIECE_MAX;

    if (len > 0)
        memcpy(out, x->reply.data + x->sent, len);
    x->sent += len;
    *end = len == left;
    return len;
}

enum exchange_step exchange_next(struct exchange *x, const struct exchange_answer **answer,
                                 char *out, size_t *len)
{
    bool end = x->bodiless;

    *answer = NULL;
    *len = 0;
    if (x->state != ANSWERING)
        return EXCHANGE_WAIT;
    x->blocked_ms = 0;
    if (!end)
        *len = x->source ? x->source->read(x->source_ctx, out, EXCHANGE_PIECE_MAX, &end)
                         : read_reply(x, out, &end);
    if (!x->begun) {
        x->begun = true;
        *answer = &x->answer;
    } else if (*len == 0 && !end) {
        set_paused(x, true); /* until exchange_ready */
        return EXCHANGE_WAIT;
    }
    if (!end) {
        want_write(x);
        return EXCHANGE_WRITE;
    }
    close_source(x);
    x->state = DONE;
    x->blocked_ms = clock_mono(x->env->clock); /* the library may still have some of it */
    return x->answer.close ? EXCHANGE_CLOSE : EXCHANGE_LAST;
}

bool exchange_lingers(struct exchange *x)
{
    /* The library reads no body of unknown length: it would be shown to it again and again. */
    if (x->state != DONE || !x->refused || x->endless)
        return false;
    x->state = LINGERING;
    x->blocked_ms = 0;
    x->deadline_ms = clock_mono(x->env->clock) + EXCHANGE_LINGER_MS;
    return true;
}

/* --- time ------------------------------------------------------------------------------------ */

void exchange_tick(struct exchange *x)
{
    int64_t now = clock_mono(x->env->clock);
    int64_t blocked = x->blocked_ms ? now - x->blocked_ms : 0;
    bool endless = x->state == ANSWERING && x->source && x->source->tick;

    if (x->state == HELD && now >= x->deadline_ms) {
        x->state = ANSWERING;
        want_write(x);
    } else if (
        ((x->state == BODY || x->state == LINGERING) && now >= x->deadline_ms) ||
        blocked >= x->env->write_timeout_ms ||
        /* The library asks the processor for as long as it cannot read what comes; what is paused
                * does not hear that its peer has gone. */
        ((blocked >= EXCHANGE_SPIN_MS || (endless && x->paused)) &&
         x->env->ops->unread(x->connection))) {
        x->env->ops->kill(x->connection);
    } else if (endless) {
        x->source->tick(x->source_ctx);
    }
}
