/*
 * commit.c - a batch, and the small transactions.
 *
 * A batch goes out at once: the owner's word, its events, rows, names and requests as arrays, and the COMMIT. What
 * the caller is told changes only when the answer to that is here.
 */
#include <string.h>

#include "store/postgres/private.h"

enum { COLUMNS_MAX = 6 };

/* Columns of one statement, behind the agent. */
struct table {
    struct column columns[COLUMNS_MAX];
    int count;
};

static void table_begin(struct table *table, const enum column_type *types, int count)
{
    table->count = count;
    for (int i = 0; i < count; i++)
        column_begin(&table->columns[i], types[i]);
}

static void table_finish(struct table *table)
{
    for (int i = 0; i < table->count; i++)
        column_finish(&table->columns[i]);
}

static void add_table(struct args *args, struct table *table)
{
    for (int i = 0; i < table->count; i++)
        args_column(args, &table->columns[i]);
}

/* Unless it is empty. */
static void send_table(struct postgres_store *store, enum statement statement, struct table *table)
{
    struct args args = args_begin(store->base.info.agent_id);
    add_table(&args, table);
    if (table->columns[0].count > 0)
        link_send(&store->link, statement, &args);
}

/* --- one kind of row after the other --------------------------------------------------------- */

static void send_events(struct postgres_store *store, const struct store_item *items, size_t n)
{
    static const enum column_type types[] = {COLUMN_I64, COLUMN_TEXT, COLUMN_I64, COLUMN_I64,
                                             COLUMN_TEXT};
    struct args args = args_begin(store->base.info.agent_id);
    struct table table;
    table_begin(&table, types, 5);
    for (size_t i = 0; i < n; i++) {
        const struct studio_event *event = items[i].event;
        if (!event)
            continue;
        column_i64(&table.columns[0], event->kind);
        column_str(&table.columns[1], event->table_id);
        column_i64(&table.columns[2], (int64_t)event->rev);
        column_i64(&table.columns[3], event->wall_ms);
        column_add(&table.columns[4], event->body, event->body_len);
    }
    args_u64(&args, store->base.info.last_seq);
    add_table(&args, &table);
    if (table.columns[0].count > 0)
        link_send(&store->link, PG_ADD_EVENTS, &args);
    table_finish(&table);
}

static void send_tables(struct postgres_store *store, const struct store_item *items, size_t n)
{
    static const enum column_type types[] = {COLUMN_TEXT, COLUMN_I64, COLUMN_TEXT};
    struct table table;
    table_begin(&table, types, 3);
    for (size_t i = 0; i < n; i++) {
        const struct studio_snapshot *snapshot = items[i].event ? items[i].snapshot : NULL;
        if (!snapshot)
            continue;
        column_str(&table.columns[0], snapshot->table_id);
        column_i64(&table.columns[1], (int64_t)snapshot->rev);
        column_add(&table.columns[2], snapshot->removed ? NULL : snapshot->document,
                   snapshot->document_len);
    }
    send_table(store, PG_PUT_TABLES, &table);
    table_finish(&table);
}

/* A name that is set again has rev -1. */
static void add_names(struct table *table, const char *table_id, const char *const *names,
                      size_t count, int64_t rev)
{
    for (size_t i = 0; i < count; i++) {
        column_str(&table->columns[0], table_id);
        column_str(&table->columns[1], names[i]);
        column_i64(&table->columns[2], rev);
    }
}

static void send_names(struct postgres_store *store, struct table *table, bool any_set)
{
    struct args args = args_begin(store->base.info.agent_id);
    args_column(&args, &table->columns[0]);
    if (any_set)
        send_table(store, PG_DROP_CLEARED, table);
    send_table(store, PG_ADD_CLEARED, table);
    if (!store->mirror && table->columns[0].count > 0) /* nobody will acknowledge it */
        link_send(&store->link, PG_FORGET_CLEARED, &args);
}

static void send_cleared(struct postgres_store *store, const struct store_item *items, size_t n)
{
    static const enum column_type types[] = {COLUMN_TEXT, COLUMN_TEXT, COLUMN_I64};
    struct table table;
    bool any_set = false;
    table_begin(&table, types, 3);
    for (size_t i = 0; i < n; i++) {
        const struct studio_event *event = items[i].event;
        if (!event)
            continue;
        add_names(&table, event->table_id, items[i].cleared, items[i].cleared_count,
                  (int64_t)event->rev);
        add_names(&table, event->table_id, items[i].set, items[i].set_count, -1);
        any_set |= items[i].set_count > 0;
    }
    send_names(store, &table, any_set);
    table_finish(&table);
}

