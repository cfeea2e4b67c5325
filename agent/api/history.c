#include "api/history.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "api/params.h"
#include "base/json.h"
#include "base/times.h"
#include "core/core.h"
#include "core/lookup.h"
#include "core/rights.h"
#include "core/tables.h"
#include "protocol/past.h"
#include "store/store.h"

enum {
    LIMIT_DEFAULT = 100,
    LIMIT_MAX = 1000,
    PAGE_BYTES = 512 * 1024, /* from there on a page takes no more events */
    ON_THEIR_WAY = 64, /* pages that are read, or wait to be; then others are told to come again */
    AT_ONCE = 2        /* of them have a job out: what else is looked up never waits long */
};

struct query {
    uint64_t from_rev, to_rev, limit, after;
    int64_t since_ms, until_ms;
    unsigned kinds;
    bool newest_first, state;
};

/*
 * A page is made of walks, one after the other:
 *
 *   EVENTS ──► OLDEST ──► (no state asked for) ──────────────────────────────────────► the answer
 *                └──► (no event: LATER_REV, LATER_TIME) ──► BEFORE ──► none, or removed ┤
 *                                             └──► LATER ──► up to now ──► STILL ───────┤
 *                                                    └──► removed meanwhile ► EARLIER ──┘
 *
 * STILL sees that retention, which takes the oldest first, has not come by what LATER was to meet.
 */
enum phase { EVENTS, OLDEST, LATER_REV, LATER_TIME, BEFORE, LATER, STILL, EARLIER, PHASES };

struct history {
    struct lookup_job job; /* first */
    struct api *api;
    struct api_request *request; /* NULL: it has ended */
    bool out;                    /* the job is; what is below is the reader's thread's */
    enum phase phase;
    enum studio_err err;
    struct query query;
    char table_id[STUDIO_TABLE_ID_MAX + 1];
    uint64_t last_seq;           /* all that counts: what `now` came of */
    struct studio_snapshot *now; /* the table; it may be removed */
    struct store_walk walk;      /* of the phase */
    struct buf events;
    uint64_t count, last; /* of the events, and the seq of the last */
    bool more;            /* there are */
    uint64_t at;          /* the document before this seq is asked for */
    uint64_t oldest_rev;  /* 0: none is gone */
    bool known;           /* there is a document, of this rev and time: */
    uint64_t rev;
    int64_t stamp_s;
    struct past past;
    struct history *prev, *next; /* in api->histories, the next to be read first */
};

/* --- the query ---------------------------------------------------------------------------------- */

static bool read_from_rev(void *query, const char *value)
{
    return text_number(value, 0, INT64_MAX, &((struct query *)query)->from_rev);
}

static bool read_to_rev(void *query, const char *value)
{
    return text_number(value, 0, INT64_MAX, &((struct query *)query)->to_rev);
}

static bool read_since(void *query, const char *value)
{
    return time_parse_rfc3339(value, &((struct query *)query)->since_ms);
}

static bool read_until(void *query, const char *value)
{
    return time_parse_rfc3339(value, &((struct query *)query)->until_ms);
}

static bool read_order(void *query, const char *value)
{
    ((struct query *)query)->newest_first = strcmp(value, "desc") == 0;
    return strcmp(value, "desc") == 0 || strcmp(value, "asc") == 0;
}

static bool read_limit(void *query, const char *value)
{
    return text_number(value, 1, LIMIT_MAX, &((struct query *)query)->limit);
}

static bool read_kinds(void *query, const char *value)
{
    return param_kinds(value, &((struct query *)query)->kinds);
}

static bool read_state(void *query, const char *value)
{
    ((struct query *)query)->state = strcmp(value, "1") == 0;
    return strcmp(value, "0") == 0 || strcmp(value, "1") == 0;
}

static bool read_after(void *query, const char *value)
{
    return text_number(value, 1, INT64_MAX, &((struct query *)query)->after);
}

#define A_TIME "a time like 2026-01-02T03:04:05Z"
static const struct param params[] = {
    {"from_rev", "a whole number", read_from_rev},
    {"to_rev", "a whole number", read_to_rev},
    {"since", A_TIME, read_since},
    {"until", A_TIME, read_until},
    {"order", "asc or desc", read_order},
    {"limit", "1 to 1000", read_limit},
    {"kinds", PARAM_KINDS, read_kinds},
    {"state", "0 or 1", read_state},
    {"after", "the number of an event", read_after},
};

/* --- what the walks meet, on the reader's thread ------------------------------------------------ */

static bool on_event(void *ctx, struct studio_event *event)
{
    struct history *h = ctx;

    if (h->count == h->query.limit || h->events.len >= PAGE_BYTES) {
        h->more = true;
        return false;
    }
    buf_str(&h->events, h->count > 0 ? "," : "");
    studio_event_print(&h->events, event, h->api->epoch, false);
    h->count++;
    h->last = event->seq;
    if (h->count == 1 || h->query.newest_first)
        h->at = event->seq;
    return buf_ok(&h->events);
}

