#include "net/exchange.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "net/exchange_inside.h"

enum { LENGTH_DIGITS_MAX = 15 };

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
        exchange_pause(x, true); /* the library would look at what comes now again and again */
}

static void on_release(struct actor *actor)
{
    free(actor);
}

static const struct actor_ops actor_ops = {exchange_answered, on_release};

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

static void refuse_as(struct exchange *x, enum studio_err err)
{
    struct studio_error error;

    x->refused = true;
    (void)studio_error_set(&error, err, NULL);
    exchange_error(x, &error);
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
    else if (head->arg_count > EXCHANGE_ARGS_MAX)
        refuse(x, 400, "Too many parameters");
    else if (head->coded)
        refuse(x, 501, "A body needs a Content-Length here");
    else if (!head->length && has_body(head->method))
        refuse(x, 411, "Content-Length is missing");
    else if (x->endless)
        refuse(x, 400, "Content-Length is no number");
    else if (digits > LENGTH_DIGITS_MAX ||
             (digits && strtoull(head->length, NULL, 10) > EXCHANGE_BODY_MAX))
        refuse_as(x, STUDIO_ERR_TOO_LARGE);
    else if (head->foreign)
        refuse(x, 403, EXCHANGE_FOREIGN);
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

    x->here = head->here;
    if (head->holder)
        x->holder = *head->holder;
    x->path = keep(&at, head->path);
    for (size_t i = 0; i < EXCHANGE_FIELDS; i++)
        x->fields[i] = keep(&at, head->fields[i]);
    for (size_t i = 0; i < head->arg_count && i < EXCHANGE_ARGS_MAX; i++)
        x->args[x->arg_count++] = keep(&at, head->args[i]);
    strncpy(x->method, head->method, sizeof(x->method) - 1);
    strncpy(x->peer, head->peer ? head->peer : "", sizeof(x->peer) - 1);
}

static size_t texts_size(const struct exchange_head *head)
{
    size_t size = strlen(head->path) + 1;

    for (size_t i = 0; i < EXCHANGE_FIELDS; i++)
        size += head->fields[i] ? strlen(head->fields[i]) + 1 : 0;
    for (size_t i = 0; i < head->arg_count && i < EXCHANGE_ARGS_MAX; i++)
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
    x->last = head->last;
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

bool exchange_here(const struct exchange *x)
{
    return x->here;
}

const struct holder *exchange_holder(const struct exchange *x)
{
    return x->holder.id[0] ? &x->holder : NULL;
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
    const size_t due = x->expected - x->request.len;
    x->refused = len > due; /* newer libraries (4.2 and up) take what is behind for a part of it */
    buf_add(&x->request, bytes, x->refused ? due : len);
    if (!buf_ok(&x->request))
        refuse_as(x, STUDIO_ERR_LIMIT);
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
        exchange_pause(x, true); /* until exchange_ready */
        return EXCHANGE_WAIT;
    }
    if (!end) {
        exchange_want_write(x);
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

/* Once is enough: it may be looked at again before its connection is gone. */
static void cut_slow(struct exchange *x)
{
    if (!x->slow)
        figure_add(&x->env->figures->closed[CLOSED_SLOW], 1);
    x->slow = true;
    x->env->ops->kill(x->connection);
}

bool exchange_slow(const struct exchange *x)
{
    return x->slow;
}

void exchange_tick(struct exchange *x)
{
    int64_t now = clock_mono(x->env->clock);
    int64_t blocked = x->blocked_ms ? now - x->blocked_ms : 0;
    bool endless = x->state == ANSWERING && x->source && x->source->tick;
    bool unread = (blocked >= EXCHANGE_SPIN_MS || (endless && x->paused)) &&
                  x->env->ops->unread(x->connection, x->paused);

    if (x->state == HELD && now >= x->deadline_ms) {
        x->state = ANSWERING;
        exchange_want_write(x);
    } else if ((x->state == BODY && now >= x->deadline_ms) || blocked >= x->env->write_timeout_ms ||
               /* The library asks the processor for as long as it cannot read what comes. */
               (unread && blocked >= EXCHANGE_SPIN_MS)) {
        cut_slow(x);
    } else if (x->broken || (x->state == LINGERING && now >= x->deadline_ms) ||
               unread) { /* what is paused does not hear that its peer has gone */
        x->env->ops->kill(x->connection);
    } else if (endless) {
        x->source->tick(x->source_ctx);
    }
}
