/*
 * The live stream: asked for, read, asked for again where it broke off, of each server in turn.
 *
 *            woken                 200                     lost
 *   (begin) ───────► ASKING ─────────────► FOLLOWING ───────────────► WAITING
 *                      ▲ │ refused for good, or by all at first           │ time, none as long as
 *                      │ └──────────► (over)                              │ servers are left to try
 *                      └──────────────────────────────────────────────────┘
 */
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/backoff.h"
#include "base/clock.h"
#include "client_asking.h"
#include "client_error.h"
#include "client_http.h"
#include "client_internal.h"
#include "client_sse.h"
#include "studio/client.h"

enum { SILENCE_MS = 40000 /* the agent says something every 15 s */ };

enum state { BEGIN, ASKING, FOLLOWING, WAITING };

struct studio_client_stream {
    struct client_http *http;
    struct buf path; /* with all that is asked for but a place */
    struct client_sse sse;
    uint64_t from_seq; /* where it begins, as long as there is no id */
    unsigned timeout_ms;
    bool no_reconnect;
    studio_client_event_fn *on_event;
    void (*on_place)(void *ctx, const char *id);
    studio_client_state_fn *on_state;
    void *ctx;
    enum state state;
    bool followed;      /* it has been let in once */
    unsigned status;    /* of the answer */
    unsigned retry_s;   /* it asks for; 0: for nothing */
    struct buf problem; /* its body, when it is no 200 */
    struct backoff backoff;
    int64_t ready_ms;
    struct studio_error
        why; /* it is over; code OK: fn has ended it, or studio_client_stream_stop */
    atomic_bool stop;
};

static int64_t now_ms(void)
{
    return clock_mono(clock_system());
}

static void tell(const struct studio_client_stream *s, enum studio_client_state state,
                 const char *why)
{
    if (s->on_state != NULL)
        s->on_state(s->ctx, state, why);
}

static void ask(struct studio_client_stream *s)
{
    const char *id = client_sse_id(&s->sse);
    char from[24];
    struct buf path;

    s->state = ASKING;
    s->status = 0;
    s->retry_s = 0;
    buf_clear(&s->problem);
    client_sse_begin(&s->sse);
    tell(s, STUDIO_CLIENT_CONNECTING, "connecting");
    buf_init(&path, SIZE_MAX);
    buf_add(&path, s->path.data, s->path.len);
    snprintf(from, sizeof(from), "%" PRIu64, s->from_seq);
    client_asking_add(&path, "from_seq", s->from_seq > 0 && id[0] == '\0' ? from : NULL);
    client_http_set_timer(s->http, s->timeout_ms);
    /* An empty path leads to a refusal that is told, as it should when memory is short. */
    client_http_get(s->http, buf_ok(&path) ? path.data : "", id);
    buf_finish(&path);
}

static void end(struct studio_client_stream *s, const struct studio_error *why)
{
    s->why = *why;
    tell(s, STUDIO_CLIENT_CLOSED, why->text);
    client_http_leave(s->http);
}

/* It may be better another time. */
static bool passes(enum studio_err err)
{
    return studio_err_class(err) == STUDIO_CLASS_RETRY || err == STUDIO_ERR_RATE_LIMIT;
}

/* The pause before the next round of attempts. */
static int64_t next_pause(struct studio_client_stream *s)
{
    uint32_t random = 0;

    if (getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0)
        random = (uint32_t)now_ms();
    return servers_pause(client_http_servers(s->http), backoff_next(&s->backoff, random), random);
}

static void lost(struct studio_client_stream *s, const struct studio_error *because)
{
    struct servers *servers = client_http_servers(s->http);
    const bool followed = s->state == FOLLOWING, passing = passes(because->code);
    struct studio_error why = *because;
    bool more = false;

    if (followed) {
        backoff_ended(&s->backoff, now_ms() - s->ready_ms);
        if (now_ms() - s->ready_ms >= BACKOFF_STABLE_MS)
            servers_held(servers);
    }
    if (passing)
        more = servers_failed(servers, &why, s->retry_s);
    else
        servers_sign(servers, &why);
    if (!passing || (s->followed && s->no_reconnect) || (!s->followed && !more)) {
        end(s, &why);
        return;
    }
    s->state = WAITING;
    client_http_set_timer(s->http, more ? 0 : next_pause(s));
    if (followed || !more)
        tell(s, STUDIO_CLIENT_WAITING, why.text);
}

