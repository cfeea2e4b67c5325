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
    buf_init(&item->text, SIZE_MAX);
    return item;
}

void item_destroy(struct item *item)
{
    if (!item)
        return;
    actor_unref(item->actor);
    message_finish(&item->message);
    buf_finish(&item->answer);
    buf_finish(&item->text);
    studio_event_unref(item->event);
    studio_snapshot_unref(item->snapshot);
    free(item->names);
    free(item);
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

/* The array with room for `cap` elements; NULL: out of memory, it is as before. */
static bool grow(void *array, size_t cap, size_t size)
{
    void *old;

    memcpy(&old, array, sizeof(old)); /* a pointer to a pointer of whatever type */
    void *grown = realloc(old, cap * size);
    if (grown)
        memcpy(array, &grown, sizeof(grown));
    return grown != NULL;
}

static bool reserve_item(struct batch *batch)
{
    size_t cap = batch->cap ? batch->cap * 2 : 64;

    if (batch->count < batch->cap)
        return true;
    if (!grow(&batch->items, cap, sizeof(*batch->items)))
        return false;
    batch->cap = cap;
    return true;
}

static bool reserve_row(struct batch *batch)
{
    size_t cap = batch->row_cap ? batch->row_cap * 2 : 64;

    if (batch->row_count < batch->row_cap)
        return true;
    if (!grow(&batch->rows, cap, sizeof(*batch->rows)) ||
        !grow(&batch->events, cap, sizeof(*batch->events)) ||
        !grow(&batch->snapshots, cap, sizeof(*batch->snapshots)))
        return false;
    batch->row_cap = cap;
    return true;
}

bool batch_add(struct batch *batch, struct item *item)
{
    if (!reserve_item(batch) || (item_has_row(item) && !reserve_row(batch)))
        return false;
    if (item_has_row(item))
        batch->rows[batch->row_count++] = row_of(item);
    if (item->event)
        batch->events[batch->event_count++] = item->event;
    batch->items[batch->count++] = item;
    batch->bytes += sizeof(*item) + (item->event ? item->event->body_len : 0) +
                    (item->snapshot ? item->snapshot->push_len : 0);
    item->actor->outstanding++;
    return true;
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
