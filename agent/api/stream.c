#include "api/stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "api/recent.h"
#include "api/sse.h"
#include "api/stream_wish.h"
#include "base/figures.h"
#include "base/log.h"
#include "core/core.h"
#include "core/lookup.h"
#include "core/tables.h"
#include "store/store.h"

/*
 *   opened ── without a place ─────────────────────────────► STATUS ── all documents ──► EVENTS
 *      │                                                       ▲                         ▲   │
 *      ├── a place that cannot be ours ──► LOST ── oldest ──► RESET                      │   │
 *      │                                     ▲                                           │   │
 *      │                                     └──── events behind the place are gone ─────┼───┘
 *      └── a place ──────────────────────────────────────────────────────────────────────┘
 *
 * The place is taken before the first document is told: what changes meanwhile is told again as an event,
 * and nothing can be missed. Any of them ends with the connection, or with words of farewell.
 */
enum phase { LOST, RESET, STATUS, EVENTS };

enum {
    PAGE_MAX = EXCHANGE_PIECE_MAX, /* bytes from which nothing is added to a page */
    PAGE_EVENTS = 64,              /* read from the store at once */
    READS_MAX = 16, /* at the store at once, of all streams: others have questions, too */
    PACE_MS = 20,   /* those who wait are told at most so often */
    COMMENT_MS = 15000,
    RETRY_MS = 1000 /* for who lost the connection */
};

struct stream {
    struct lookup_job job; /* first */
    struct streams *all;
    struct api_request *request; /* NULL: the connection is gone */
    struct stream_filter filter;
    enum phase phase;
    uint64_t place;           /* all events up to it have been told or passed over */
    const char *lost;         /* LOST, RESET: why */
    uint64_t oldest;          /* RESET: the store's */
    const char *farewell;     /* it ends with these words; NULL: it goes on */
    enum figure_closed ended; /* why; unless it was the client */
    struct buf page;          /* whole events, not yet read by the connection from `sent` on */
    size_t sent;
    bool begun;
    int64_t comment_ms;        /* the next one is due */
    const struct table *table; /* STATUS: the last told; */
    size_t named;              /* or how many of the filter's names have been */
    unsigned generation;       /* of the tokens it was let in by */
    struct stream **list;      /* it waits in one of those of `all`; NULL: in none */
    struct stream *prev, *next;
    /* While the job is out, page and these are the reader's thread's: */
    bool reading;
    uint64_t target, reached;
    enum studio_err err;
};

struct streams {
    struct api *api;
    struct recent recent;
    size_t count;          /* with a connection */
    struct stream *idle;   /* told everything */
    struct stream *hungry; /* wait for their turn at the store */
    struct stream *left;   /* without a connection, until their job comes back */
    unsigned reading;      /* jobs out */
    bool due;              /* there is something new for the idle ones */
    int64_t told_ms;       /* when they were last told */
};

static void enter(struct stream *s, struct stream **list)
{
    DL_APPEND(*list, s);
    s->list = list;
}

static void leave(struct stream *s)
{
    if (s->list)
        DL_DELETE(*s->list, s);
    s->list = NULL;
}

/* Has it read again. */
static void wake(struct stream *s)
{
    leave(s);
    exchange_ready(s->request->exchange);
}

static uint64_t committed(const struct stream *s)
{
    return core_last_seq(s->all->api->core);
}

static void destroy(struct stream *s)
{
    leave(s);
    buf_finish(&s->page);
    stream_filter_finish(&s->filter);
    free(s);
}

/* --- from the store -------------------------------------------------------------------------- */

static bool add_event(void *ctx, struct studio_event *event)
{
    struct stream *s = ctx;

    if (event->seq != s->reached + 1)
        return false; /* what is between is gone: the next page would begin with that */
    s->reached = event->seq;
    if (stream_filter_takes(&s->filter, event))
        sse_event(&s->page, s->all->api->epoch, event);
    return s->page.len < PAGE_MAX;
}

/* On the reader's thread. */
static void read_store(struct lookup_job *job, struct store_reader *reader)
{
    struct stream *s = (struct stream *)job;

    s->err = STUDIO_OK;
    s->reached = s->place;
    if (!s->lost)
        s->err = store_read_events(reader, s->place + 1, s->target, PAGE_EVENTS, add_event, s);
    if (s->err == STUDIO_OK && s->reached == s->place) {
        s->lost = s->lost ? s->lost : "too old";
        s->err = store_read_oldest(reader, &s->oldest);
    }
}

/* The store, or memory, fails: it comes again, with its place. */
static void give_up(struct stream *s, enum studio_err err)
{
    s->farewell = studio_err_text(err);
    s->ended = CLOSED_LIMIT;
    buf_finish(&s->page);
    s->sent = 0;
}

