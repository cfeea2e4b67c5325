/*
 * housekeep.c - what the store does when nobody waits for it, one small step per call.
 *
 * In this order: a checkpoint, or what the copier has left of it, when the write-ahead log has grown; events beyond retention, from the
 * oldest on, so that what is kept has no hole; requests that need not be remembered any more; the
 * count of hours.
 *
 * The wall clock says nothing about age: a box without a clock of its own starts in the past and steps by
 * years, somebody sets it by months for a moment. So the store counts the hours the agent runs, by
 * the monotonic clock, and notes at each which event was the newest: what was there N notes ago is
 * N hours old at least. A restart begins its hour anew, a day switched off does not count.
 */
#include "store/sqlite/private.h"

/* One step; *done tells whether there was anything to do. */
typedef enum studio_err step_fn(struct sqlite_store *store, int64_t mono_ms, bool *done);

static enum studio_err checkpoint(struct sqlite_store *store, int64_t mono_ms, bool *done)
{
    (void)mono_ms;
    if (store->wal_pages < STORE_WAL_STEP || (store->has_copier && !store_copied_most(store)))
        return STUDIO_OK;
    enum studio_err err = store_checkpoint(store, false);
    *done = store->wal_pages == 0;
    return err;
}

/* --- retention ------------------------------------------------------------------------------- */

/* The number a statement with one argument finds, 0 without a row. */
static int find(struct sqlite_store *store, enum store_stmt stmt, int64_t argument, uint64_t *out)
{
    struct sql_call call = store_call(store, stmt);
    sql_i64(&call, argument);
    int rc = sql_step(&call);
    *out = rc == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(call.stmt, 0) : 0;
    sql_end(&call);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* The newest event beyond retention, 0 if none is. */
static int find_surplus(struct sqlite_store *store, uint64_t *seq)
{
    const struct store_info *info = &store->base.info;
    int64_t aged_hour = store->hours - (int64_t)store->retention_days * 24;
    uint64_t aged = 0;
    int rc = SQLITE_OK;
    *seq = 0;
    if (store->retention_events > 0 && info->last_seq > store->retention_events)
        *seq = info->last_seq - store->retention_events;
    if (store->retention_days > 0 && aged_hour > 0)
        rc = find(store, STMT_AGED, aged_hour, &aged);
    if (aged > *seq)
        *seq = aged;
    if (*seq < info->oldest && info->oldest <= info->acked && sqlite_crowded(&store->base)) {
        log_limited(&store->crowding, LOG_WARN, "store",
                    "store.max_bytes is nearly reached: the oldest acknowledged events go before "
                    "their time");
        *seq = info->oldest + STORE_STEP_ROWS - 1;
    }
    return rc;
}

/* If they are all, the numbers still go on behind them. */
static int drop_events(struct sqlite_store *store, uint64_t last)
{
    struct sql_call call = store_call(store, STMT_DROP_EVENTS);
    sql_u64(&call, last);
    int rc = sql_run(&call);
    if (rc == SQLITE_OK) {
        call = store_call(store, STMT_DROP_SPANS);
        sql_u64(&call, (last + 1) / STORE_SPAN);
        rc = sql_run(&call);
    }
    return rc == SQLITE_OK
               ? store_put_numbers(store, store->base.info.last_seq, store->base.info.acked)
               : rc;
}

static enum studio_err retain(struct sqlite_store *store, int64_t mono_ms, bool *done)
{
    uint64_t last, parked;
    (void)mono_ms;
    int rc = find_surplus(store, &last);
    if (rc != SQLITE_OK)
        return store_fail(store, rc, "looking for old events");
    if (last > store->base.info.acked)
        last = store->base.info.acked;
    if (last > store->base.info.oldest + STORE_STEP_ROWS - 1)
        last = store->base.info.oldest + STORE_STEP_ROWS - 1;
    if (last < store->base.info.oldest)
        return STUDIO_OK;
    *done = true;
    rc = find(store, STMT_COUNT_PARKED, (int64_t)last, &parked);
    if (rc != SQLITE_OK)
        return store_fail(store, rc, "looking for old events");
    enum studio_err err = store_begin(store);
    if (err != STUDIO_OK)
        return err;
    err = store_end(store, drop_events(store, last));
    if (err == STUDIO_OK) {
        store->base.info.oldest = last + 1;
        store->base.info.parked -= parked;
    }
    return err;
}

/* --- remembered requests --------------------------------------------------------------------- */

static enum studio_err forget(struct sqlite_store *store, int64_t mono_ms, bool *done)
{
    int64_t too_old = store->hours - STORE_REQUEST_HOURS;
    uint64_t any;
    (void)mono_ms;
    int rc = find(store, STMT_OLD_REQUEST, too_old, &any);
    if (rc != SQLITE_OK)
        return store_fail(store, rc, "looking for old requests");
    if (!any)
        return STUDIO_OK;
    *done = true;
    enum studio_err err = store_begin(store);
    if (err != STUDIO_OK)
        return err;
    struct sql_call drop = store_call(store, STMT_DROP_REQUESTS);
    sql_i64(&drop, too_old);
    sql_i64(&drop, STORE_STEP_ROWS);
    return store_end(store, sql_run(&drop));
}

/* --- the count of hours ---------------------------------------------------------------------- */

static int note_hour(struct sqlite_store *store, int64_t hour)
{
    int rc = store_put_meta_u64(store, META_HOURS, (uint64_t)hour);
    if (rc == SQLITE_OK) {
        struct sql_call add = store_call(store, STMT_ADD_HOUR);
        sql_i64(&add, hour);
        sql_u64(&add, store->base.info.last_seq);
        rc = sql_run(&add);
    }
    if (rc == SQLITE_OK) { /* one as old as retention is enough */
        struct sql_call drop = store_call(store, STMT_DROP_HOURS);
        sql_i64(&drop, hour - (int64_t)store->retention_days * 24);
        rc = sql_run(&drop);
    }
    return rc;
}

/* However long it is that nobody called: an hour is one hour at least, never less. */
static enum studio_err count_hour(struct sqlite_store *store, int64_t mono_ms, bool *done)
{
    if (store->hour_began < 0)
        store->hour_began = mono_ms;
    if (mono_ms - store->hour_began < STORE_HOUR_MS)
        return STUDIO_OK;
    *done = true;
    enum studio_err err = store_begin(store);
    if (err != STUDIO_OK)
        return err;
    err = store_end(store, note_hour(store, store->hours + 1));
    if (err == STUDIO_OK) {
        store->hours++;
        store->hour_began = mono_ms;
    }
    return err;
}

enum studio_err sqlite_housekeep(struct store *base, int64_t mono_ms, bool *more)
{
    struct sqlite_store *store = as_sqlite(base);
    static step_fn *const steps[] = {checkpoint, retain, forget, count_hour};
    *more = false;
    if (store->failed)
        return STUDIO_ERR_IO;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        bool done = false;
        enum studio_err err = steps[i](store, mono_ms, &done);
        if (err != STUDIO_OK)
            return err;
        if (done) {
            *more = true;
            return STUDIO_OK;
        }
    }
    return STUDIO_OK;
}
