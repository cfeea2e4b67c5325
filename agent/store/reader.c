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
    READ_EVENTS,
    READ_CHANGES,
    READ_OLDEST,
    READ_OLDEST_REV,
    READ_REQUEST,
    READ_CLEARED,
    READ_COUNT
};

#define EVENT_COLUMNS                                                                              \
    "SELECT seq, kind, table_id, rev, wall_ms, parked IS NOT NULL, body FROM events"

static const char *const texts[READ_COUNT] = {
    [READ_EVENTS] = EVENT_COLUMNS " WHERE seq BETWEEN ?1 AND ?2 ORDER BY seq LIMIT ?3",
    /* The rev at which the last page ended leads the index past all that was read already. */
    [READ_CHANGES] = EVENT_COLUMNS
    " WHERE kind = 1 AND table_id = ?1 AND rev >= max(?2, coalesce((SELECT e.rev FROM events e"
    " WHERE e.seq = ?3 AND e.kind = 1 AND e.table_id = ?1), 0)) AND seq > ?3"
    " ORDER BY rev, seq LIMIT ?4",
    [READ_OLDEST] = "SELECT coalesce((SELECT min(seq) FROM events),"
                    " (SELECT value + 1 FROM meta WHERE key = '" META_LAST_SEQ "'))",
    [READ_OLDEST_REV] = "SELECT rev, seq FROM events WHERE kind = 1 AND table_id = ?1"
                        " ORDER BY rev, seq LIMIT 1",
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
        rc = sql_open(path, SQLITE_OPEN_READONLY, NULL, &reader->db);
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

static enum studio_err each_event(struct sql_call *call, studio_event_fn *fn, void *ctx)
{
    int rc;
    bool go_on = true;
    while (go_on && (rc = sql_step(call)) == SQLITE_ROW) {
        struct studio_event *event = event_of(call->stmt);
        if (!event) {
            rc = SQLITE_NOMEM;
            break;
        }
        go_on = fn(ctx, event);
        studio_event_unref(event);
    }
    sql_end(call);
    return result(rc);
}

enum studio_err store_read_events(struct store_reader *reader, uint64_t from, uint64_t to,
                                  size_t limit, studio_event_fn *fn, void *ctx)
{
    struct sql_call call = sql_call(reader->stmts[READ_EVENTS]);
    sql_u64(&call, from);
    sql_u64(&call, to);
    sql_u64(&call, limit);
    return each_event(&call, fn, ctx);
}

enum studio_err store_read_changes(struct store_reader *reader, const char *table_id,
                                   uint64_t from_rev, uint64_t after_seq, size_t limit,
                                   studio_event_fn *fn, void *ctx)
{
    struct sql_call call = sql_call(reader->stmts[READ_CHANGES]);
    sql_str(&call, table_id);
    sql_u64(&call, from_rev);
    sql_u64(&call, after_seq);
    sql_u64(&call, limit);
    return each_event(&call, fn, ctx);
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

enum studio_err store_read_oldest_rev(struct store_reader *reader, const char *table_id,
                                      bool *found, uint64_t *rev, uint64_t *seq)
{
    struct sql_call call = sql_call(reader->stmts[READ_OLDEST_REV]);
    sql_str(&call, table_id);
    int rc = sql_step(&call);
    *found = rc == SQLITE_ROW;
    if (*found) {
        *rev = (uint64_t)sqlite3_column_int64(call.stmt, 0);
        *seq = (uint64_t)sqlite3_column_int64(call.stmt, 1);
    }
    sql_end(&call);
    return result(rc);
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