/* As many of those who wait as have room now. */
static void feed_next(struct streams *all)
{
    for (unsigned room = READS_MAX - all->reading; room > 0 && all->hungry; room--)
        wake(all->hungry);
}

static void store_was_read(struct lookup_job *job)
{
    struct stream *s = (struct stream *)job;
    struct streams *all = s->all;

    all->reading--;
    s->reading = false;
    feed_next(all);
    if (!s->request) {
        destroy(s);
        return;
    }
    if (s->err != STUDIO_OK || !buf_ok(&s->page)) {
        give_up(s, STUDIO_ERR_STORAGE);
    } else if (s->lost) {
        s->phase = RESET;
    } else {
        s->place = s->reached;
    }
    wake(s);
}

/* The page is empty. */
static void ask_store(struct stream *s)
{
    struct streams *all = s->all;

    s->target = committed(s);
    s->job.read = read_store;
    s->job.done = store_was_read;
    s->reading = all->reading < READS_MAX && lookup_submit(all->api->lookup, &s->job);
    if (s->reading)
        all->reading++;
    else
        enter(s, &all->hungry);
}

/* --- a page ---------------------------------------------------------------------------------- */

/* A sign of life that says how far behind it is, and moves the id over what its filter passed over. */
static void comment(struct stream *s)
{
    if (s->phase != EVENTS) {
        buf_str(&s->page, ": the tables follow\n\n");
        return;
    }
    buf_str(&s->page, ": ");
    buf_u64(&s->page, committed(s) - s->place);
    buf_str(&s->page, " events behind\n");
    sse_place(&s->page, s->all->api->epoch, s->place);
}

static void comment_if_due(struct stream *s)
{
    int64_t now = clock_mono(s->all->api->clock);

    if (now < s->comment_ms)
        return;
    if (!s->begun)
        buf_printf(&s->page, "retry: %d\n", RETRY_MS);
    s->begun = true;
    comment(s);
    s->comment_ms = now + COMMENT_MS;
}

static void begin_status(struct stream *s)
{
    s->place = committed(s);
    s->phase = STATUS;
    s->table = NULL;
    s->named = 0;
}

static void tell_reset(struct stream *s)
{
    sse_reset(&s->page, s->lost, s->all->api->epoch, s->oldest);
    s->lost = NULL;
    begin_status(s);
}

/* NULL: all have been told. */
static const struct table *next_table(struct stream *s)
{
    struct tables *tables = core_tables(s->all->api->core);
    const struct table *table;

    if (s->filter.all) { /* one that has been told stays known, others may come before it */
        size_t place = s->table ? tables_place(tables, table_id(s->table)) + 1 : 0;
        while ((table = tables_at(tables, place)) != NULL && !table_exists(table))
            place++;
        s->table = table ? table : s->table;
        return table;
    }
    while (s->named < s->filter.count) {
        table = tables_find(tables, s->filter.tables[s->named++]);
        if (table && table_exists(table))
            return table;
    }
    return NULL;
}

/* With the last of them it has an id to come back with. */
static void tell_documents(struct stream *s)
{
    const struct table *table;

    while (s->page.len < PAGE_MAX) {
        if (!(table = next_table(s))) {
            sse_place(&s->page, s->all->api->epoch, s->place);
            s->phase = EVENTS;
            return;
        }
        sse_status(&s->page, table_snapshot(table)->document, table_snapshot(table)->document_len);
    }
}

static void tell_recent(struct stream *s)
{
    const struct recent_line *line;

    while (s->page.len < PAGE_MAX && (line = recent_find(&s->all->recent, s->place + 1)) != NULL) {
        if (stream_filter_takes(&s->filter, line->event))
            buf_add(&s->page, line->text, line->len);
        s->place++;
    }
}

/* Prints what comes next, as far as it is in memory; if that is nothing, sees to it that it is woken. */
static void fill(struct stream *s)
{
    buf_clear(&s->page);
    s->sent = 0;
    comment_if_due(s);
    if (s->phase == RESET)
        tell_reset(s);
    if (s->phase == STATUS)
        tell_documents(s);
    if (s->phase == EVENTS)
        tell_recent(s);
    if (!buf_ok(&s->page)) {
        give_up(s, STUDIO_ERR_LIMIT);
    } else if (s->page.len == 0 && s->phase == EVENTS && s->place == committed(s)) {
        buf_finish(&s->page); /* who waits holds no memory */
        enter(s, &s->all->idle);
    } else if (s->page.len == 0) {
        ask_store(s);
    }
}

/* --- for the connection ---------------------------------------------------------------------- */

