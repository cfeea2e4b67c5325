/*
 * commit.c - the transactions of the running agent: a batch, a parked event, a probe; checkpoints.
 *
 * What the caller is told (store_info, the items' seq) changes only after COMMIT has come back.
 */
#include <string.h>

#include "base/clock.h"
#include "store/sqlite/private.h"

struct sql_call store_call(struct sqlite_store *store, enum store_stmt stmt)
{
    return sql_call(store->stmts[stmt]);
}

static int run(struct sqlite_store *store, enum store_stmt stmt)
{
    struct sql_call call = store_call(store, stmt);
    return sql_run(&call);
}

int store_put_meta_u64(struct sqlite_store *store, const char *key, uint64_t value)
{
    struct sql_call call = store_call(store, STMT_PUT_META);
    sql_str(&call, key);
    sql_u64(&call, value);
    return sql_run(&call);
}

int store_put_numbers(struct sqlite_store *store, uint64_t last_seq, uint64_t acked)
{
    int rc = store_put_meta_u64(store, META_ACKED, store->mirror ? acked : STORE_ALL_ACKED);
    return rc == SQLITE_OK ? store_put_meta_u64(store, META_LAST_SEQ, last_seq) : rc;
}

enum studio_err store_note_failure(struct sqlite_store *store, struct log_limit *limit, int rc,
                                   const char *what)
{
    enum studio_err err = sql_classify(rc);
    if (err == STUDIO_ERR_IO && !atomic_exchange(&store->failed, true))
        log_error("store", "%s failed: %s; the disk or the file can no longer be trusted", what,
                  sqlite3_errstr(rc));
    else
        log_limited(limit, LOG_WARN, "store", "%s failed: %s", what, sqlite3_errstr(rc));
    return err;
}

enum studio_err store_fail(struct sqlite_store *store, int rc, const char *what)
{
    return store_note_failure(store, &store->complaints, rc, what);
}

enum studio_err store_begin(struct sqlite_store *store)
{
    if (store->failed)
        return STUDIO_ERR_IO;
    int rc = run(store, STMT_BEGIN);
    return rc == SQLITE_OK ? STUDIO_OK : store_fail(store, rc, "starting a transaction");
}

/* Takes back what is open. Some errors have rolled back by themselves already. */
static enum studio_err roll_back(struct sqlite_store *store, enum studio_err err)
{
    spans_forget(store);
    if (sqlite3_get_autocommit(store->db))
        return err;
    int rc = run(store, STMT_ROLLBACK);
    if (sqlite3_get_autocommit(store->db))
        return err;
    store->failed = true;
    return store_fail(store, rc == SQLITE_OK ? SQLITE_INTERNAL : rc, "a rollback");
}

/* A row that comes and goes still makes its page be written. */
static int touch(struct sqlite_store *store)
{
    int rc = store_put_meta_u64(store, "probe", 1);
    if (rc != SQLITE_OK)
        return rc;
    struct sql_call call = store_call(store, STMT_DROP_META);
    sql_str(&call, "probe");
    return sql_run(&call);
}

static enum studio_err end(struct sqlite_store *store, int rc)
{
    if (rc == SQLITE_OK) {
        int64_t began = clock_mono(clock_system());
        rc = run(store, STMT_COMMIT);
        store->commit_ms = clock_mono(clock_system()) - began;
    }
    return rc == SQLITE_OK ? STUDIO_OK : roll_back(store, store_fail(store, rc, "a commit"));
}

enum studio_err sqlite_probe(struct store *base)
{
    struct sqlite_store *store = as_sqlite(base);
    enum studio_err err = store_begin(store);
    if (err == STUDIO_OK)
        err = end(store, touch(store));
    return err == STUDIO_OK && store_full(store) ? STUDIO_ERR_STORAGE : err;
}

enum studio_err store_end(struct sqlite_store *store, int rc)
{
    bool committing = rc == SQLITE_OK;
    enum studio_err err = end(store, rc);
    /* A commit may fail after all of it stands in the log, synced (no room for the log's index): a start
     * would find it there, although it was refused. Another transaction in its place ends that,
     * whether it succeeds or fails in the same way. */
    if (committing && err == STUDIO_ERR_STORAGE && sqlite_probe(&store->base) == STUDIO_ERR_IO)
        err = STUDIO_ERR_IO;
    return err;
}