static void answered(void *ctx, unsigned status, const char *next, unsigned retry_s)
{
    struct studio_client_stream *s = ctx;

    (void)next;
    s->status = status;
    s->retry_s = retry_s;
    if (status != 200)
        return;
    s->state = FOLLOWING;
    s->followed = true;
    s->ready_ms = now_ms();
    client_http_set_timer(s->http, SILENCE_MS);
    tell(s, STUDIO_CLIENT_READY, "connected");
}

static bool body(void *ctx, const char *bytes, size_t len)
{
    struct studio_client_stream *s = ctx;
    struct studio_error why = {.code = STUDIO_OK};

    if (s->status != 200) {
        buf_add(&s->problem, bytes, len);
        return true;
    }
    client_http_set_timer(s->http, SILENCE_MS);
    switch (client_sse_feed(&s->sse, bytes, len, s->on_event, s->ctx)) {
    case CLIENT_SSE_OK:
        if (s->sse.moved && s->on_place != NULL)
            s->on_place(s->ctx, client_sse_id(&s->sse));
        s->sse.moved = false;
        return true;
    case CLIENT_SSE_STOP:
        end(s, &why);
        return false;
    case CLIENT_SSE_BAD:
        break;
    }
    studio_error_set(&why, STUDIO_ERR_NO_MEMORY, NULL);
    end(s, &why);
    return false;
}

static void ended(void *ctx, const char *reason)
{
    struct studio_client_stream *s = ctx;
    const char *server = client_http_server(s->http);
    struct studio_error why;

    if (s->status != 0 && s->status != 200)
        client_asking_refused(&why, server, s->status, &s->problem);
    else if (s->status == 200)
        studio_error_set(&why, STUDIO_ERR_NOT_CONNECTED, ": the stream has ended");
    else
        client_asking_lost(&why, server, reason != NULL ? reason : "no answer came");
    lost(s, &why);
}

static void woken(void *ctx)
{
    struct studio_client_stream *s = ctx;

    if (atomic_load(&s->stop))
        client_http_leave(s->http);
    else if (s->state == BEGIN)
        ask(s);
}

static void timer(void *ctx)
{
    struct studio_client_stream *s = ctx;
    struct studio_error why;

    if (s->state == WAITING) {
        ask(s);
        return;
    }
    client_http_drop(s->http);
    studio_error_set(&why, STUDIO_ERR_TIMEOUT, ": %s %s", client_http_server(s->http),
                     s->state == ASKING ? "did not answer in time" : "says nothing any more");
    lost(s, &why);
}

static const struct client_http_ops ops = {answered, body, ended, woken, timer};

enum studio_err studio_client_stream_create(const struct studio_client_options *options,
                                            const struct studio_client_stream_query *query,
                                            struct studio_client_stream **out,
                                            struct studio_error *error)
{
    struct studio_client_stream *s = calloc(1, sizeof(*s));
    enum studio_err err;

    *out = NULL;
    if (s == NULL)
        return studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
    atomic_init(&s->stop, false);
    s->timeout_ms = client_timeout_ms(options);
    s->no_reconnect = options->no_reconnect;
    s->on_event = query->on_event;
    s->on_place = query->on_place;
    s->on_state = options->on_state;
    s->ctx = options->ctx;
    s->from_seq = query->from_seq;
    client_sse_init(&s->sse);
    buf_str(&s->sse.id, query->last_id != NULL ? query->last_id : "");
    buf_init(&s->problem, CLIENT_PROBLEM_MAX);
    buf_init(&s->path, SIZE_MAX);
    buf_str(&s->path, "/stream");
    client_asking_add(&s->path, "tables", query->tables);
    client_asking_add(&s->path, "kinds", query->kinds);
    err = client_http_create(options, &ops, s, &s->http, error);
    if (err == STUDIO_OK && (!buf_ok(&s->path) || !buf_ok(&s->sse.id)))
        err = studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
    if (err == STUDIO_OK)
        *out = s;
    else
        studio_client_stream_destroy(s);
    return err;
}

void studio_client_stream_destroy(struct studio_client_stream *s)
{
    if (s == NULL)
        return;
    client_http_destroy(s->http);
    client_sse_finish(&s->sse);
    buf_finish(&s->problem);
    buf_finish(&s->path);
    free(s);
}

enum studio_err studio_client_stream_run(struct studio_client_stream *s, struct studio_error *error)
{
    client_http_run(s->http);
    if (error != NULL)
        *error = s->why;
    return s->why.code;
}

void studio_client_stream_stop(struct studio_client_stream *s)
{
    atomic_store(&s->stop, true);
    client_http_wake(s->http);
}