static size_t read_stream(void *ctx, char *out, size_t cap, bool *end)
{
    struct stream *s = ctx;
    size_t len;

    leave(s);
    if (!s->reading && s->sent == s->page.len && !s->farewell)
        fill(s);
    if (s->reading || s->sent == s->page.len) {
        *end = s->farewell != NULL;
        return *end ? (size_t)snprintf(out, cap, ": %s\n\n", s->farewell) : 0;
    }
    len = s->page.len - s->sent < cap ? s->page.len - s->sent : cap;
    memcpy(out, s->page.data + s->sent, len);
    s->sent += len;
    return len;
}

static void close_stream(void *ctx)
{
    struct stream *s = ctx;
    struct streams *all = s->all;
    struct figures *figures = all->api->figures;

    leave(s);
    core_leave(all->api->core, s->request->actor);
    figure_drop(&figures->connections[s->request->actor->role], 1);
    if (!exchange_slow(s->request->exchange)) /* which is counted there */
        figure_add(&figures->closed[s->ended], 1);
    s->request = NULL;
    if (--all->count == 0)
        recent_clear(&all->recent);
    if (s->reading)
        enter(s, &all->left);
    else
        destroy(s);
}

static bool still_valid(struct stream *s)
{
    unsigned generation = admission_generation(s->request->api->admission);

    if (generation == s->generation)
        return true;
    s->generation = generation;
    return login_still_valid(&s->request->login);
}

static void tick_stream(void *ctx)
{
    struct stream *s = ctx;
    const struct api *api = s->all->api;

    if (figure_get(&api->figures->stopping)) {
        s->farewell = "Server shutting down";
        s->ended = CLOSED_SHUTDOWN;
    } else if (!still_valid(s)) {
        s->farewell = studio_err_text(STUDIO_ERR_AUTH_REVOKED);
        s->ended = CLOSED_REVOKED;
    }
    if (s->farewell || clock_mono(api->clock) >= s->comment_ms)
        wake(s);
}

static const struct exchange_source source = {read_stream, close_stream, tick_stream};

/* --- opening --------------------------------------------------------------------------------- */

static void begin(struct stream *s, const struct stream_wish *wish)
{
    const struct api *api = s->all->api;

    s->filter = wish->filter;
    s->place = wish->place;
    s->lost = wish->lost;
    s->phase = wish->lost ? LOST : EVENTS;
    if (wish->anew)
        begin_status(s);
    s->generation = admission_generation(api->admission);
    s->comment_ms = clock_mono(api->clock);
    buf_init(&s->page, SIZE_MAX);
    s->all->count++;
    figure_add(&api->figures->connections[s->request->actor->role], 1);
}

/* A stream is a connection of its user. */
static bool has_room(const struct api_request *r)
{
    return admission_opens(r->api->admission, core_connections(r->api->core, r->actor->user_id));
}

void stream_respond(struct api_request *request)
{
    struct stream_wish wish;
    struct stream *s;

    if (!stream_wish_read(request, &wish))
        return;
    s = calloc(1, sizeof(*s));
    if (!s || !has_room(request) || !core_attend(request->api->core, request->actor)) {
        free(s);
        stream_filter_finish(&wish.filter);
        request_refuse(request, STUDIO_ERR_LIMIT, NULL);
        return;
    }
    s->all = request->api->streams;
    s->request = request;
    begin(s, &wish);
    log_debug("api", "%s from %s follows the stream", request->actor->user_id,
              exchange_peer(request->exchange));
    exchange_header(request->exchange, "x-accel-buffering",
                    "no"); /* a proxy is to pass it on at once */
    exchange_stream(request->exchange, 200, "text/event-stream; charset=utf-8", &source, s);
}

/* --- all of them ----------------------------------------------------------------------------- */

static void tell_idle(struct streams *all)
{
    struct stream *s, *next;

    all->due = false;
    all->told_ms = clock_mono(all->api->clock);
    DL_FOREACH_SAFE(all->idle, s, next)
    {
        wake(s);
    }
}

/* Each is written to once for all that comes in a moment: a write for every event and stream would cost
 * more than the event. */
static void tell_idle_if_time(struct streams *all)
{
    if (all->due && clock_mono(all->api->clock) - all->told_ms >= PACE_MS)
        tell_idle(all);
}

static void hear(void *ctx, struct studio_event *const *events, size_t count)
{
    struct streams *all = ctx;

    if (all->count == 0)
        return;
    for (size_t i = 0; i < count; i++)
        recent_add(&all->recent, all->api->epoch, events[i]);
    all->due = true;
    tell_idle_if_time(all);
}

void streams_tick(struct streams *all)
{
    tell_idle_if_time(all);
    feed_next(all);
}

struct streams *streams_create(struct api *api)
{
    struct streams *all = calloc(1, sizeof(*all));

    if (!all)
        return NULL;
    all->api = api;
    core_set_listener(api->core, hear, all);
    return all;
}

void streams_destroy(struct streams *all)
{
    if (!all)
        return;
    while (all->left)
        destroy(all->left);
    recent_clear(&all->recent);
    free(all);
}
