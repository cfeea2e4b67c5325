#include "core/requests.h"

#include <stdlib.h>
#include <string.h>

#include "auth/digest.h"
#include "core/inside.h"

/* The table of a command of MQTT is its topic's, which is its actor's; over HTTP that of the address, which is
 * in the message. */
bool request_make(struct item *item, const char *kind, const char *text, size_t len)
{
    struct buf payload;

    item->request = (struct store_request){
        .table_id = item->actor->via == VIA_HTTP ? item->message.table_id : item->actor->table_id,
        .client = item->actor->user_id,
        .request_id = item->message.request_id,
    };
    buf_init(&payload, SIZE_MAX);
    if (*kind) {
        buf_str(&payload, kind);
        buf_add(&payload, text, len);
        text = payload.data;
        len = payload.len;
    }
    item->has_request = buf_ok(&payload) && digest_make(text, len, item->request.digest);
    buf_finish(&payload);
    return item->has_request;
}

static bool alike(const struct store_request *a, const struct store_request *b)
{
    return strcmp(a->request_id, b->request_id) == 0 && strcmp(a->table_id, b->table_id) == 0 &&
           strcmp(a->client, b->client) == 0;
}

static bool in_batch(const struct batch *batch, const struct store_request *request)
{
    for (size_t i = 0; i < batch->row_count; i++) {
        const struct store_request *other = batch->rows[i].request;
        if (other && alike(other, request))
            return true;
    }
    return false;
}

static bool pending(const struct core *core, const struct item *item)
{
    return in_batch(core->open, &item->request) || in_batch(core->flying, &item->request);
}

static bool ahead(const struct line *line, const struct item *item)
{
    for (const struct item *other = line->first; other != item; other = other->behind)
        if (other->has_request && alike(&other->request, &item->request))
            return true;
    return false;
}

/* --- looking up ------------------------------------------------------------------------------ */

static struct item *item_of(struct lookup_job *job)
{
    return (struct item *)(void *)((char *)job - offsetof(struct item, lookup));
}

/* On the reader's thread. Whatever goes wrong, to a client it is the store. */
static void recall(struct lookup_job *job, struct store_reader *reader)
{
    struct item *item = item_of(job);
    const struct store_request *request = &item->request;
    bool found = false, same = false;
    char *kept = NULL;

    item->err = store_read_request(reader, request->table_id, request->client, request->request_id,
                                   request->digest, &found, &same, &kept);
    if (item->err != STUDIO_OK)
        item->err = STUDIO_ERR_STORAGE;
    else if (found && !same)
        item->err = STUDIO_ERR_REQUEST_ID_USED;
    else if (found)
        buf_str(&item->answer, kept);
    free(kept);
    if (!buf_ok(&item->answer))
        item->err = STUDIO_ERR_STORAGE;
}

static void recalled(struct lookup_job *job)
{
    item_of(job)->state = ITEM_KNOWN;
}

/* If it is so far; else the item stays due. */
static void look_up(struct core *core, struct item *item)
{
    if (pending(core, item) || ahead(&core->line, item))
        return;
    item->lookup = (struct lookup_job){.read = recall, .done = recalled};
    item->wall_ms = clock_wall(core->o.clock);
    item->state = ITEM_ASKED;
    if (!lookup_submit(core->o.lookup, &item->lookup))
        item->state = ITEM_DUE; /* when some have come back */
}

/* --- the line -------------------------------------------------------------------------------- */

/* Behind `before`; NULL: in front of all. */
static void insert(struct line *line, struct item *before, struct item *item)
{
    struct item **at = before ? &before->behind : &line->first;

    item->behind = *at;
    *at = item;
    if (!item->behind)
        line->last = item;
    line->count++;
}

void line_add(struct core *core, struct item *item)
{
    item->arrival = ++core->line.arrivals;
    item->state = item->has_request ? ITEM_DUE : ITEM_FREE;
    insert(&core->line, core->line.last, item);
    if (item->has_request)
        look_up(core, item);
}

void line_return(struct core *core, struct item *item)
{
    struct item *before = NULL, *next = core->line.first;

    for (; next && next->arrival < item->arrival; next = next->behind)
        before = next;
    item->kind = ITEM_ANSWER;
    insert(&core->line, before, item);
    look_up(core, item);
}

void line_look_up(struct core *core)
{
    for (struct item *item = core->line.first; item; item = item->behind)
        if (item->state == ITEM_DUE)
            look_up(core, item);
}

struct item *line_next(struct core *core)
{
    struct line *line = &core->line;
    struct item *item = line->first;

    if (!item || item->state == ITEM_ASKED || (item->state == ITEM_DUE && !pending(core, item)))
        return NULL;
    line->first = item->behind;
    if (!line->first)
        line->last = NULL;
    line->count--;
    return item;
}

void line_clear(struct line *line)
{
    struct item *item;

    while ((item = line->first) != NULL) {
        line->first = item->behind;
        item_destroy(item);
    }
    *line = (struct line){0};
}
