#include "api/studio.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "api/params.h"
#include "api/studio_refresh.h"
#include "base/json.h"
#include "base/times.h"
#include "core/rights.h"

enum {
    LIMIT_DEFAULT = 100,
    LIMIT_MAX = 1000,
    PAGE_BYTES = 512 * 1024, /* from there on a page takes no more documents */
    PAGE_LOOK = 10000,       /* what it looks at, of others, too: the loop waits */
    WAITING_MAX = 256,       /* requests; then others are told to come again */
    REVISION_MAX = STUDIO_CACHE_NAME + 24
};

struct query {
    char cache[STUDIO_CACHE_NAME + 1]; /* "": from the beginning */
    uint64_t version, limit;
};

/* A request that waits until the cache is fresh. */
struct waiter {
    struct studio *studio;
    struct api_request *request;
    struct query query;
    struct waiter *prev, *next;
};

struct studio {
    struct studio_refresh *refresh;
    struct waiter *waiters;
    size_t waiting;
};

/* --- the query ---------------------------------------------------------------------------------- */

static bool read_limit(void *query, const char *value)
{
    return text_number(value, 1, LIMIT_MAX, &((struct query *)query)->limit);
}

/* The revision of an earlier answer: <cache>.<version> */
static bool read_after(void *query, const char *value)
{
    struct query *q = query;

    if (strspn(value, "0123456789abcdef") != STUDIO_CACHE_NAME || value[STUDIO_CACHE_NAME] != '.' ||
        !text_number(value + STUDIO_CACHE_NAME + 1, 0, INT64_MAX, &q->version))
        return false;
    memcpy(q->cache, value, STUDIO_CACHE_NAME);
    return true;
}

static const struct param params[] = {
    {"limit", "1 to 1000", read_limit},
    {"after", "the revision of an earlier answer", read_after},
};

/* --- a page ------------------------------------------------------------------------------------- */

struct page {
    struct buf agents, tables;
    uint64_t count, version; /* of the last it has looked at */
    bool more;
};

static void add_true(struct buf *out, const char *key)
{
    json_key(out, key);
    buf_str(out, "true");
}

static void open_item(struct buf *out, const char *agent_id)
{
    buf_str(out, out->len > 0 ? ",{" : "{");
    json_text(out, "agent_id", agent_id);
}

static void add_agent(struct buf *out, const struct cached_agent *agent)
{
    char since[TIME_MS_LEN + 1];

    open_item(out, agent->id);
    if (agent->item.gone) {
        add_true(out, "removed");
    } else {
        json_text(out, "owner", agent->owner);
        json_key(out, "unknown_since");
        if (agent->owned) {
            buf_str(out, "null");
        } else {
            time_print_ms(agent->until_ms, since);
            buf_printf(out, "\"%s\"", since);
        }
    }
    buf_str(out, "}");
}

static void add_table(struct buf *out, const struct cached_table *table)
{
    open_item(out, table->agent->id);
    json_text(out, "table_id", table->id);
    if (table->item.gone) {
        add_true(out, "removed");
    } else {
        json_key(out, "status");
        buf_add(out, table->document, table->len);
    }
    buf_str(out, "}");
}

/* Who may read some tables only is told of them, and whose they are. */
static bool may_see(const struct actor *actor, const struct cached_item *item)
{
    if (rights_to_read(actor, NULL))
        return true;
    if (item->table)
        return rights_to_read(actor, item->table->id);
    return cached_agent_table((const struct cached_agent *)item, actor->table_id) != NULL;
}

static void fill(struct page *page, const struct studio_cache *cache, const struct actor *actor,
                 const struct query *query)
{
    const struct cached_item *item = studio_cache_after(cache, page->version);

    for (size_t looked = 0; item; item = item->next) {
        if (looked++ == PAGE_LOOK || page->count == query->limit ||
            page->agents.len + page->tables.len >= PAGE_BYTES) {
            page->more = true;
            return;
        }
        page->version = item->version;
        if (!may_see(actor, item))
            continue;
        page->count++;
        if (item->table)
            add_table(&page->tables, item->table);
        else
            add_agent(&page->agents, (const struct cached_agent *)item);
    }
}