static bool on_oldest(void *ctx, struct studio_event *event)
{
    struct history *h = ctx;

    h->oldest_rev = event->rev;
    return false;
}

static bool on_behind(void *ctx, struct studio_event *event)
{
    struct history *h = ctx;

    h->at = event->seq;
    return false;
}

static bool on_before(void *ctx, struct studio_event *event)
{
    struct history *h = ctx;

    h->known = !event_removes(event);
    h->rev = event->rev;
    h->stamp_s = event->wall_ms / 1000;
    return false;
}

static bool on_later(void *ctx, struct studio_event *event)
{
    struct history *h = ctx;

    h->known = past_later(&h->past, event->body, event->body_len) == PAST_CHANGE;
    return h->known && !h->past.failed;
}

static bool on_earlier(void *ctx, struct studio_event *event)
{
    struct history *h = ctx;
    enum past_kind kind = past_earlier(&h->past, event->body, event->body_len);

    h->known = kind == PAST_MADE;
    return kind == PAST_CHANGE && !h->past.failed;
}

/* --- from walk to walk -------------------------------------------------------------------------- */

/* Changes only, none that is too new. */
static void begin_walk(struct history *h, enum phase phase)
{
    h->phase = phase;
    h->walk = store_walk(h->table_id);
    h->walk.exceptions = false;
    h->walk.to_seq = h->last_seq;
}

static void begin_events(struct history *h)
{
    const struct query *q = &h->query;

    begin_walk(h, EVENTS);
    h->walk.changes = (q->kinds & EVENT_BIT(EVENT_CHANGE)) != 0;
    h->walk.exceptions = (q->kinds & EVENT_BIT(EVENT_EXCEPTION)) != 0;
    h->walk.newest_first = q->newest_first;
    h->walk.from_rev = q->from_rev;
    h->walk.to_rev = q->to_rev;
    h->walk.since_ms = q->since_ms;
    h->walk.until_ms = q->until_ms;
    h->at = h->last_seq + 1;
    if (q->after > 0 && q->newest_first && q->after <= h->last_seq)
        h->walk.to_seq = (h->at = q->after) - 1;
    else if (q->after > 0 && !q->newest_first)
        h->walk.from_seq = q->after + 1;
}

/* Back from what the document is asked for before. */
static bool begin_back(struct history *h, enum phase phase)
{
    begin_walk(h, phase);
    h->walk.newest_first = true;
    h->walk.to_seq = h->at - 1;
    h->known = false;
    return true;
}

/* To the first change of a later rev, or time, before the end that is known so far. */
static void begin_behind(struct history *h, enum phase phase, uint64_t from_rev, int64_t since_ms)
{
    begin_walk(h, phase);
    h->walk.to_seq = h->at - 1;
    h->walk.from_rev = from_rev;
    h->walk.since_ms = since_ms;
}

/* Without an event the document at the end of what is asked for is meant, which the first of its bounds sets. */
static bool begin_end(struct history *h)
{
    const struct query *q = &h->query;

    if (h->phase == OLDEST && q->to_rev < INT64_MAX)
        begin_behind(h, LATER_REV, q->to_rev + 1, INT64_MIN);
    else if (h->phase != LATER_TIME && q->until_ms < INT64_MAX)
        begin_behind(h, LATER_TIME, 0, q->until_ms + 1);
    else
        begin_back(h, BEFORE);
    return true;
}

/* The walk has ended. Begins the next; false: all is known that can be. */
static bool next_walk(struct history *h)
{
    switch (h->phase) {
    case EVENTS:
        begin_walk(h, OLDEST);
        h->oldest_rev = h->now->rev + 1; /* if none is met: all are gone */
        return true;
    case OLDEST:
        if (!h->query.state)
            return false;
        return h->count > 0 ? begin_back(h, BEFORE) : begin_end(h);
    case LATER_REV:
    case LATER_TIME:
        return begin_end(h);
    case BEFORE:
        if (!h->known)
            return false;
        if (h->now->removed)
            return begin_back(h, EARLIER);
        begin_walk(h, LATER);
        h->walk.from_seq = h->at;
        return true;
    case LATER:
        if (!h->known)
            return begin_back(h, EARLIER);
        past_now(&h->past, h->now->document, h->now->document_len);
        return begin_back(h, STILL);
    case STILL:
    case EARLIER:
    case PHASES:
        break;
    }
    return false;
}

/* --- the answer --------------------------------------------------------------------------------- */

static void destroy(struct history *h)
{
    DL_DELETE(h->api->histories, h);
    h->api->history_count--;
    if (h->request)
        h->request->leave = NULL;
    studio_snapshot_unref(h->now);
    buf_finish(&h->events);
    past_finish(&h->past);
    free(h);
}

