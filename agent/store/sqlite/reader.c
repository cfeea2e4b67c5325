/*
 * reader.c - the read-only connection of another thread.
 *
 * Every function resets its statement before it returns, also when the callback stopped it: a
 * statement left open would keep the write-ahead log from being reused.
 */
#include <stdlib.h>
#include <string.h>

#include "store/sqlite/private.h"

enum reader_stmt {
    READ_BEGIN,
    READ_END,
    READ_SPANS,
    READ_SPAN,
    READ_EVENTS,
    READ_OLDEST_FIRST,
    READ_NEWEST_FIRST,
    READ_TIMES,
    READ_OLDEST,
    READ_REQUEST,
    READ_CLEARED,
    READ_COUNT
};

#define EVENT_COLUMNS                                                                              \
    "SELECT seq, kind, table_id, rev, wall_ms, parked IS NOT NULL, body FROM events"

#define WALK                                                                                       \
    " WHERE seq BETWEEN ?1 AND ?2 AND table_id = ?3 AND kind BETWEEN ?4 AND ?5"                    \
    " AND rev BETWEEN ?6 AND ?7 AND wall_ms BETWEEN ?8 AND ?9"

static const char *const texts[READ_COUNT] = {
    [READ_EVENTS] = EVENT_COLUMNS " WHERE seq BETWEEN ?1 AND ?2 ORDER BY seq LIMIT ?3",
    [READ_OLDEST_FIRST] = EVENT_COLUMNS WALK " ORDER BY seq",
    [READ_NEWEST_FIRST] = EVENT_COLUMNS WALK " ORDER BY seq DESC",
    [READ_TIMES] = "SELECT min(wall_ms), max(wall_ms) FROM events WHERE seq BETWEEN ?1 AND ?2",
    [READ_BEGIN] = "BEGIN",
    [READ_END] = "ROLLBACK",
    [READ_SPANS] = "SELECT (SELECT min(seq) FROM events), (SELECT max(seq) FROM events)",
    [READ_SPAN] = "SELECT rev FROM spans WHERE span = ?1 AND table_id = ?2",
    [READ_OLDEST] = "SELECT coalesce((SELECT min(seq) FROM events),"
                    " (SELECT value + 1 FROM meta WHERE key = '" META_LAST_SEQ "'))",
    [READ_REQUEST] = "SELECT digest, answer FROM requests WHERE table_id = ?1 AND client = ?2"
                     " AND request_id = ?3",
    [READ_CLEARED] = "SELECT table_id, field FROM cleared ORDER BY table_id, field",
};

enum {
    TIMES_KEPT = 1024, /* spans of a million events */
    WALK_STEP =
        1024, /* what a step of a walk may cost: to see whether a span knows the table is 1, */
    WALK_SPAN = 64, /*   to look through one that does, or for its times, so much, */
    WALK_ROW = 2,   /*   and an event that is met this, and as much for each so many bytes: */
    WALK_ROW_BYTES = 512,
    WALK_AHEAD = 64 /* spans looked at for whether one may be passed over */
};

/* When the events of a span were, by the wall clock: known for good when it is full. */
struct span_times {
    uint64_t next; /* span + 1; 0: none */
    int64_t first_ms, last_ms;
};

struct sqlite_reader {
    struct store_reader base;
    sqlite3 *db;
    sqlite3_stmt *stmts[READ_COUNT];
    struct span_times times[TIMES_KEPT];
};

static struct sqlite_reader *as_reader(struct store_reader *base)
{
    return (struct sqlite_reader *)base;
}

enum studio_err sqlite_reader_open(const struct store *base, struct store_reader **out,
                                   struct studio_error *error)
{
    const char *path = as_const_sqlite(base)->path;
    enum studio_err err;
    *out = NULL;
    struct sqlite_reader *reader = calloc(1, sizeof *reader);
    int rc = reader ? SQLITE_OK : SQLITE_NOMEM;
    if (rc == SQLITE_OK)
        rc = sql_open(path, SQLITE_OPEN_READONLY, NULL, &reader->db);
    if (rc == SQLITE_OK)
        rc = sql_exec(reader->db, "PRAGMA query_only = ON");
    if (rc == SQLITE_OK)
        rc = sql_prepare_all(reader->db, texts, reader->stmts, READ_COUNT);
    if (rc != SQLITE_OK)
        goto fail;
    *out = &reader->base;
    return STUDIO_OK;
fail:
    err = sql_refuse(error, path, rc, reader ? reader->db : NULL);
    if (reader)
        sqlite_reader_close(&reader->base);
    return err;
}

