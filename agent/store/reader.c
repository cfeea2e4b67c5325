/* reader.c - reading, whatever the engine: the way to it, and what is made of a walk's steps. */
#include "store/engine.h"

enum studio_err store_reader_open(const struct store *store, struct store_reader **out,
                                  struct studio_error *error)
{
    enum studio_err err = store->engine->reader_open(store, out, error);
    if (err == STUDIO_OK)
        (*out)->engine = store->engine;
    return err;
}

void store_reader_close(struct store_reader *reader)
{
    if (reader)
        reader->engine->reader_close(reader);
}

enum studio_err store_read_events(struct store_reader *reader, uint64_t from, uint64_t to,
                                  size_t limit, studio_event_fn *fn, void *ctx)
{
    return reader->engine->read_events(reader, from, to, limit, fn, ctx);
}

enum studio_err store_read_oldest(struct store_reader *reader, uint64_t *seq)
{
    return reader->engine->read_oldest(reader, seq);
}

enum studio_err store_read_request(struct store_reader *reader, const char *table_id,
                                   const char *client, const char *request_id,
                                   const unsigned char digest[32], bool *found, bool *same,
                                   char **answer)
{
    return reader->engine->read_request(reader, table_id, client, request_id, digest, found, same,
                                        answer);
}

enum studio_err store_read_cleared(struct store_reader *reader, store_cleared_fn *fn, void *ctx)
{
    return reader->engine->read_cleared(reader, fn, ctx);
}

bool store_is_shared(const struct store *store)
{
    return store->engine->read_agents != NULL;
}

enum studio_err store_read_agents(struct store_reader *reader, const char *after, size_t limit,
                                  store_agent_fn *fn, void *ctx)
{
    return reader->engine->read_agents(reader, after, limit, fn, ctx);
}

enum studio_err store_read_their_tables(struct store_reader *reader, const char *const *agents,
                                        size_t count, const char *after, size_t limit,
                                        store_their_table_fn *fn, void *ctx)
{
    return reader->engine->read_their_tables(reader, agents, count, after, limit, fn, ctx);
}

/* --- the history of one table ---------------------------------------------------------------- */

struct store_walk store_walk(const char *table_id)
{
    return (struct store_walk){
        .table_id = table_id,
        .changes = true,
        .exceptions = true,
        .to_seq = UINT64_MAX,
        .to_rev = UINT64_MAX,
        .since_ms = INT64_MIN,
        .until_ms = INT64_MAX,
    };
}

enum studio_err store_walk_step(struct store_reader *reader, struct store_walk *walk,
                                studio_event_fn *fn, void *ctx)
{
    return reader->engine->walk_step(reader, walk, fn, ctx);
}

/* So many events go through to fn. */
struct limited {
    studio_event_fn *fn;
    void *ctx;
    size_t left;
};

static bool pass(void *ctx, struct studio_event *event)
{
    struct limited *limited = ctx;
    return limited->fn(limited->ctx, event) && --limited->left > 0;
}

enum studio_err store_read_changes(struct store_reader *reader, const char *table_id,
                                   uint64_t from_rev, uint64_t after_seq, size_t limit,
                                   studio_event_fn *fn, void *ctx)
{
    struct limited limited = {.fn = fn, .ctx = ctx, .left = limit};
    struct store_walk walk = store_walk(table_id);
    enum studio_err err = STUDIO_OK;
    walk.exceptions = false;
    walk.from_rev = from_rev;
    walk.from_seq = after_seq < UINT64_MAX ? after_seq + 1 : after_seq;
    walk.ended = limit == 0;
    while (err == STUDIO_OK && !walk.ended)
        err = store_walk_step(reader, &walk, pass, &limited);
    return err;
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
