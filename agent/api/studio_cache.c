#include "api/studio_cache.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <utlist.h>

#include "store/store.h"

struct studio_cache {
    char name[STUDIO_CACHE_NAME + 1];
    struct cached_agent *agents;     /* by id */
    struct cached_agent *due, *last; /* of this round, so far */
    struct cached_item *items;       /* by version */
    size_t count, bytes;
    uint64_t version, began; /* now, and when the round did */
    unsigned round;
    bool full;
};

struct studio_cache *studio_cache_create(void)
{
    struct studio_cache *cache = calloc(1, sizeof(*cache));
    uint64_t random;

    if (!cache)
        return NULL;
    if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random)) {
        free(cache);
        return NULL;
    }
    snprintf(cache->name, sizeof(cache->name), "%016llx", (unsigned long long)random);
    return cache;
}

const char *studio_cache_name(const struct studio_cache *cache)
{
    return cache->name;
}

static void free_table(struct cached_table *table)
{
    free(table->document);
    free(table);
}

static void free_agent(struct cached_agent *agent)
{
    struct cached_table *table, *next;

    HASH_ITER(hh, agent->tables, table, next)
    {
        HASH_DEL(agent->tables, table);
        free_table(table);
    }
    free(agent->owner);
    free(agent);
}

void studio_cache_destroy(struct studio_cache *cache)
{
    struct cached_agent *agent, *next;

    if (!cache)
        return;
    HASH_ITER(hh, cache->agents, agent, next)
    {
        HASH_DEL(cache->agents, agent);
        free_agent(agent);
    }
    free(cache);
}

/* --- changes ------------------------------------------------------------------------------------ */

static void touch(struct studio_cache *cache, struct cached_item *item)
{
    DL_DELETE(cache->items, item);
    item->version = ++cache->version;
    DL_APPEND(cache->items, item);
}

static void add(struct studio_cache *cache, struct cached_item *item)
{
    item->version = ++cache->version;
    DL_APPEND(cache->items, item);
    cache->count++;
}

/* False: what comes is left out. */
static bool has_room(struct studio_cache *cache, size_t more)
{
    if (cache->count < STUDIO_CACHE_ITEMS && more <= STUDIO_CACHE_BYTES - cache->bytes)
        return true;
    cache->full = true;
    return false;
}

static void remove_table(struct studio_cache *cache, struct cached_table *table)
{
    if (table->item.gone)
        return;
    cache->bytes -= table->len;
    free(table->document);
    table->document = NULL;
    table->len = 0;
    table->item.gone = true;
    touch(cache, &table->item);
}

static void remove_agent(struct studio_cache *cache, struct cached_agent *agent)
{
    if (agent->item.gone)
        return;
    for (struct cached_table *table = agent->tables; table; table = table->hh.next)
        remove_table(cache, table);
    agent->was_read = false;
    agent->item.gone = true;
    touch(cache, &agent->item);
}

/* --- a round ------------------------------------------------------------------------------------ */

void studio_cache_begin(struct studio_cache *cache)
{
    cache->round++;
    cache->began = cache->version;
    cache->due = cache->last = NULL;
}

static bool has_written(const struct cached_agent *agent)
{
    const struct cached_state *now = &agent->listed, *then = &agent->read;

    return !agent->was_read || strcmp(now->epoch, then->epoch) != 0 || now->boot != then->boot ||
           now->last_seq != then->last_seq;
}

static struct cached_agent *add_agent(struct studio_cache *cache, const struct store_agent *listed)
{
    struct cached_agent *agent = calloc(1, sizeof(*agent));

    if (!agent)
        return NULL;
    memcpy(agent->id, listed->id, strlen(listed->id) + 1);
    HASH_ADD_STR(cache->agents, id, agent);
    if (!agent->hh.tbl) { /* how uthash says out of memory */
        free(agent);
        return NULL;
    }
    add(cache, &agent->item);
    return agent;
}

static bool differs(const struct cached_agent *agent, const struct store_agent *listed)
{
    return agent->item.gone || !agent->owner || strcmp(agent->owner, listed->owner) != 0 ||
           agent->owned != listed->owned || (!listed->owned && agent->until_ms != listed->until_ms);
}