void sqlite_reader_close(struct store_reader *base)
{
    struct sqlite_reader *reader = as_reader(base);
    sql_finalize_all(reader->stmts, READ_COUNT);
    (void)sqlite3_close(reader->db);
    free(reader);
}

static enum studio_err result(int rc)
{
    return rc == SQLITE_DONE || rc == SQLITE_ROW ? STUDIO_OK : sql_classify(rc);
}

/* A text that is there but comes back NULL is one SQLite had no memory for. */
static const char *text_column(sqlite3_stmt *stmt, int column, size_t *len)
{
    const char *text = (const char *)sqlite3_column_text(stmt, column);
    *len = (size_t)sqlite3_column_bytes(stmt, column);
    return text;
}

/* The row as an event; NULL: out of memory. */
static struct studio_event *event_of(sqlite3_stmt *stmt)
{
    size_t id_len, body_len;
    const char *table_id = text_column(stmt, 2, &id_len);
    const char *body = text_column(stmt, 6, &body_len);
    struct studio_event *event = NULL;

    if (table_id && body)
        event = studio_event_create((enum event_kind)sqlite3_column_int(stmt, 1), table_id,
                                    (uint64_t)sqlite3_column_int64(stmt, 3),
                                    sqlite3_column_int64(stmt, 4), body, body_len);
    if (event) {
        event->seq = (uint64_t)sqlite3_column_int64(stmt, 0);
        event->parked = sqlite3_column_int(stmt, 5) != 0;
    }
    return event;
}

/* Where the events go, and how many may. */
struct sink {
    studio_event_fn *fn;
    void *ctx;
    size_t left;
    int *budget;    /* of a step; NULL: none */
    bool exhausted; /* it is */
    uint64_t last;  /* that went */
};

/* SQLITE_DONE after the last event or the last that may go, or an error. */
static int each_event(struct sql_call *call, struct sink *sink)
{
    int rc = SQLITE_DONE;
    while (sink->left > 0 && !sink->exhausted && (rc = sql_step(call)) == SQLITE_ROW) {
        struct studio_event *event = event_of(call->stmt);
        if (!event) {
            rc = SQLITE_NOMEM;
            break;
        }
        sink->left = sink->fn(sink->ctx, event) ? sink->left - 1 : 0;
        sink->last = event->seq;
        if (sink->budget) {
            *sink->budget -= WALK_ROW * (1 + (int)(event->body_len / WALK_ROW_BYTES));
            sink->exhausted = *sink->budget <= 0;
        }
        studio_event_unref(event);
    }
    sql_end(call);
    return rc == SQLITE_ROW ? SQLITE_DONE : rc;
}

enum studio_err sqlite_read_events(struct store_reader *base, uint64_t from, uint64_t to,
                                   size_t limit, studio_event_fn *fn, void *ctx)
{
    struct sql_call call = sql_call(as_reader(base)->stmts[READ_EVENTS]);
    sql_u64(&call, from);
    sql_u64(&call, to);
    sql_u64(&call, limit);
    return result(each_event(&call, &(struct sink){.fn = fn, .ctx = ctx, .left = limit}));
}

/* --- the history of one table ---------------------------------------------------------------- */

/* Where a step is. */
struct step {
    struct sqlite_reader *reader;
    struct store_walk *walk;
    struct sink *sink;
    uint64_t first, last; /* events of any table that can be meant; none: first > last */
    uint64_t newest;      /* there is */
    int left;             /* of WALK_STEP */
};

static int run_stmt(struct sqlite_reader *reader, enum reader_stmt stmt)
{
    struct sql_call call = sql_call(reader->stmts[stmt]);
    return sql_run(&call);
}

static int find_ends(struct step *s)
{
    const struct store_walk *w = s->walk;
    struct sql_call call = sql_call(s->reader->stmts[READ_SPANS]);
    int rc = sql_step(&call);
    bool none = rc != SQLITE_ROW || sqlite3_column_type(call.stmt, 0) == SQLITE_NULL;
    uint64_t oldest = (uint64_t)sqlite3_column_int64(call.stmt, 0);
    s->newest = (uint64_t)sqlite3_column_int64(call.stmt, 1);
    sql_end(&call);
    s->first = none ? 1 : w->from_seq > oldest ? w->from_seq : oldest;
    s->last = none ? 0 : w->to_seq < s->newest ? w->to_seq : s->newest;
    return rc == SQLITE_ROW ? SQLITE_OK : rc;
}

