#include "core/item.h"

#include <stdlib.h>
#include <string.h>

struct item *item_create(enum item_kind kind, struct actor *actor)
{
    struct item *item = calloc(1, sizeof(*item));

    if (!item)
        return NULL;
    item->kind = kind;
    item->actor = actor;
    actor->refs++;
    buf_init(&item->answer, SIZE_MAX);
    return item;
}

void item_destroy(struct item *item)
{
    if (!item)
        return;
    actor_unref(item->actor);
    message_finish(&item->message);
    buf_finish(&item->answer);
    studio_event_unref(item->event);
    studio_snapshot_unref(item->snapshot);
    free(item->names);
    free(item);
}

bool item_is_stored(const struct item *item)
{
    return item->kind <= ITEM_NOTE;
}

static struct store_item row_of(const struct item *item)
{
    return (struct store_item){
        .event = item->event,
        .snapshot = item->snapshot,
        .cleared = item->names,
        .cleared_count = item->cleared_count,
        .set = item->names ? item->names + item->cleared_count : NULL,
        .set_count = item->set_count,
        .request = item->has_request ? &item->request : NULL,
    };
}

static bool reserve_item(struct batch *batch)
{
    size_t cap = batch->cap ? batch->cap * 2 : 64;

    if (batch->count < batch->cap)
        return true;
    struct item **items = realloc(batch->items, cap * sizeof(struct item *));
    if (!items)
        return false;
    batch->items = items;
    batch->cap = cap;
    return true;
}

static bool reserve_row(struct batch *batch)
{
    size_t cap = batch->row_cap ? batch->row_cap * 2 : 64;
    struct store_item *rows;
    struct studio_event **events = NULL;
    struct studio_snapshot **snapshots = NULL;

    if (batch->row_count < batch->row_cap)
        return true;
    /* What has grown stays so: the capacity is that of the smallest. */
    if ((rows = realloc(batch->rows, cap * sizeof(*rows))) != NULL)
        batch->rows = rows;
    if (rows && (events = realloc(batch->events, cap * sizeof(*events))) != NULL)
        batch->events = events;
    if (events && (snapshots = realloc(batch->snapshots, cap * sizeof(*snapshots))) != NULL)
        batch->snapshots = snapshots;
    if (!snapshots)
        return false;
    batch->row_cap = cap;
    return true;
}

bool batch_add(struct batch *batch, struct item *item)
{
    bool stored = item_is_stored(item);

    if (!reserve_item(batch) || (stored && !reserve_row(batch)))
        return false;
    if (stored)
        batch->rows[batch->row_count++] = row_of(item);
    if (stored && item->event)
        batch->events[batch->event_count++] = item->event;
    batch->items[batch->count++] = item;
    batch->bytes += sizeof(*item) + (item->event ? item->event->body_len : 0) +
                    (item->snapshot ? item->snapshot->push_len : 0);
    item->actor->outstanding++;
    return true;
}

struct item *batch_take(struct batch *batch, size_t i)
{
    struct item *item = batch->items[i];

    batch->items[i] = NULL;
    return item;
}

void batch_clear(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        item_destroy(batch->items[i]);
    batch->count = 0;
    batch->row_count = 0;
    batch->event_count = 0;
    batch->bytes = 0;
}

void batch_finish(struct batch *batch)
{
    batch_clear(batch);
    free(batch->items);
    free(batch->rows);
    free(batch->events);
    free(batch->snapshots);
    memset(batch, 0, sizeof(*batch));
}
