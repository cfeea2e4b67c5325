/*
 * reader.c - the read-only connection of another thread.
 *
 * Every function resets its statement before it returns, also when the callback stopped it: a
 * statement left open would keep the write-ahead log from being reused.
 */
#include <stdlib.h>
#include <string.h>

#include "store/store_private.h"

enum reader_stmt {
    READ_BEGIN,
    READ_END,
    READ_SPANS,
    READ_SPAN,
    READ_EVENTS,
    READ_CHANGES,
    READ_OLDEST,
    READ_REQUEST,
    READ_CLEARED,
    READ_COUNT
};

#define EVENT_COLUMNS                                                                              \
    "SELECT seq, kind, table_id, rev, wall_ms, parked IS NOT NULL, body FROM events"

static const char *const texts[READ_COUNT] = {
    [READ_EVENTS] = EVENT_COLUMNS " WHERE seq BETWEEN ?1 AND ?2 ORDER BY seq LIMIT ?3",
    [READ_CHANGES] = EVENT_COLUMNS " WHERE seq BETWEEN ?1 AND ?2 AND kind = 1 AND table_id = ?3"
                                   " AND rev >= ?4 ORDER BY seq LIMIT ?5",
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

struct store_reader {
    sqlite3 *db;
    sqlite3_stmt *stmts[READ_COUNT];
};

enum studio_err store_reader_open(const char *dir, struct store_reader **out,
                                  struct studio_error *error)
{
    enum studio_err err;
    *out = NULL;
    char *path = lock_path(dir, STORE_FILE);
    struct store_reader *reader = calloc(1, sizeof *reader);
    int rc = path && reader ? SQLITE_OK : SQLITE_NOMEM;
    if (rc == SQLITE_OK)
        rc = sql_open(path, SQLITE_OPEN_READONLY, &reader->db);
    if (rc == SQLITE_OK)
        rc = sql_exec(reader->db, "PRAGMA query_only = ON");
    if (rc == SQLITE_OK)
        rc = sql_prepare_all(reader->db, texts, reader->stmts, READ_COUNT);
    if (rc != SQLITE_OK)
        goto fail;
    free(path);
    *out = reader;
    return STUDIO_OK;
fail:
    err = sql_refuse(error, path ? path : dir, rc, reader ? reader->db : NULL);
    free(path);
    store_reader_close(reader);
    return err;
}

void store_reader_close(struct store_reader *reader)
{
    if (!reader)
        return;
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
};

/* SQLITE_DONE after the last event or the last that may go, or an error. */
static int each_event(struct sql_call *call, struct sink *sink)
{
    int rc = SQLITE_DONE;
    while (sink->left > 0 && (rc = sql_step(call)) == SQLITE_ROW) {
        struct studio_event *event = event_of(call->stmt);
        if (!event) {
            rc = SQLITE_NOMEM;
            break;
        }
        sink->left = sink->fn(sink->ctx, event) ? sink->left - 1 : 0;
        studio_event_unref(event);
    }
    sql_end(call);
    return rc == SQLITE_ROW ? SQLITE_DONE : rc;
}

enum studio_err store_read_events(struct store_reader *reader, uint64_t from, uint64_t to,
                                  size_t limit, studio_event_fn *fn, void *ctx)
{
    struct sql_call call = sql_call(reader->stmts[READ_EVENTS]);
    sql_u64(&call, from);
    sql_u64(&call, to);
    sql_u64(&call, limit);
    return result(each_event(&call, &(struct sink){fn, ctx, limit}));
}

/* --- the changes of one table ---------------------------------------------------------------- */

/* Which of them, and where they can be. */
struct quest {
    const char *table_id;
    uint64_t from_rev, after_seq;
    uint64_t span, last_span; /* the one at hand, and the last there is */
};

static int run_stmt(struct store_reader *reader, enum reader_stmt stmt)
{
    struct sql_call call = sql_call(reader->stmts[stmt]);
    return sql_run(&call);
}

/* Sets the spans to look at; none: span > last_span. SQLITE_OK or an error. */
static int find_spans(struct store_reader *reader, struct quest *q)
{
    struct sql_call call = sql_call(reader->stmts[READ_SPANS]);
    int rc = sql_step(&call);
    uint64_t oldest = (uint64_t)sqlite3_column_int64(call.stmt, 0);
    uint64_t newest = (uint64_t)sqlite3_column_int64(call.stmt, 1);
    sql_end(&call);
    if (q->after_seq >= oldest)
        oldest = q->after_seq < newest ? q->after_seq + 1 : newest + STORE_SPAN;
    q->span = oldest / STORE_SPAN;
    q->last_span = newest / STORE_SPAN;
    return rc == SQLITE_ROW ? SQLITE_OK : rc;
}

/* Leads q->span to the first span from there on that knows the table; none: beyond last_span. */
static int seek(struct store_reader *reader, struct quest *q, uint64_t *rev)
{
    int rc = SQLITE_DONE;
    for (; q->span <= q->last_span; q->span++) {
        struct sql_call call = sql_call(reader->stmts[READ_SPAN]);
        sql_u64(&call, q->span);
        sql_str(&call, q->table_id);
        rc = sql_step(&call);
        *rev = rc == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(call.stmt, 0) : 0;
        sql_end(&call);
        if (rc != SQLITE_DONE)
            break;
    }
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* Leads q->span to the last one that begins no later than from_rev: those before hold less. */
static int seek_rev(struct store_reader *reader, struct quest *q)
{
    uint64_t rev;
    int rc = seek(reader, q, &rev);
    uint64_t found = q->span;
    while (rc == SQLITE_OK && q->span <= q->last_span && rev < q->from_rev) {
        q->span++;
        rc = seek(reader, q, &rev);
        if (q->span <= q->last_span && rev <= q->from_rev)
            found = q->span;
    }
    q->span = found;
    return rc;
}

static int changes_of_span(struct store_reader *reader, const struct quest *q, struct sink *sink)
{
    uint64_t first = q->span * STORE_SPAN;
    struct sql_call call = sql_call(reader->stmts[READ_CHANGES]);
    sql_u64(&call, first > q->after_seq ? first : q->after_seq + 1);
    sql_u64(&call, first + STORE_SPAN - 1);
    sql_str(&call, q->table_id);
    sql_u64(&call, q->from_rev);
    sql_u64(&call, sink->left);
    return each_event(&call, sink);
}

/* In one transaction, which ends here. */
static int each_change(struct store_reader *reader, struct quest *q, struct sink *sink)
{
    uint64_t rev;
    int rc = run_stmt(reader, READ_BEGIN);
    if (rc != SQLITE_OK)
        return rc;
    rc = find_spans(reader, q);
    if (rc == SQLITE_OK)
        rc = seek_rev(reader, q);
    while (rc == SQLITE_OK && sink->left > 0 && q->span <= q->last_span) {
        rc = changes_of_span(reader, q, sink);
        if (rc != SQLITE_DONE)
            break;
        q->span++;
        rc = seek(reader, q, &rev);
    }
    (void)run_stmt(reader, READ_END); /* some errors have ended it by themselves */
    return rc;
}

enum studio_err store_read_changes(struct store_reader *reader, const char *table_id,
                                   uint64_t from_rev, uint64_t after_seq, size_t limit,
                                   studio_event_fn *fn, void *ctx)
{
    struct quest q = {.table_id = table_id, .from_rev = from_rev, .after_seq = after_seq};
    return sql_classify(each_change(reader, &q, &(struct sink){fn, ctx, limit}));
}

enum studio_err store_read_oldest(struct store_reader *reader, uint64_t *seq)
{
    struct sql_call call = sql_call(reader->stmts[READ_OLDEST]);
    int rc = sql_step(&call);
    if (rc == SQLITE_ROW)
        *seq = (uint64_t)sqlite3_column_int64(call.stmt, 0);
    sql_end(&call);
    return result(rc);
}

struct oldest_change {
    bool found;
    uint64_t rev, seq;
};

static bool note_oldest(void *ctx, struct studio_event *event)
{
    *(struct oldest_change *)ctx = (struct oldest_change){true, event->rev, event->seq};
    return true;
}

enum studio_err store_read_oldest_rev(struct store_reader *reader, const char *table_id,
                                      bool *found, uint64_t *rev, uint64_t *seq)
{
    struct oldest_change oldest = {.found = false};
    enum studio_err err = store_read_changes(reader, table_id, 0, 0, 1, note_oldest, &oldest);
    *found = oldest.found;
    if (oldest.found) {
        *rev = oldest.rev;
        *seq = oldest.seq;
    }
    return err;
}

enum studio_err store_read_request(struct store_reader *reader, const char *table_id,
                                   const char *client, const char *request_id,
                                   const unsigned char digest[32], bool *found, bool *same,
                                   char **answer)
{
    *same = false;
    *answer = NULL;
    struct sql_call call = sql_call(reader->stmts[READ_REQUEST]);
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

enum studio_err store_read_cleared(struct store_reader *reader, store_cleared_fn *fn, void *ctx)
{
    int rc;
    bool go_on = true;
    struct sql_call call = sql_call(reader->stmts[READ_CLEARED]);
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