/* Does a span know the table: from which rev on? */
static int ask_span(struct step *s, uint64_t span, bool *known, uint64_t *rev)
{
    struct sql_call call = sql_call(s->reader->stmts[READ_SPAN]);
    sql_u64(&call, span);
    sql_str(&call, s->walk->table_id);
    int rc = sql_step(&call);
    *known = rc == SQLITE_ROW;
    *rev = *known ? (uint64_t)sqlite3_column_int64(call.stmt, 0) : 0;
    sql_end(&call);
    s->left--;
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* Is all in the span before from_rev, since the next that knows the table begins no later? */
static int may_pass_over(struct step *s, bool *pass)
{
    uint64_t rev;
    bool known = false;
    int rc = SQLITE_OK;
    *pass = false;
    for (uint64_t i = 1; rc == SQLITE_OK && !known && i <= WALK_AHEAD; i++) {
        if (s->walk->span + i > s->last / STORE_SPAN)
            break;
        rc = ask_span(s, s->walk->span + i, &known, &rev);
        *pass = known && rev <= s->walk->from_rev;
    }
    return rc;
}

static int learn_times(struct step *s, struct span_times *times)
{
    uint64_t first = s->walk->span * STORE_SPAN;
    struct sql_call call = sql_call(s->reader->stmts[READ_TIMES]);
    sql_u64(&call, first);
    sql_u64(&call, first + STORE_SPAN - 1);
    int rc = sql_step(&call);
    if (rc == SQLITE_ROW)
        *times = (struct span_times){s->walk->span + 1, sqlite3_column_int64(call.stmt, 0),
                                     sqlite3_column_int64(call.stmt, 1)};
    sql_end(&call);
    s->left -= WALK_SPAN;
    return rc == SQLITE_ROW ? SQLITE_OK : rc;
}

/* Can the span have an event of the time that is asked for? What retention has taken of it does no harm. */
static int of_that_time(struct step *s, bool *can)
{
    const struct store_walk *w = s->walk;
    struct span_times *times = &s->reader->times[w->span % TIMES_KEPT];
    int rc = SQLITE_OK;
    *can = true;
    if ((w->since_ms == INT64_MIN && w->until_ms == INT64_MAX) ||
        w->span >= s->newest / STORE_SPAN) /* which still grows */
        return rc;
    if (times->next != w->span + 1)
        rc = learn_times(s, times);
    *can = times->last_ms >= w->since_ms && times->first_ms <= w->until_ms;
    return rc;
}

static int read_span(struct step *s)
{
    const struct store_walk *w = s->walk;
    uint64_t first = w->span * STORE_SPAN, last = first + STORE_SPAN - 1;
    bool can;
    int rc = of_that_time(s, &can);
    if (rc != SQLITE_OK || !can)
        return rc;
    struct sql_call call =
        sql_call(s->reader->stmts[w->newest_first ? READ_NEWEST_FIRST : READ_OLDEST_FIRST]);
    sql_u64(&call, first > s->first ? first : s->first);
    sql_u64(&call, last < s->last ? last : s->last);
    sql_str(&call, w->table_id);
    sql_i64(&call, w->changes ? EVENT_CHANGE : EVENT_EXCEPTION);
    sql_i64(&call, w->exceptions ? EVENT_EXCEPTION : EVENT_CHANGE);
    sql_u64(&call, w->from_rev);
    sql_u64(&call, w->to_rev);
    sql_i64(&call, w->since_ms);
    sql_i64(&call, w->until_ms);
    s->left -= WALK_SPAN;
    rc = each_event(&call, s->sink);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* The next step goes on behind the last event. */
static void stay(struct store_walk *w, uint64_t last)
{
    uint64_t *next = w->newest_first ? &w->to_seq : &w->from_seq;
    *next = w->newest_first ? last - 1 : last + 1;
    w->span = *next / STORE_SPAN;
}

/* A span that knows the table, from this rev on: an event there has at least one less, one before it at most. */
static int visit(struct step *s, uint64_t rev)
{
    struct store_walk *w = s->walk;
    bool beyond = rev > 0 && rev - 1 > w->to_rev, pass = beyond;
    int rc = SQLITE_OK;
    if (!pass && !w->newest_first && rev < w->from_rev)
        rc = may_pass_over(s, &pass);
    if (rc == SQLITE_OK && !pass)
        rc = read_span(s);
    if (s->sink->exhausted)
        stay(w, s->sink->last);
    w->ended = s->sink->left == 0 ||
               (!s->sink->exhausted && (w->newest_first ? rev <= w->from_rev : beyond));
    return rc;
}

static int take_step(struct step *s)
{
    struct store_walk *w = s->walk;
    int rc = find_ends(s);
    uint64_t first = s->first / STORE_SPAN, last = s->last / STORE_SPAN;
    if (!w->begun)
        w->span = w->newest_first ? last : first;
    w->begun = true;
    if (!w->newest_first && w->span < first) /* retention has come by */
        w->span = first;
    while (rc == SQLITE_OK && !w->ended && s->left > 0) {
        bool known;
        uint64_t rev;
        w->ended = s->first > s->last || w->span < first || w->span > last;
        if (w->ended)
            break;
        rc = ask_span(s, w->span, &known, &rev);
        if (rc == SQLITE_OK && known)
            rc = visit(s, rev);
        if (s->sink->exhausted)
            break;
        w->span += w->newest_first ? UINT64_MAX : 1; /* before the first: beyond the last */
    }
    return rc;
}

/* In a transaction, so that no checkpoint of the writer's changes what is under way. */
enum studio_err sqlite_walk_step(struct store_reader *base, struct store_walk *walk,
                                 studio_event_fn *fn, void *ctx)
{
    struct sqlite_reader *reader = as_reader(base);
    struct sink sink = {.fn = fn, .ctx = ctx, .left = SIZE_MAX};
    struct step step = {.reader = reader, .walk = walk, .sink = &sink, .left = WALK_STEP};
    int rc = run_stmt(reader, READ_BEGIN);
    if (rc != SQLITE_OK)
        return sql_classify(rc);
    sink.budget = &step.left;
    rc = take_step(&step);
    (void)run_stmt(reader, READ_END); /* some errors have ended it by themselves */
    return sql_classify(rc);
}

enum studio_err sqlite_read_oldest(struct store_reader *base, uint64_t *seq)
{
    struct sql_call call = sql_call(as_reader(base)->stmts[READ_OLDEST]);
    int rc = sql_step(&call);
    if (rc == SQLITE_ROW)
        *seq = (uint64_t)sqlite3_column_int64(call.stmt, 0);
    sql_end(&call);
    return result(rc);
}

enum studio_err sqlite_read_request(struct store_reader *base, const char *table_id,
                                    const char *client, const char *request_id,
                                    const unsigned char digest[32], bool *found, bool *same,
                                    char **answer)
{
    *same = false;
    *answer = NULL;
    struct sql_call call = sql_call(as_reader(base)->stmts[READ_REQUEST]);
    sql_str(&call, table_id);
    sql_str(&call, client);
    sql_str(&call, request_id);
    int rc = sql_step(&call);
    enum studio_err err = result(rc);
    *found = rc == SQLITE_ROW;
    if (*found) {
        const void *kept = sqlite3_column_blob(call.stmt, 0);
        *same = kept && sqlite3_column_bytes(call.stmt, 0) == 32 && memcmp(kept, digest, 32) == 0;
    }
    if (*same) {
        const char *text = (const char *)sqlite3_column_text(call.stmt, 1);
        *answer = text ? strdup(text) : NULL;
        if (!*answer)
            err = STUDIO_ERR_NO_MEMORY;
    }
    sql_end(&call);
    return err;
}

enum studio_err sqlite_read_cleared(struct store_reader *base, store_cleared_fn *fn, void *ctx)
{
    int rc;
    bool go_on = true;
    struct sql_call call = sql_call(as_reader(base)->stmts[READ_CLEARED]);
    while (go_on && (rc = sql_step(&call)) == SQLITE_ROW) {
        const char *table_id = (const char *)sqlite3_column_text(call.stmt, 0);
        const char *field = (const char *)sqlite3_column_text(call.stmt, 1);
        if (!table_id || !field) {
            rc = SQLITE_NOMEM;
            break;
        }
        go_on = fn(ctx, table_id, field);
    }
    sql_end(&call);
    return result(rc);
}
