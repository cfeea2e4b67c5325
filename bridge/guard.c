#include "guard.h"

#include <string.h>

static bool enter(struct guard *g)
{
    pthread_rwlock_rdlock(&g->door);
    if (!g->closed)
        return true;
    pthread_rwlock_unlock(&g->door);
    return false;
}

static void leave(struct guard *g)
{
    pthread_rwlock_unlock(&g->door);
}

static enum studio_err read_events(void *ctx, uint64_t from, uint64_t to, size_t limit,
                                   studio_event_fn *fn, void *fn_ctx)
{
    struct guard *g = ctx;
    enum studio_err err = STUDIO_ERR_STORAGE;

    if (enter(g)) {
        err = g->agent.read(g->agent.ctx, from, to, limit, fn, fn_ctx);
        leave(g);
    }
    return err;
}

static enum studio_err read_changes(void *ctx, const char *table_id, uint64_t from_rev,
                                    uint64_t after_seq, size_t limit, studio_event_fn *fn,
                                    void *fn_ctx)
{
    struct guard *g = ctx;
    enum studio_err err = STUDIO_ERR_STORAGE;

    if (enter(g)) {
        err = g->agent.read_changes(g->agent.ctx, table_id, from_rev, after_seq, limit, fn, fn_ctx);
        leave(g);
    }
    return err;
}

static enum studio_err oldest(void *ctx, uint64_t *seq)
{
    struct guard *g = ctx;
    enum studio_err err = STUDIO_ERR_STORAGE;

    if (enter(g)) {
        err = g->agent.oldest(g->agent.ctx, seq);
        leave(g);
    }
    return err;
}

static enum studio_err oldest_rev(void *ctx, const char *table_id, bool *found, uint64_t *rev,
                                  uint64_t *seq)
{
    struct guard *g = ctx;
    enum studio_err err = STUDIO_ERR_STORAGE;

    if (enter(g)) {
        err = g->agent.oldest_rev(g->agent.ctx, table_id, found, rev, seq);
        leave(g);
    }
    return err;
}

static enum studio_err cleared(void *ctx, bridge_cleared_fn *fn, void *fn_ctx)
{
    struct guard *g = ctx;
    enum studio_err err = STUDIO_ERR_STORAGE;

    if (enter(g)) {
        err = g->agent.cleared(g->agent.ctx, fn, fn_ctx);
        leave(g);
    }
    return err;
}

static void acked(void *ctx, uint64_t seq)
{
    struct guard *g = ctx;

    if (enter(g)) {
        g->agent.acked(g->agent.ctx, seq);
        leave(g);
    }
}

static void parked(void *ctx, uint64_t seq, const char *reason)
{
    struct guard *g = ctx;

    if (enter(g)) {
        g->agent.parked(g->agent.ctx, seq, reason);
        leave(g);
    }
}

static void stats(void *ctx, struct bridge_agent_stats *out)
{
    struct guard *g = ctx;

    memset(out, 0, sizeof(*out));
    if (enter(g)) {
        g->agent.stats(g->agent.ctx, out);
        leave(g);
    }
}

static bool command(void *ctx, struct bridge_command *in)
{
    struct guard *g = ctx;
    bool taken = false;

    if (enter(g)) {
        taken = g->agent.command && g->agent.command(g->agent.ctx, in);
        leave(g);
    }
    return taken;
}

enum studio_err guard_init(struct guard *g, const struct bridge_source *agent)
{
    memset(g, 0, sizeof(*g));
    g->agent = *agent;
    g->source = (struct bridge_source){.ctx = g,
                                       .read = read_events,
                                       .read_changes = read_changes,
                                       .oldest = oldest,
                                       .oldest_rev = oldest_rev,
                                       .cleared = cleared,
                                       .acked = acked,
                                       .parked = parked,
                                       .stats = stats,
                                       .command = command};
    g->ready = pthread_rwlock_init(&g->door, NULL) == 0;
    return g->ready ? STUDIO_OK : STUDIO_ERR_NO_MEMORY;
}

void guard_close(struct guard *g)
{
    pthread_rwlock_wrlock(&g->door);
    g->closed = true;
    pthread_rwlock_unlock(&g->door);
}

void guard_finish(struct guard *g)
{
    if (g->ready)
        pthread_rwlock_destroy(&g->door);
    g->ready = false;
}
