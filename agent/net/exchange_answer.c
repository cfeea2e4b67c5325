/* exchange_answer.c - for the one who answers: how the answer begins, and what it consists of. */
#include <assert.h>
#include <string.h>

#include "net/exchange_inside.h"
#include "protocol/document.h"

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
    x->answer.close = x->refused || x->last || x->env->closing || length < 0;
    x->state = x->delay_ms > 0 ? HELD : ANSWERING;
    if (x->state == HELD) {
        x->deadline_ms = clock_mono(x->env->clock) + x->delay_ms;
        exchange_pause(x, true);
    } else {
        exchange_want_write(x);
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
        exchange_want_write(x);
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
    figure_add(&x->env->figures->refused[error->code], 1);
    exchange_problem(x, status_of(error->code), error->text);
}

void exchange_answered(struct actor *actor, enum studio_err err, const char *text, size_t len)
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