static void print_state(const struct history *h, struct buf *out)
{
    json_key(out, "state");
    if (h->known && !h->past.failed)
        past_print(&h->past, out, h->table_id, h->rev, h->stamp_s);
    else
        buf_str(out, "null");
}

static void answer(struct history *h)
{
    struct api_request *r = h->request;
    struct buf body;

    buf_init(&body, SIZE_MAX);
    buf_str(&body, "{\"events\":[");
    buf_add(&body, h->events.data, h->events.len);
    buf_str(&body, "]");
    if (h->oldest_rev > 0)
        json_u64(&body, "oldest_rev", h->oldest_rev);
    if (h->query.state)
        print_state(h, &body);
    buf_str(&body, "}");
    if (h->more && buf_ok(&body)) {
        char after[24];
        snprintf(after, sizeof(after), "%llu", (unsigned long long)h->last);
        request_next(r, after, "state"); /* others follow from the first */
    }
    destroy(h);
    request_reply(r, &body);
}

static void refuse(struct history *h, enum studio_err err)
{
    struct api_request *r = h->request;

    destroy(h);
    request_refuse(r, err, NULL);
}

/* --- jobs --------------------------------------------------------------------------------------- */

static void step(struct lookup_job *job, struct store_reader *reader)
{
    static studio_event_fn *const met[PHASES] = {
        [EVENTS] = on_event,      [OLDEST] = on_oldest,   [LATER_REV] = on_behind,
        [LATER_TIME] = on_behind, [BEFORE] = on_before,   [LATER] = on_later,
        [STILL] = on_before,      [EARLIER] = on_earlier,
    };
    struct history *h = (struct history *)job;

    h->err = store_walk_step(reader, &h->walk, met[h->phase], h);
}

static void send_off(struct api *api);

static void stepped(struct lookup_job *job)
{
    struct history *h = (struct history *)job;
    struct api *api = h->api;

    h->out = false;
    api->histories_out--;
    if (!h->request)
        destroy(h);
    else if (h->err != STUDIO_OK)
        refuse(h, STUDIO_ERR_STORAGE);
    else if (!buf_ok(&h->events))
        refuse(h, STUDIO_ERR_LIMIT);
    else if (h->walk.ended && !next_walk(h))
        answer(h);
    else { /* goes on, behind the others */
        DL_DELETE(api->histories, h);
        DL_APPEND(api->histories, h);
    }
    send_off(api);
}

/* Keeps a few jobs out, of all in turn. */
static void send_off(struct api *api)
{
    struct history *h, *next;

    DL_FOREACH_SAFE(api->histories, h, next)
    {
        if (api->histories_out == AT_ONCE)
            return;
        if (h->out)
            continue;
        h->job = (struct lookup_job){.read = step, .done = stepped};
        if (!lookup_submit(api->lookup, &h->job)) {
            refuse(h, STUDIO_ERR_LIMIT);
            continue;
        }
        h->out = true;
        api->histories_out++;
    }
}

/* The request has ended before its answer was there. */
static void leave(void *work)
{
    struct history *h = work;

    h->request = NULL;
    if (!h->out)
        destroy(h);
}

static struct history *create(struct api_request *r, const struct query *query,
                              struct studio_snapshot *now)
{
    struct history *h = calloc(1, sizeof(*h));

    if (!h)
        return NULL;
    h->api = r->api;
    h->request = r;
    h->query = *query;
    memcpy(h->table_id, r->table, sizeof(h->table_id));
    h->last_seq = core_last_seq(r->api->core);
    h->now = studio_snapshot_ref(now);
    buf_init(&h->events, SIZE_MAX);
    begin_events(h);
    r->work = h;
    r->leave = leave;
    DL_APPEND(r->api->histories, h);
    r->api->history_count++;
    return h;
}

void history_get(struct api_request *r)
{
    struct query query = {
        .to_rev = INT64_MAX,
        .limit = LIMIT_DEFAULT,
        .since_ms = INT64_MIN,
        .until_ms = INT64_MAX,
        .kinds = EVENT_BIT(EVENT_CHANGE),
    };
    const struct table *table = tables_find(core_tables(r->api->core), r->table);

    if (!request_params(r, params, sizeof(params) / sizeof(params[0]), &query))
        return;
    if (!rights_to_read(r->actor, r->table))
        request_refuse(r, STUDIO_ERR_NOT_PERMITTED, NULL);
    else if (!table || !table_snapshot(table))
        request_refuse(r, STUDIO_ERR_UNKNOWN_TABLE, r->table);
    else if (r->api->history_count == ON_THEIR_WAY || !create(r, &query, table_snapshot(table)))
        request_refuse(r, STUDIO_ERR_LIMIT, NULL);
    else
        send_off(r->api);
}

void history_finish(struct api *api)
{
    while (api->histories)
        destroy(api->histories);
}
