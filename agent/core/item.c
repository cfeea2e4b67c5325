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
    buf_init(&item->body, SIZE_MAX);
    buf_init(&item->document, SIZE_MAX);
    return item;
}

void item_destroy(struct item *item)
{
    if (!item)
        return;
    actor_unref(item->actor);
    state_finish(&item->staged.state);
    message_finish(&item->message);
    buf_finish(&item->answer);
    buf_finish(&item->body);
    buf_finish(&item->document);
    free(item->names);
    free(item);
}

static struct store_item row_of(const struct item *item)
{
    bool exception = item->kind == ITEM_EXCEPTION;

    return (struct store_item){
        .kind = exception                 ? STORE_EXCEPTION
                : item->kind == ITEM_NOTE ? STORE_NOTE
                                          : STORE_CHANGE,
        .table_id = table_id(item->table),
        .rev = exception ? table_newest(item->table)->rev : item->staged.state.rev,
        .wall_ms = item->wall_ms,
        .body = item->body.data,
        .body_len = item->body.len,
        .document = item->document.data,
        .document_len = item->document.len,
        .removed = item->kind == ITEM_REMOVE,
        .cleared = item->names,
        .cleared_count = item->cleared_count,
        .set = item->names ? item->names + item->cleared_count : NULL,
        .set_count = item->set_count,
        .request = item->has_request ? &item->request : NULL,
    };
}

/* Makes room for one more element. */
static bool grow(void **array, size_t *cap, size_t count, size_t size)
{
    if (count < *cap)
        return true;
    size_t cap2 = *cap ? *cap * 2 : 64;
    void *grown = realloc(*array, cap2 * size);
    if (!grown)
        return false;
    *array = grown;
    *cap = cap2;
    return true;
}

bool batch_add(struct batch *batch, struct item *item)
{
    void *items = batch->items, *rows = batch->rows;
    bool ok = grow(&items, &batch->cap, batch->count, sizeof(struct item *));

    batch->items = items;
    ok = ok && grow(&rows, &batch->row_cap, batch->row_count, sizeof(*batch->rows));
    batch->rows = rows;
    if (!ok)
        return false;
    if (item_has_row(item)) {
        item->row = batch->row_count;
        batch->rows[batch->row_count++] = row_of(item);
    }
    batch->items[batch->count++] = item;
    batch->bytes += sizeof(*item) + item->body.len + item->document.len;
    item->actor->outstanding++;
    return true;
}

void batch_clear(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        item_destroy(batch->items[i]);
    batch->count = 0;
    batch->row_count = 0;
    batch->bytes = 0;
}

void batch_finish(struct batch *batch)
{
    batch_clear(batch);
    free(batch->items);
    free(batch->rows);
    memset(batch, 0, sizeof(*batch));
}
