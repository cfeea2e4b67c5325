/*
 * housekeep.c - what the store does when nobody waits for it, one small step per call.
 *
 * In this order: a checkpoint when the write-ahead log has grown; events beyond retention, from the
 * oldest on, so that what is kept has no hole; requests that need not be remembered any more.
 */
#include "store/store_private.h"

/* One step; *done tells whether there was anything to do. */
typedef enum studio_err step_fn(struct store *store, int64_t wall_ms, bool *done);

static enum studio_err checkpoint(struct store *store, int64_t wall_ms, bool *done)
{
    (void)wall_ms;
    if (store->wal_pages < STORE_WAL_STEP)
        return STUDIO_OK;
    *done = true;
    return store_checkpoint(store);
}

/* --- retention ------------------------------------------------------------------------------- */

struct cut {
    uint64_t seq; /* remove up to this one; 0: none */
    uint64_t parked;
};

/* How far this step may remove: a run from the oldest, all acknowledged, all too many or too old.
 */
static int find_cut(struct store *store, int64_t wall_ms, struct cut *cut)
{
    const struct store_info *info = &store->info;
    uint64_t kept = info->last_seq + 1 - info->oldest;
    uint64_t excess = store->retention_events && kept > store->retention_events
                          ? kept - store->retention_events
                          : 0;
    uint64_t last = info->oldest + STORE_STEP_ROWS - 1;
    *cut = (struct cut){0};
    if (last > info->acked)
        last = info->acked;
    if (last < info->oldest || (excess == 0 && store->retention_days == 0))
        return SQLITE_OK;
    int64_t too_old = wall_ms - (int64_t)store->retention_days * 24 * 3600 * 1000;
    struct sql_call call = store_call(store, STMT_HEAD);
    sql_u64(&call, info->oldest);
    sql_u64(&call, last);
    int rc;
    while ((rc = sql_step(&call)) == SQLITE_ROW) {
        uint64_t seq = (uint64_t)sqlite3_column_int64(call.stmt, 0);
        bool too_many = seq - info->oldest < excess;
        bool expired = store->retention_days > 0 && sqlite3_column_int64(call.stmt, 1) < too_old;
        if (!too_many && !expired)
            break;
        cut->seq = seq;
        cut->parked += sqlite3_column_int(call.stmt, 2) != 0;
    }
    sql_end(&call);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static enum studio_err retain(struct store *store, int64_t wall_ms, bool *done)
{
    struct cut cut;
    int rc = find_cut(store, wall_ms, &cut);
    if (rc != SQLITE_OK)
        return store_fail(store, rc, "looking for old events");
    if (cut.seq == 0)
        return STUDIO_OK;
    *done = true;
    enum studio_err err = store_begin(store);
    if (err != STUDIO_OK)
        return err;
    struct sql_call call = store_call(store, STMT_DROP_EVENTS);
    sql_u64(&call, cut.seq);
    err = store_end(store, sql_run(&call));
    if (err == STUDIO_OK) {
        store->info.oldest = cut.seq + 1;
        store->info.parked -= cut.parked;
    }
    return err;
}

/* --- remembered requests --------------------------------------------------------------------- */

static enum studio_err forget(struct store *store, int64_t wall_ms, bool *done)
{
    int64_t too_old = wall_ms - STORE_REQUEST_MS;
    struct sql_call look = store_call(store, STMT_OLD_REQUEST);
    sql_i64(&look, too_old);
    int rc = sql_step(&look);
    sql_end(&look);
    if (rc == SQLITE_DONE)
        return STUDIO_OK;
    if (rc != SQLITE_ROW)
        return store_fail(store, rc, "looking for old requests");
    *done = true;
    enum studio_err err = store_begin(store);
    if (err != STUDIO_OK)
        return err;
    struct sql_call drop = store_call(store, STMT_DROP_REQUESTS);
    sql_i64(&drop, too_old);
    sql_i64(&drop, STORE_STEP_ROWS);
    return store_end(store, sql_run(&drop));
}

enum studio_err store_housekeep(struct store *store, int64_t wall_ms, bool *more)
{
    static step_fn *const steps[] = {checkpoint, retain, forget};
    *more = false;
    if (store->failed)
        return STUDIO_ERR_IO;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        bool done = false;
        enum studio_err err = steps[i](store, wall_ms, &done);
        if (err != STUDIO_OK)
            return err;
        if (done) {
            *more = true;
            return STUDIO_OK;
        }
    }
    return STUDIO_OK;
}