static void print(const struct page *page, const struct studio_cache *cache, bool anew,
                  const char *revision, struct buf *body)
{
    buf_str(body, "{");
    json_text(body, "revision", revision);
    if (anew)
        add_true(body, "reset");
    if (studio_cache_full(cache))
        add_true(body, "incomplete");
    json_key(body, "agents");
    buf_str(body, "[");
    buf_add(body, page->agents.data, page->agents.len);
    buf_str(body, "]");
    json_key(body, "tables");
    buf_str(body, "[");
    buf_add(body, page->tables.data, page->tables.len);
    buf_str(body, "]}");
}

static void answer(struct api_request *r, const struct studio_cache *cache,
                   const struct query *query)
{
    bool anew = strcmp(query->cache, studio_cache_name(cache)) != 0 ||
                query->version > studio_cache_version(cache);
    struct page page = {.version = anew ? 0 : query->version};
    char revision[REVISION_MAX + 1];
    struct buf body;

    buf_init(&page.agents, SIZE_MAX);
    buf_init(&page.tables, SIZE_MAX);
    buf_init(&body, SIZE_MAX);
    fill(&page, cache, r->actor, query);
    snprintf(revision, sizeof(revision), "%s.%llu", studio_cache_name(cache),
             (unsigned long long)page.version);
    print(&page, cache, anew, revision, &body);
    if (!buf_ok(&page.agents) || !buf_ok(&page.tables))
        body.failed = true;
    if (page.more && buf_ok(&body))
        request_next(r, revision, NULL);
    buf_finish(&page.agents);
    buf_finish(&page.tables);
    exchange_header(r->exchange, "cache-control", "private, no-store");
    request_reply(r, &body);
}

/* --- waiting for it ----------------------------------------------------------------------------- */

static void destroy(struct waiter *w)
{
    DL_DELETE(w->studio->waiters, w);
    w->studio->waiting--;
    w->request->leave = NULL;
    free(w);
}

static void leave(void *work)
{
    destroy(work);
}

static bool wait_for(struct studio *studio, struct api_request *r, const struct query *query)
{
    struct waiter *w = studio->waiting < WAITING_MAX ? calloc(1, sizeof(*w)) : NULL;

    if (!w)
        return false;
    *w = (struct waiter){.studio = studio, .request = r, .query = *query};
    r->work = w;
    r->leave = leave;
    DL_APPEND(studio->waiters, w);
    studio->waiting++;
    return true;
}

static void on_refreshed(void *ctx, enum studio_err err)
{
    struct studio *studio = ctx;

    while (studio->waiters) {
        struct api_request *r = studio->waiters->request;
        const struct query query = studio->waiters->query;
        destroy(studio->waiters);
        if (err == STUDIO_OK)
            answer(r, studio_refresh_cache(studio->refresh), &query);
        else
            request_refuse(r, STUDIO_ERR_STORAGE, NULL);
    }
}

void studio_get(struct api_request *r)
{
    struct studio *studio = r->api->studio;
    struct query query = {.limit = LIMIT_DEFAULT};

    if (!studio) {
        exchange_problem(r->exchange, 404,
                         "This agent shares its store with no other: that takes store.url");
        return;
    }
    if (!request_params(r, params, sizeof(params) / sizeof(params[0]), &query))
        return;
    switch (studio_refresh_ask(studio->refresh)) {
    case STUDIO_FRESH:
        answer(r, studio_refresh_cache(studio->refresh), &query);
        break;
    case STUDIO_SOON:
        if (!wait_for(studio, r, &query))
            request_refuse(r, STUDIO_ERR_LIMIT, NULL);
        break;
    case STUDIO_STALE:
        request_refuse(r, STUDIO_ERR_STORAGE, NULL);
        break;
    }
}

struct studio *studio_create(struct api *api)
{
    struct studio *studio = calloc(1, sizeof(*studio));

    if (studio)
        studio->refresh = studio_refresh_create(api->lookup, api->clock, on_refreshed, studio);
    if (studio && studio->refresh)
        return studio;
    free(studio);
    return NULL;
}

void studio_destroy(struct studio *studio)
{
    if (!studio)
        return;
    while (studio->waiters)
        destroy(studio->waiters);
    studio_refresh_destroy(studio->refresh);
    free(studio);
}

void studio_tick(struct studio *studio)
{
    if (studio)
        studio_refresh_tick(studio->refresh);
}
