/*
 * housekeep.c - what the store does when nobody waits for it, one small step per call: events beyond retention, from
 * the oldest on; requests that need not be remembered any more; the count of hours; and the word that its owner is
 * still there.
 *
 * Age is counted as sqlite/housekeep.c says: hours the agent runs, by the monotonic clock.
 */
#include "store/postgres/private.h"

/* One step; *done tells whether there was anything to do. */
typedef enum studio_err step_fn(struct postgres_store *store, int64_t mono_ms, bool *done);

/* --- room ------------------------------------------------------------------------------------ */

/* What is left for the largest batches until the next step: a sixteenth, of a small store up to half. */
static int64_t reserve(const struct postgres_store *store)
{
    enum { BATCHES = 16 * 1024 * 1024 };
    int64_t max = (int64_t)store->max_bytes, least = max / 2 < BATCHES ? max / 2 : BATCHES;
    return max / 16 > least ? max / 16 : least;
}

static bool left_below(const struct postgres_store *store, int64_t left)
{
    return store->max_bytes > 0 && store->bytes > (int64_t)store->max_bytes - left;
}

bool postgres_crowded(struct store *base)
{
    const struct postgres_store *store = as_postgres(base);
    return left_below(store, reserve(store));
}

bool postgres_full(const struct postgres_store *store)
{
    return left_below(store, reserve(store) / 8);
}

uint64_t postgres_bytes(const struct store *base)
{
    return (uint64_t)as_const_postgres(base)->bytes;
}

/* --- retention ------------------------------------------------------------------------------- */

/* The number one statement finds, 0 without a row. */
static enum studio_err find(struct postgres_store *store, enum statement statement,
                            int64_t argument, uint64_t *out)
{
    PGresult *rows;
    struct args args = args_begin(store->base.info.agent_id);
    args_i64(&args, argument);
    enum studio_err err = owner_resume(store);
    *out = 0;
    if (err != STUDIO_OK)
        return err;
    enum link_result result = link_query(&store->link, statement, &args, &rows);
    if (result == LINK_OK && PQntuples(rows) > 0)
        *out = (uint64_t)row_i64(rows, 0, 0);
    PQclear(rows);
    return transact_fail(store, result, "housekeeping");
}

/* The newest event beyond retention, 0 if none is. */
static enum studio_err find_surplus(struct postgres_store *store, uint64_t *seq)
{
    const struct store_info *info = &store->base.info;
    int64_t aged_hour = store->hours - (int64_t)store->retention_days * 24;
    uint64_t aged = 0;
    enum studio_err err = STUDIO_OK;
    *seq = 0;
    if (store->retention_events > 0 && info->last_seq > store->retention_events)
        *seq = info->last_seq - store->retention_events;
    /* Only where an hour has been noted since the last that went. */
    if (store->retention_days > 0 && aged_hour > 0 && aged_hour != store->aged_hour)
        err = find(store, PG_AGED, aged_hour, &aged);
    if (aged > *seq)
        *seq = aged;
    if (aged > 0 && aged < info->oldest && err == STUDIO_OK)
        store->aged_hour = aged_hour;
    if (*seq < info->oldest && info->oldest <= info->acked && postgres_crowded(&store->base)) {
        log_limited(&store->crowding, LOG_WARN, "store",
                    "store.max_bytes is nearly reached: the oldest acknowledged events go before "
                    "their time");
        *seq = info->oldest + STORE_STEP_ROWS - 1;
    }
    return err;
}

static enum studio_err retain(struct postgres_store *store, int64_t mono_ms, bool *done)
{
    struct store_info *info = &store->base.info;
    uint64_t last;
    PGresult *rows = NULL;
    (void)mono_ms;
    enum studio_err err = find_surplus(store, &last);
    if (last > info->acked)
        last = info->acked;
    if (last > info->oldest + STORE_STEP_ROWS - 1)
        last = info->oldest + STORE_STEP_ROWS - 1;
    if (err != STUDIO_OK || last < info->oldest)
        return err;
    *done = true;
    struct numbers numbers = numbers_now(store);
    struct args args = args_begin(store->base.info.agent_id);
    args_u64(&args, last);
    args_i64(&args, ROW_BYTES);
    err = transact_begin(store, &numbers);
    if (err != STUDIO_OK)
        return err;
    link_send(&store->link, PG_DROP_EVENTS, &args);
    err = transact_end(store, "removing old events", &rows);
    if (err == STUDIO_OK && rows && PQntuples(rows) == 1) {
        info->oldest = last + 1;
        store->bytes = row_i64(rows, 0, 0);
        info->parked -= (uint64_t)row_i64(rows, 0, 1);
    }
    PQclear(rows);
    return err;
}

/* --- remembered requests --------------------------------------------------------------------- */

static enum studio_err forget(struct postgres_store *store, int64_t mono_ms, bool *done)
{
    int64_t too_old = store->hours - STORE_REQUEST_HOURS;
    uint64_t any = 0;
    PGresult *rows = NULL;
    (void)mono_ms;
    if (too_old < 0 || too_old == store->forgot_hour)
        return STUDIO_OK;
    enum studio_err err = find(store, PG_OLD_REQUESTS, too_old, &any);
    if (err == STUDIO_OK && !any)
        store->forgot_hour = too_old;
    if (err != STUDIO_OK || !any)
        return err;
    *done = true;
    struct numbers numbers = numbers_now(store);
    struct args args = args_begin(store->base.info.agent_id);
    args_i64(&args, too_old);
    args_i64(&args, STORE_STEP_ROWS);
    args_i64(&args, ROW_BYTES);
    err = transact_begin(store, &numbers);
    if (err != STUDIO_OK)
        return err;
    link_send(&store->link, PG_DROP_OLD, &args);
    err = transact_end(store, "forgetting requests", &rows);
    if (err == STUDIO_OK && rows && PQntuples(rows) == 1)
        store->bytes = row_i64(rows, 0, 0);
    PQclear(rows);
    return err;
}

/* --- the count of hours ---------------------------------------------------------------------- */

static enum studio_err count_hour(struct postgres_store *store, int64_t mono_ms, bool *done)
{
    if (store->hour_began < 0)
        store->hour_began = mono_ms;
    if (mono_ms - store->hour_began < STORE_HOUR_MS)
        return STUDIO_OK;
    *done = true;
    const int64_t hour = store->hours + 1;
    struct numbers numbers = numbers_now(store);
    struct args add = args_begin(store->base.info.agent_id),
                drop = args_begin(store->base.info.agent_id);
    args_i64(&add, hour);
    args_i64(&drop, hour - (int64_t)store->retention_days * 24); /* one as old is enough */
    enum studio_err err = transact_begin(store, &numbers);
    if (err != STUDIO_OK)
        return err;
    link_send(&store->link, PG_ADD_HOUR, &add);
    link_send(&store->link, PG_DROP_HOURS, &drop);
    err = transact_end(store, "counting an hour", NULL);
    if (err == STUDIO_OK) {
        store->hours = hour;
        store->hour_began = mono_ms;
    }
    return err;
}

/* --- the lease ------------------------------------------------------------------------------- */

/* Every transaction does; this is one when there was no other. Nothing that the caller need call again for. */
static enum studio_err renew(struct postgres_store *store, int64_t mono_ms, bool *done)
{
    (void)mono_ms;
    (void)done;
    return transact_renew(store);
}

enum studio_err postgres_housekeep(struct store *base, int64_t mono_ms, bool *more)
{
    static step_fn *const steps[] = {renew, retain, forget, count_hour};
    struct postgres_store *store = as_postgres(base);
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
