#include "source.h"

static enum studio_err read_events(void *ctx, uint64_t from, uint64_t to, size_t limit,
                                   studio_event_fn *fn, void *fn_ctx)
{
    struct source *source = ctx;

    return store_read_events(source->reader, from, to, limit, fn, fn_ctx);
}

static enum studio_err read_changes(void *ctx, const char *table_id, uint64_t from_rev,
                                    uint64_t after_seq, size_t limit, studio_event_fn *fn,
                                    void *fn_ctx)
{
    struct source *source = ctx;

    return store_read_changes(source->reader, table_id, from_rev, after_seq, limit, fn, fn_ctx);
}

static enum studio_err oldest(void *ctx, uint64_t *seq)
{
    struct source *source = ctx;

    return store_read_oldest(source->reader, seq);
}

static enum studio_err oldest_rev(void *ctx, const char *table_id, bool *found, uint64_t *rev,
                                  uint64_t *seq)
{
    struct source *source = ctx;

    return store_read_oldest_rev(source->reader, table_id, found, rev, seq);
}

static enum studio_err cleared(void *ctx, bridge_cleared_fn *fn, void *fn_ctx)
{
    struct source *source = ctx;

    return store_read_cleared(source->reader, fn, fn_ctx);
}

static void acked(void *ctx, uint64_t seq)
{
    struct source *source = ctx;

    committer_acked(source->committer, seq);
}

static void parked(void *ctx, uint64_t seq, const char *reason)
{
    struct source *source = ctx;

    committer_park(source->committer, seq, reason);
}

static bool command(void *ctx, struct bridge_command *cmd)
{
    struct source *source = ctx;

    return inbox_put(source->inbox, cmd);
}

struct bridge_source source_ops(struct source *source)
{
    return (struct bridge_source){
        .ctx = source,
        .figures = source->figures,
        .read = read_events,
        .read_changes = read_changes,
        .oldest = oldest,
        .oldest_rev = oldest_rev,
        .cleared = cleared,
        .acked = acked,
        .parked = parked,
        .command = command,
    };
}