enum studio_err store_checkpoint(struct sqlite_store *store, bool wait)
{
    if (wait)
        pthread_mutex_lock(&store->copying);
    else if (pthread_mutex_trylock(&store->copying) != 0)
        return STUDIO_OK;
    int rc = sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    /* Even when a reader held it up: the next commit counts again. */
    store->copied = 0;
    store->wal_pages = 0;
    pthread_mutex_unlock(&store->copying);
    if (rc == SQLITE_OK || (rc & 0xff) == SQLITE_BUSY)
        return STUDIO_OK;
    return store_fail(store, rc, "a checkpoint");
}

bool store_copied_most(const struct sqlite_store *store)
{
    return store->wal_pages - store->copied <= STORE_COPY_REST;
}

/* --- one item -------------------------------------------------------------------------------- */

static int add_event(struct sqlite_store *store, const struct studio_event *event)
{
    struct sql_call call = store_call(store, STMT_ADD_EVENT);
    sql_u64(&call, event->seq);
    sql_i64(&call, event->kind);
    sql_str(&call, event->table_id);
    sql_u64(&call, event->rev);
    sql_i64(&call, event->wall_ms);
    sql_text(&call, event->body, event->body_len);
    int rc = sql_run(&call);
    return rc == SQLITE_OK ? spans_add(store, event) : rc;
}

static int put_table(struct sqlite_store *store, const struct studio_snapshot *snapshot)
{
    if (!snapshot)
        return SQLITE_OK;
    struct sql_call call = store_call(store, STMT_PUT_TABLE);
    sql_str(&call, snapshot->table_id);
    sql_u64(&call, snapshot->rev);
    sql_text(&call, snapshot->removed ? NULL : snapshot->document, snapshot->document_len);
    return sql_run(&call);
}

static int add_cleared(struct sqlite_store *store, const char *table_id, uint64_t rev,
                       const char *const *fields, size_t count)
{
    int rc = SQLITE_OK;
    for (size_t i = 0; rc == SQLITE_OK && i < count; i++) {
        struct sql_call call = store_call(store, STMT_ADD_CLEARED);
        sql_str(&call, table_id);
        sql_str(&call, fields[i]);
        sql_u64(&call, rev);
        rc = sql_run(&call);
    }
    return rc;
}

/* More names than are kept in any case? SQLITE_ROW or SQLITE_DONE, or an error. */
static int many_cleared(struct sqlite_store *store, const char *table_id)
{
    struct sql_call call = store_call(store, STMT_MANY_CLEARED);
    sql_str(&call, table_id);
    sql_i64(&call, STORE_CLEARED_KEPT);
    int rc = sql_step(&call);
    sql_end(&call);
    return rc;
}

/* Seldom is there anything to forget, and to look first takes a tenth of the instructions. */
static int forget_cleared(struct sqlite_store *store, const char *table_id, uint64_t rev)
{
    int rc = many_cleared(store, table_id);
    if (rc != SQLITE_ROW)
        return rc == SQLITE_DONE ? SQLITE_OK : rc;
    struct sql_call call = store_call(store, STMT_FORGET_CLEARED);
    sql_str(&call, table_id);
    sql_i64(&call, STORE_CLEARED_KEPT);
    sql_u64(&call, rev);
    return sql_run(&call);
}

static int drop_cleared(struct sqlite_store *store, const char *table_id, const char *const *fields,
                        size_t count)
{
    int rc = SQLITE_OK;
    for (size_t i = 0; rc == SQLITE_OK && i < count; i++) {
        struct sql_call call = store_call(store, STMT_DROP_CLEARED);
        sql_str(&call, table_id);
        sql_str(&call, fields[i]);
        rc = sql_run(&call);
    }
    return rc;
}

static int put_request(struct sqlite_store *store, const struct store_request *request)
{
    if (!request)
        return SQLITE_OK;
    struct sql_call call = store_call(store, STMT_PUT_REQUEST);
    sql_str(&call, request->table_id);
    sql_str(&call, request->client);
    sql_str(&call, request->request_id);
    sql_blob(&call, request->digest, sizeof request->digest);
    sql_text(&call, request->answer, request->answer_len);
    sql_i64(&call, request->wall_ms);
    sql_i64(&call, store->hours);
    return sql_run(&call);
}

