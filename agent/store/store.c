/* store.c - which engine a store has, and the way to it. */
#include "store/store.h"

#include "store/engine.h"
#include "store/sqlite/engine.h"

enum studio_err store_open(const struct store_options *options, struct store **out,
                           struct studio_error *error)
{
    const struct store_engine *engine = &sqlite_engine;
    enum studio_err err = engine->open(options, out, error);
    if (err == STUDIO_OK)
        (*out)->engine = engine;
    return err;
}

void store_close(struct store *store)
{
    if (store)
        store->engine->close(store);
}

const struct store_info *store_info(const struct store *store)
{
    return &store->info;
}

bool store_slow(const struct store *store)
{
    return store->engine->slow(store);
}

uint64_t store_bytes(const struct store *store)
{
    return store->engine->bytes(store);
}

bool store_crowded(struct store *store)
{
    return store->engine->crowded(store);
}

enum studio_err store_tables(struct store *store, store_table_fn *row, void *ctx)
{
    return store->engine->tables(store, row, ctx);
}

enum studio_err store_commit(struct store *store, struct store_item *items, size_t n,
                             uint64_t acked)
{
    return store->engine->commit(store, items, n, acked);
}

enum studio_err store_park(struct store *store, uint64_t seq, const char *reason)
{
    return store->engine->park(store, seq, reason);
}

enum studio_err store_mark_cleared(struct store *store, const char *table_id, const char *field)
{
    return store->engine->mark_cleared(store, table_id, field);
}

enum studio_err store_forget_cleared(struct store *store, const struct store_clearing *clearings,
                                     size_t n)
{
    return store->engine->forget_cleared(store, clearings, n);
}

enum studio_err store_put_memo(struct store *store, const char *text)
{
    return store->engine->put_memo(store, text);
}

enum studio_err store_probe(struct store *store)
{
    return store->engine->probe(store);
}

enum studio_err store_housekeep(struct store *store, int64_t mono_ms, bool *more)
{
    return store->engine->housekeep(store, mono_ms, more);
}

enum studio_err store_copier_open(struct store *store, struct store_copier **out,
                                  struct studio_error *error)
{
    enum studio_err err = store->engine->copier_open(store, out, error);
    if (err == STUDIO_OK)
        (*out)->engine = store->engine;
    return err;
}

void store_copier_close(struct store_copier *copier)
{
    if (copier)
        copier->engine->copier_close(copier);
}

bool store_copy_due(const struct store *store)
{
    return store->engine->copy_due(store);
}

enum studio_err store_copy(struct store_copier *copier)
{
    return copier->engine->copy(copier);
}