static void send_requests(struct postgres_store *store, const struct store_item *items, size_t n)
{
    static const enum column_type types[] = {COLUMN_TEXT,  COLUMN_TEXT, COLUMN_TEXT,
                                             COLUMN_BYTES, COLUMN_TEXT, COLUMN_I64};
    struct args drop = args_begin(store->base.info.agent_id),
                add = args_begin(store->base.info.agent_id);
    struct table table;
    table_begin(&table, types, 6);
    for (size_t i = 0; i < n; i++) {
        const struct store_request *request = items[i].request;
        if (!request)
            continue;
        column_str(&table.columns[0], request->table_id);
        column_str(&table.columns[1], request->client);
        column_str(&table.columns[2], request->request_id);
        column_add(&table.columns[3], request->digest, sizeof request->digest);
        column_add(&table.columns[4], request->answer, request->answer_len);
        column_i64(&table.columns[5], request->wall_ms);
    }
    add_table(&add, &table);
    args_i64(&add, store->hours);
    for (int i = 0; i < 3; i++)
        args_column(&drop, &table.columns[i]);
    args_i64(&drop, ROW_BYTES);
    if (table.columns[0].count > 0) {
        link_send(&store->link, PG_DROP_REQUESTS, &drop);
        link_send(&store->link, PG_ADD_REQUESTS, &add);
    }
    table_finish(&table);
}

/* --- the batch ------------------------------------------------------------------------------- */

static int64_t bytes_of(const struct store_item *items, size_t n)
{
    size_t bytes = 0;
    for (size_t i = 0; i < n; i++) {
        if (items[i].event)
            bytes += items[i].event->body_len + ROW_BYTES;
        if (items[i].request)
            bytes += items[i].request->answer_len + ROW_BYTES;
    }
    return (int64_t)bytes;
}

/* Never back, never beyond what can have been sent; without a broker all counts as acknowledged. */
static uint64_t watermark(const struct postgres_store *store, uint64_t acked, uint64_t last_seq)
{
    const struct store_info *info = &store->base.info;
    if (!store->mirror)
        return last_seq;
    if (acked > info->last_seq)
        acked = info->last_seq;
    return acked > info->acked ? acked : info->acked;
}

/* After a refusal none of them has a number. */
static enum studio_err number(struct store_item *items, size_t n, uint64_t last_seq,
                              enum studio_err err)
{
    for (size_t i = 0; i < n; i++)
        if (items[i].event)
            items[i].event->seq = err == STUDIO_OK ? ++last_seq : 0;
    return err;
}

static bool has_room(const struct postgres_store *store, int64_t more)
{
    return store->max_bytes == 0 || store->bytes + more <= (int64_t)store->max_bytes;
}

static enum studio_err send_batch(struct postgres_store *store, const struct store_item *items,
                                  size_t n, const struct numbers *numbers)
{
    store->lost = false;
    enum studio_err err = transact_begin(store, numbers);
    if (err != STUDIO_OK)
        return err;
    send_events(store, items, n);
    send_tables(store, items, n);
    send_cleared(store, items, n);
    send_requests(store, items, n);
    return transact_end(store, "a commit", NULL);
}

enum studio_err postgres_commit(struct store *base, struct store_item *items, size_t n,
                                uint64_t acked)
{
    struct postgres_store *store = as_postgres(base);
    struct numbers numbers = {.bytes = bytes_of(items, n)};
    uint64_t before = base->info.last_seq;
    numbers.last_seq = before;
    for (size_t i = 0; i < n; i++)
        numbers.last_seq += items[i].event != NULL;
    numbers.acked = watermark(store, acked, numbers.last_seq);
    if (n == 0 && numbers.acked == base->info.acked)
        return store->failed ? STUDIO_ERR_IO : STUDIO_OK;
    if (n > 0 && !has_room(store, numbers.bytes))
        return number(items, n, 0, STUDIO_ERR_STORAGE);
    enum studio_err err = send_batch(store, items, n, &numbers);
    if (err == STUDIO_ERR_STORAGE && store->lost && !store->doubt) /* it cannot happen any more */
        err = send_batch(store, items, n, &numbers);
    if (store->doubt && store->lost && n > 0) { /* not one before it */
        store->items = items;
        store->item_count = n;
    }
    return number(items, n, before, err);
}