static int put_item(struct sqlite_store *store, const struct store_item *item)
{
    if (!item->event)
        return put_request(store, item->request);
    int rc = add_event(store, item->event);
    if (rc == SQLITE_OK)
        rc = put_table(store, item->snapshot);
    if (rc == SQLITE_OK)
        rc = add_cleared(store, item->event->table_id, item->event->rev, item->cleared,
                         item->cleared_count);
    if (rc == SQLITE_OK && item->cleared_count > 0 &&
        !store->mirror) /* nobody will acknowledge it */
        rc = forget_cleared(store, item->event->table_id, item->event->rev);
    if (rc == SQLITE_OK)
        rc = drop_cleared(store, item->event->table_id, item->set, item->set_count);
    if (rc == SQLITE_OK)
        rc = put_request(store, item->request);
    return rc;
}

/* --- the batch ------------------------------------------------------------------------------- */

/* Never back, never beyond what can have been sent; without a broker all counts as acknowledged. */
static uint64_t watermark(const struct sqlite_store *store, uint64_t acked, uint64_t last_seq)
{
    if (!store->mirror)
        return last_seq;
    if (acked > store->base.info.last_seq)
        acked = store->base.info.last_seq;
    return acked > store->base.info.acked ? acked : store->base.info.acked;
}

enum studio_err sqlite_commit(struct store *base, struct store_item *items, size_t n,
                              uint64_t acked)
{
    struct sqlite_store *store = as_sqlite(base);
    uint64_t last_seq = store->base.info.last_seq;
    for (size_t i = 0; i < n; i++)
        if (items[i].event)
            items[i].event->seq = ++last_seq;
    acked = watermark(store, acked, last_seq);
    if (n == 0 && acked == store->base.info.acked)
        return store->failed ? STUDIO_ERR_IO : STUDIO_OK;
    enum studio_err err = store_begin(store);
    if (err != STUDIO_OK)
        return err;
    int rc = SQLITE_OK;
    for (size_t i = 0; rc == SQLITE_OK && i < n; i++) {
        rc = put_item(store, &items[i]);
    }
    if (rc == SQLITE_OK && store->mirror && acked != store->base.info.acked)
        rc = store_put_numbers(store, last_seq, acked);
    err = store_end(store, rc);
    if (err != STUDIO_OK) {
        for (size_t i = 0; i < n; i++)
            if (items[i].event)
                items[i].event->seq = 0;
        return err;
    }
    store->base.info.last_seq = last_seq;
    store->base.info.acked = acked;
    /* Under load without a pause nobody calls for housekeeping. The batch is durable whatever comes
     * of this; a failed sync here is told by the next call. */
    bool full = store->wal_pages >= STORE_WAL_MAX;
    if (full || (store->wal_pages >= STORE_WAL_MAX / 4 && store_copied_most(store)))
        (void)store_checkpoint(store, full);
    return STUDIO_OK;
}

enum studio_err sqlite_park(struct store *base, uint64_t seq, const char *reason)
{
    struct sqlite_store *store = as_sqlite(base);
    enum studio_err err = store_begin(store);
    if (err != STUDIO_OK)
        return err;
    struct sql_call call = store_call(store, STMT_PARK);
    sql_u64(&call, seq);
    sql_str(&call, reason ? reason : "refused");
    int rc = sql_run(&call);
    int marked = rc == SQLITE_OK ? sqlite3_changes(store->db) : 0;
    err = store_end(store, rc);
    if (err == STUDIO_OK)
        store->base.info.parked += (uint64_t)marked;
    return err;
}

enum studio_err sqlite_mark_cleared(struct store *base, const char *table_id, const char *field)
{
    struct sqlite_store *store = as_sqlite(base);
    enum studio_err err = store_begin(store);
    if (err != STUDIO_OK)
        return err;
    return store_end(store, add_cleared(store, table_id, 0, &field, 1));
}

enum studio_err sqlite_forget_cleared(struct store *base, const struct store_clearing *clearings,
                                      size_t n)
{
    struct sqlite_store *store = as_sqlite(base);
    enum studio_err err = STUDIO_OK;
    bool begun = false;
    int rc = SQLITE_OK;
    for (size_t i = 0; i < n && rc == SQLITE_OK; i++) {
        rc = many_cleared(store, clearings[i].table_id);
        if (rc == SQLITE_ROW && !begun) {
            err = store_begin(store);
            if (err != STUDIO_OK)
                return err;
            begun = true;
        }
        if (rc == SQLITE_ROW)
            rc = forget_cleared(store, clearings[i].table_id, clearings[i].rev);
        else if (rc == SQLITE_DONE)
            rc = SQLITE_OK;
    }
    if (begun)
        return store_end(store, rc);
    return rc == SQLITE_OK ? STUDIO_OK : store_fail(store, rc, "looking for cleared topics");
}