static bool describe(struct studio_cache *cache, struct cached_agent *agent,
                     const struct store_agent *listed)
{
    if (differs(agent, listed)) {
        char *owner = strdup(listed->owner);
        if (!owner)
            return false;
        free(agent->owner);
        agent->owner = owner;
        agent->item.gone = false;
        touch(cache, &agent->item);
    }
    agent->owned = listed->owned;
    agent->until_ms = listed->until_ms;
    return true;
}

static void note_due(struct studio_cache *cache, struct cached_agent *agent)
{
    agent->next_due = NULL;
    if (cache->last)
        cache->last->next_due = agent;
    else
        cache->due = agent;
    cache->last = agent;
}

bool studio_cache_agent(struct studio_cache *cache, const struct store_agent *listed)
{
    struct cached_agent *agent;

    HASH_FIND_STR(cache->agents, listed->id, agent);
    if (!agent && (strlen(listed->id) >= sizeof(agent->id) || !has_room(cache, 0)))
        return true;
    if (!agent && !(agent = add_agent(cache, listed)))
        return false;
    if (!describe(cache, agent, listed))
        return false;
    agent->item.round = cache->round;
    agent->listed = (struct cached_state){.boot = listed->boot, .last_seq = listed->last_seq};
    snprintf(agent->listed.epoch, sizeof(agent->listed.epoch), "%s", listed->epoch);
    if (has_written(agent))
        note_due(cache, agent);
    return true;
}

struct cached_agent *studio_cache_listed(struct studio_cache *cache)
{
    for (struct cached_agent *agent = cache->agents; agent; agent = agent->hh.next)
        if (agent->item.round != cache->round)
            remove_agent(cache, agent);
    return cache->due;
}

static struct cached_table *add_table(struct studio_cache *cache, struct cached_agent *agent,
                                      const char *id)
{
    struct cached_table *table = calloc(1, sizeof(*table));

    if (!table)
        return NULL;
    table->item.table = table;
    table->agent = agent;
    memcpy(table->id, id, strlen(id) + 1);
    HASH_ADD_STR(agent->tables, id, table);
    if (!table->hh.tbl) {
        free(table);
        return NULL;
    }
    if (agent->item.version <= cache->began) /* who may see some only, may see it from now on */
        touch(cache, &agent->item);
    add(cache, &table->item);
    return table;
}

bool studio_cache_table(struct studio_cache *cache, struct cached_agent *agent, const char *id,
                        uint64_t rev, char *document, size_t len)
{
    struct cached_table *table;
    bool same, fits = strlen(id) < sizeof(table->id);

    HASH_FIND_STR(agent->tables, id, table);
    same = table && !table->item.gone && document && table->rev == rev && table->len == len &&
           memcmp(table->document, document, len) == 0;
    if (table)
        table->item.round = cache->round;
    if (!document && table)
        remove_table(cache, table);
    if (!document || same || !fits || !has_room(cache, len)) {
        free(document);
        return true;
    }
    if (!table && !(table = add_table(cache, agent, id))) {
        free(document);
        return false;
    }
    cache->bytes += len - table->len;
    free(table->document);
    table->document = document;
    table->len = len;
    table->rev = rev;
    table->item.round = cache->round;
    table->item.gone = false;
    touch(cache, &table->item);
    return true;
}

void studio_cache_read(struct studio_cache *cache, struct cached_agent *agent)
{
    for (struct cached_table *table = agent->tables; table; table = table->hh.next)
        if (table->item.round != cache->round)
            remove_table(cache, table);
    agent->read = agent->listed;
    agent->was_read = true;
}

/* --- what is new -------------------------------------------------------------------------------- */

uint64_t studio_cache_version(const struct studio_cache *cache)
{
    return cache->version;
}

const struct cached_item *studio_cache_after(const struct studio_cache *cache, uint64_t version)
{
    const struct cached_item *first = cache->items, *last = first ? first->prev : NULL;

    if (!last || last->version <= version)
        return NULL;
    if (version < first->version || version - first->version < last->version - version) {
        while (first->version <= version) /* it is nearer from here */
            first = first->next;
        return first;
    }
    while (last != first && last->prev->version > version)
        last = last->prev;
    return last;
}

const struct cached_table *cached_agent_table(const struct cached_agent *agent, const char *id)
{
    struct cached_table *table;

    HASH_FIND_STR(agent->tables, id, table);
    return table;
}

bool studio_cache_full(const struct studio_cache *cache)
{
    return cache->full;
}

size_t studio_cache_count(const struct studio_cache *cache)
{
    return cache->count;
}