bool postgres_in_doubt(const struct store *base)
{
    const struct postgres_store *store = as_const_postgres(base);
    return store->doubt && store->items && !store->failed;
}

enum studio_err postgres_settle(struct store *base, bool *known)
{
    struct postgres_store *store = as_postgres(base);
    uint64_t before = base->info.last_seq;
    enum studio_err err = owner_resume(store);
    *known = err != STUDIO_ERR_STORAGE;
    if (!*known)
        return err;
    if (store
            ->happened) /* also when somebody else owns it now, and found it there: the next one says so */
        err = STUDIO_OK;
    else if (err == STUDIO_OK)
        err = STUDIO_ERR_STORAGE;
    struct store_item *items = store->items;
    store->items = NULL;
    return number(items, store->item_count, before, err);
}

/* --- small ones ------------------------------------------------------------------------------ */

enum studio_err postgres_park(struct store *base, uint64_t seq, const char *reason)
{
    struct postgres_store *store = as_postgres(base);
    struct numbers numbers = numbers_now(store);
    struct args args = args_begin(store->base.info.agent_id);
    PGresult *rows = NULL;
    args_u64(&args, seq);
    args_str(&args, reason ? reason : "refused");
    enum studio_err err = transact_begin(store, &numbers);
    if (err != STUDIO_OK)
        return err;
    link_send(&store->link, PG_PARK, &args);
    err = transact_end(store, "marking an event", &rows);
    if (err == STUDIO_OK && rows)
        base->info.parked += (uint64_t)PQntuples(rows);
    PQclear(rows);
    return err;
}

enum studio_err postgres_mark_cleared(struct store *base, const char *table_id, const char *field)
{
    static const enum column_type types[] = {COLUMN_TEXT, COLUMN_TEXT, COLUMN_I64};
    struct postgres_store *store = as_postgres(base);
    struct numbers numbers = numbers_now(store);
    struct table table;
    enum studio_err err = transact_begin(store, &numbers);
    if (err != STUDIO_OK)
        return err;
    table_begin(&table, types, 3);
    add_names(&table, table_id, &field, 1, 0);
    send_table(store, PG_ADD_CLEARED, &table);
    table_finish(&table);
    return transact_end(store, "noting a topic", NULL);
}

enum studio_err postgres_forget_cleared(struct store *base, const struct store_clearing *clearings,
                                        size_t n)
{
    static const enum column_type types[] = {COLUMN_TEXT, COLUMN_I64};
    struct postgres_store *store = as_postgres(base);
    struct numbers numbers = numbers_now(store);
    struct table table;
    if (n == 0)
        return STUDIO_OK;
    enum studio_err err = transact_begin(store, &numbers);
    if (err != STUDIO_OK)
        return err;
    table_begin(&table, types, 2);
    for (size_t i = 0; i < n; i++) {
        column_str(&table.columns[0], clearings[i].table_id);
        column_i64(&table.columns[1], (int64_t)clearings[i].rev);
    }
    send_table(store, PG_FORGET_BELOW, &table);
    table_finish(&table);
    return transact_end(store, "forgetting topics", NULL);
}

enum studio_err postgres_put_memo(struct store *base, const char *text)
{
    struct postgres_store *store = as_postgres(base);
    struct numbers numbers = numbers_now(store);
    struct args args = args_begin(store->base.info.agent_id);
    args_str(&args, strlen(text) <= STORE_MEMO_MAX ? text : "");
    enum studio_err err = transact_begin(store, &numbers);
    if (err != STUDIO_OK)
        return err;
    link_send(&store->link, PG_PUT_MEMO, &args);
    return transact_end(store, "keeping a note", NULL);
}

/* The owner's word writes already. */
enum studio_err postgres_probe(struct store *base)
{
    struct postgres_store *store = as_postgres(base);
    struct numbers numbers = numbers_now(store);
    enum studio_err err = transact_begin(store, &numbers);
    if (err == STUDIO_OK)
        err = transact_end(store, "a probe", NULL);
    return err == STUDIO_OK && postgres_full(store) ? STUDIO_ERR_STORAGE : err;
}
