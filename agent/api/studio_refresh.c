/*
 *             ┌─ more ─┐        ┌─── more ───┐
 *   begin ──► AGENTS ──┴─ due ─► TABLES ─────┴──► end
 *               └─ none due ───────────────────────┘
 */
#include "api/studio_refresh.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/lookup.h"
#include "store/store.h"

enum {
    AGENTS_PAGE = 250,
    TABLES_PAGE = 500,
    DUE_AT_ONCE = 25, /* agents whose tables one step reads */
    OWNER_MAX = 255
};

struct listed {
    char id[NAME_CLIENT_MAX + 1], epoch[STUDIO_CACHE_EPOCH + 1], owner[OWNER_MAX + 1];
    struct store_agent agent; /* with the texts above */
};

struct their_table {
    size_t agent; /* of `due` */
    char id[STUDIO_TABLE_ID_MAX + 1];
    uint64_t rev;
    char *document;
    size_t len;
};

struct studio_refresh {
    struct lookup_job job; /* first */
    struct lookup *lookup;
    const struct clock *clock;
    void (*done)(void *ctx, enum studio_err err);
    void *ctx;
    struct studio_cache *cache; /* NULL: nobody has asked lately */
    struct cached_agent *next;  /* whose tables are to be read */
    bool reading;
    bool begun; /* once: the last reading began then, and came to: */
    int64_t began_ms, asked_ms;
    enum studio_err result;
    /* Of the step that is out, the reader's thread's: */
    bool tables;
    enum studio_err err;
    char after[NAME_CLIENT_MAX + 1]; /* an agent, or a table of the first that is due */
    const char *due[DUE_AT_ONCE];
    size_t due_count;
    size_t met, count; /* rows there were, and those below */
    struct listed agents[AGENTS_PAGE];
    struct their_table rows[TABLES_PAGE];
};

_Static_assert((int)NAME_CLIENT_MAX >= (int)STUDIO_TABLE_ID_MAX, "as in `after`");

/* --- on the reader's thread --------------------------------------------------------------------- */

static bool copy(char *to, size_t size, const char *text)
{
    return text && (size_t)snprintf(to, size, "%s", text) < size;
}

/* One whose names could be no agent's is passed over. */
static bool on_agent(void *ctx, const struct store_agent *agent)
{
    struct studio_refresh *r = ctx;
    struct listed *l = &r->agents[r->count];

    r->met++;
    (void)copy(r->after, sizeof(r->after), agent->id);
    if (!copy(l->id, sizeof(l->id), agent->id) || !copy(l->epoch, sizeof(l->epoch), agent->epoch))
        return true;
    (void)copy(l->owner, sizeof(l->owner), agent->owner);
    l->agent = *agent;
    l->agent.id = l->id;
    l->agent.epoch = l->epoch;
    l->agent.owner = l->owner;
    r->count++;
    return true;
}

static bool on_table(void *ctx, size_t agent, const char *id, uint64_t rev, const char *document,
                     size_t len)
{
    struct studio_refresh *r = ctx;
    struct their_table *row = &r->rows[r->count];

    r->met++;
    row->agent = agent;
    row->rev = rev;
    row->len = len;
    row->document = NULL;
    if (!copy(row->id, sizeof(row->id), id))
        return true;
    if (document && !(row->document = malloc(len + 1))) {
        r->err = STUDIO_ERR_NO_MEMORY;
        return false;
    }
    if (document)
        memcpy(row->document, document, len);
    r->count++;
    return true;
}

static void step(struct lookup_job *job, struct store_reader *reader)
{
    struct studio_refresh *r = (struct studio_refresh *)job;
    enum studio_err err = r->tables ? store_read_their_tables(reader, r->due, r->due_count,
                                                              r->after, TABLES_PAGE, on_table, r)
                                    : store_read_agents(reader, r->after, AGENTS_PAGE, on_agent, r);

    if (r->err == STUDIO_OK)
        r->err = err;
}

/* --- from step to step, on the net thread ------------------------------------------------------- */

static void drop_rows(struct studio_refresh *r)
{
    for (size_t i = 0; r->tables && i < r->count; i++) {
        free(r->rows[i].document);
        r->rows[i].document = NULL;
    }
    r->count = 0;
}

