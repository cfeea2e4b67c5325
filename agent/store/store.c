/* store.c - which engine a store has, and the way to it. */
#include "store/store.h"

#include <string.h>

#include "store/engine.h"
#include "store/sqlite/engine.h"

#if STUDIO_POSTGRES
#include "store/postgres/engine.h"
#endif

#if STUDIO_POSTGRES
static const struct store_engine *const second_engine = &postgres_engine;
#else
static const struct store_engine *const second_engine = NULL;
#endif

static bool id_fits(const char *id)
{
    size_t len = id ? strlen(id) : 0;
    return len > 0 && len < sizeof((struct store_info *)0)->agent_id;
}

const struct store_engine *store_engine_for(const char *url, struct studio_error *error)
{
    const struct store_engine *engine = url ? second_engine : &sqlite_engine;
    if (!engine)
        (void)studio_error_set(error, STUDIO_ERR_STORE_UNUSABLE,
                               ": this studio-agent was built without PostgreSQL; take one that "
                               "was built with libpq, or leave store.url out");
    return engine;
}

enum studio_err store_open(const struct store_options *options, struct store **out,
                           struct studio_error *error)
{
    *out = NULL;
    if (!id_fits(options->agent_id ? options->agent_id : options->host_name))
        return studio_error_set(error, STUDIO_ERR_STORE_UNUSABLE,
                                ": the agent's id must have 1 to 64 bytes; name one with "
                                "--agent-id");
    const struct store_engine *engine = store_engine_for(options->url, error);
    enum studio_err err = engine ? engine->open(options, out, error) : STUDIO_ERR_STORE_UNUSABLE;
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

const struct store_survey *store_surveyed(const struct store *store)
{
    return store->engine->surveyed ? store->engine->surveyed(store) : NULL;
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

bool store_in_doubt(const struct store *store)
{
    return store->engine->in_doubt && store->engine->in_doubt(store);
}

enum studio_err store_settle(struct store *store, bool *known)
{
    return store->engine->settle(store, known);
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

bool store_owned(const struct store *store)
{
    return !store->engine->owned || store->engine->owned(store);
}

const char *store_successor(const struct store *store)
{
    return store->engine->successor ? store->engine->successor(store) : NULL;
}

enum studio_err store_waiting(struct store *store, char name[STORE_OWNER_MAX + 1], size_t *count)
{
    name[0] = '\0';
    *count = 0;
    return store->engine->waiting ? store->engine->waiting(store, name, count) : STUDIO_OK;
}

enum studio_err store_hand_over(struct store *store, const char *name)
{
    return store->engine->hand_over ? store->engine->hand_over(store, name) : STUDIO_ERR_STORAGE;
}

bool store_has_log(const struct store *store)
{
    return store->engine->copier_open != NULL;
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