static void end(struct studio_refresh *r, enum studio_err err)
{
    drop_rows(r);
    r->reading = false;
    r->result = err;
    r->done(r->ctx, err);
}

static void stepped(struct lookup_job *job);

static void send_off(struct studio_refresh *r)
{
    struct cached_agent *agent = r->next;

    r->job = (struct lookup_job){.read = step, .done = stepped};
    r->err = STUDIO_OK;
    r->met = r->count = 0;
    for (r->due_count = 0; agent && r->due_count < DUE_AT_ONCE; agent = agent->next_due)
        r->due[r->due_count++] = agent->id;
    if (!lookup_submit(r->lookup, &r->job))
        end(r, STUDIO_ERR_LIMIT);
}

/* The tables of the agent that is due first have all been seen. */
static void pass(struct studio_refresh *r)
{
    studio_cache_read(r->cache, r->next);
    r->next = r->next->next_due;
    r->after[0] = '\0';
}

static bool take_agents(struct studio_refresh *r)
{
    bool ok = true;

    for (size_t i = 0; ok && i < r->count; i++)
        ok = studio_cache_agent(r->cache, &r->agents[i].agent);
    if (!ok || r->met == AGENTS_PAGE)
        return ok;
    r->next = studio_cache_listed(r->cache);
    r->tables = true;
    r->after[0] = '\0';
    return true;
}

static bool take_tables(struct studio_refresh *r)
{
    size_t agent = 0;
    bool ok = true;

    for (size_t i = 0; ok && i < r->count; i++) {
        struct their_table *row = &r->rows[i];
        for (; agent < row->agent; agent++)
            pass(r);
        (void)copy(r->after, sizeof(r->after), row->id);
        ok = studio_cache_table(r->cache, r->next, row->id, row->rev, row->document, row->len);
        row->document = NULL; /* the cache's */
    }
    for (; ok && r->met < TABLES_PAGE && agent < r->due_count; agent++)
        pass(r);
    return ok;
}

static void stepped(struct lookup_job *job)
{
    struct studio_refresh *r = (struct studio_refresh *)job;
    bool tables = r->tables;

    if (r->err != STUDIO_OK)
        end(r, r->err);
    else if (!(tables ? take_tables(r) : take_agents(r)))
        end(r, STUDIO_ERR_NO_MEMORY);
    else if (r->tables && !r->next)
        end(r, STUDIO_OK);
    else
        send_off(r);
}

static void begin(struct studio_refresh *r)
{
    r->reading = r->begun = true;
    r->began_ms = clock_mono(r->clock);
    r->tables = false;
    r->next = NULL;
    r->after[0] = '\0';
    studio_cache_begin(r->cache);
    send_off(r);
}

/* --- the way in --------------------------------------------------------------------------------- */

enum studio_fresh studio_refresh_ask(struct studio_refresh *r)
{
    r->asked_ms = clock_mono(r->clock);
    if (r->reading)
        return STUDIO_SOON;
    if (r->begun && r->asked_ms - r->began_ms < STUDIO_FRESH_MS)
        return r->result == STUDIO_OK ? STUDIO_FRESH : STUDIO_STALE;
    if (!r->cache && !(r->cache = studio_cache_create()))
        return STUDIO_STALE;
    begin(r);
    return r->reading ? STUDIO_SOON : STUDIO_STALE;
}

const struct studio_cache *studio_refresh_cache(const struct studio_refresh *r)
{
    return r->cache;
}

void studio_refresh_tick(struct studio_refresh *r)
{
    if (!r->cache || r->reading || clock_mono(r->clock) - r->asked_ms < STUDIO_IDLE_MS)
        return;
    studio_cache_destroy(r->cache);
    r->cache = NULL;
}

struct studio_refresh *studio_refresh_create(struct lookup *lookup, const struct clock *clock,
                                             void (*done)(void *ctx, enum studio_err err),
                                             void *ctx)
{
    struct studio_refresh *r = calloc(1, sizeof(*r));

    if (!r)
        return NULL;
    r->lookup = lookup;
    r->clock = clock;
    r->done = done;
    r->ctx = ctx;
    return r;
}

void studio_refresh_destroy(struct studio_refresh *r)
{
    if (!r)
        return;
    drop_rows(r);
    studio_cache_destroy(r->cache);
    free(r);
}
