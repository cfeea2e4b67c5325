#include <stdlib.h>
#include <string.h>

#include "core/core_private.h"

/*
 * Settling: a batch came back from the store. In the order of the messages each change is made
 * visible and answered, or refused; then, once per table, what is visible now is announced.
 */

static void push(struct core *core, const struct item *item, uint64_t seq)
{
    const struct event_origin origin = {
        .table_id = table_id(item->table),
        .by = item->actor->user_id,
        .via = item->actor->via,
        .wall_ms = item->wall_ms,
    };
    struct buf text;
    struct frame *frame = NULL;

    buf_init(&text, SIZE_MAX);
    push_exception(&text, &origin, seq, item->message.data);
    if (buf_ok(&text))
        frame = frame_create(text.data, text.len);
    hub_exception(core->hub, origin.table_id, frame); /* without memory it counts as missed */
    frame_unref(frame);
    buf_finish(&text);
}

static void answer(struct item *item)
{
    struct actor *actor = item->actor;

    if (!actor->gone && item->answer.len > 0)
        actor->ops->answer(actor, item->answer.data, item->answer.len);
}

static void refuse(struct core *core, struct item *item, enum studio_err err)
{
    struct studio_error error;

    if (item->kind == ITEM_CREATE)
        return; /* the message or the welcome behind it says so */
    studio_error_set(&error, err == STUDIO_ERR_NO_MEMORY ? err : STUDIO_ERR_STORAGE, NULL);
    core_answer_error(core, item->actor, &error, item->message.request_id);
}

static void accept(struct core *core, struct item *item, uint64_t seq)
{
    if (item->kind == ITEM_NOTE) {
        answer(item);
        return;
    }
    core->stats.last_seq = seq;
    core->stats.updates += item->kind == ITEM_UPDATE;
    if (item->kind != ITEM_EXCEPTION)
        tables_commit(core->tables, item->table, &item->staged);
    answer(item);
    if (item->kind == ITEM_EXCEPTION)
        push(core, item, seq);
}

static void settle_item(struct core *core, struct batch *batch, struct item *item,
                        enum studio_err err)
{
    item->actor->outstanding--;
    core->settling = item->kind != ITEM_REPEAT;
    switch (item->kind) {
    case ITEM_CREATE:
    case ITEM_UPDATE:
    case ITEM_REMOVE:
    case ITEM_EXCEPTION:
    case ITEM_NOTE:
        if (err == STUDIO_OK)
            accept(core, item, batch->rows[item->row].seq);
        else
            refuse(core, item, err);
        break;
    case ITEM_ANSWER:
        answer(item);
        break;
    case ITEM_CALL:
        if (!item->actor->gone)
            call_message(core, item->actor, &item->message);
        break;
    case ITEM_WELCOME:
        if (!item->actor->gone)
            call_welcome(core, item->actor);
        break;
    case ITEM_REPEAT:
        core_command_again(core, item->actor, item->body.data, item->body.len);
        break;
    }
    core->settling = false;
}

struct bridge_event core_event_of(const struct store_item *row, uint64_t seq)
{
    return (struct bridge_event){
        .seq = seq,
        .kind = row->kind == STORE_EXCEPTION ? BRIDGE_EXCEPTION : BRIDGE_CHANGE,
        .table_id = row->table_id,
        .rev = row->rev,
        .wall_ms = row->wall_ms,
        .body = row->body,
        .body_len = row->body_len,
    };
}

/* Committed events go to the bridge in one piece, so that it sees no gap. */
static void mirror_events(struct core *core, const struct batch *batch)
{
    enum { PIECE = 64 };
    struct bridge_event events[PIECE];
    size_t n = 0;

    for (size_t i = 0; core->bridge && i < batch->row_count; i++) {
        const struct store_item *row = &batch->rows[i];
        if (row->kind != STORE_NOTE)
            events[n++] = core_event_of(row, row->seq);
        if (n > 0 && (n == PIECE || i + 1 == batch->row_count)) {
            bridge_events(core->bridge, events, n);
            n = 0;
        }
    }
}

/* Watchers are told in the queue of exceptions: there is no document to show any more. */
static void tell_removed(struct core *core, const char *id)
{
    struct frame *frame = NULL;
    struct buf text;

    buf_init(&text, SIZE_MAX);
    push_removed(&text, id);
    if (buf_ok(&text))
        frame = frame_create(text.data, text.len);
    buf_finish(&text);
    hub_exception(core->hub, id, frame);
    frame_unref(frame);
}

void core_announce_table(struct core *core, struct table *table)
{
    struct studio_snapshot *snapshot;

    if (!table_changed(table))
        return;
    snapshot = table_snapshot(table);
    /* The bridge first: it may be told twice, watchers may not. */
    if (!snapshot || (core->bridge && !bridge_table(core->bridge, snapshot))) {
        core->announce_due = true; /* out of memory */
        return;
    }
    if (snapshot->removed)
        tell_removed(core, snapshot->table_id);
    if (!hub_publish(core->hub, snapshot)) {
        core->announce_due = true;
        return;
    }
    table_announced(table);
    if (core->bridge && snapshot->removed)
        bridge_presence(core->bridge, snapshot->table_id, NULL);
}

static void announce_again(void *ctx, struct table *table)
{
    core_announce_table(ctx, table);
}

void core_announce_due(struct core *core)
{
    if (!core->announce_due)
        return;
    core->announce_due = false;
    tables_each(core->tables, announce_again, core);
}

static void settle(struct core *core, struct batch *batch, enum studio_err err)
{
    size_t count = batch->count;

    /* Items staged while these are settled go into the other batch: this one does not grow. */
    for (size_t i = 0; i < count; i++)
        settle_item(core, batch, batch->items[i], err);
    if (err == STUDIO_OK) {
        mirror_events(core, batch);
        for (size_t i = 0; i < count; i++)
            if (batch->items[i]->table)
                core_announce_table(core, batch->items[i]->table);
    }
    batch_clear(batch);
}

static void drop_staged(struct core *core, const struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        if (item_has_row(batch->items[i]) && batch->items[i]->table)
            tables_drop(core->tables, batch->items[i]->table);
}

/* A refused batch takes with it everything checked against it, which is all of the open one. */
static void fail(struct core *core, enum studio_err err)
{
    struct batch open = *core->open;

    memset(core->open, 0, sizeof(*core->open));
    drop_staged(core, core->flying);
    drop_staged(core, &open);
    settle(core, core->flying, err);
    settle(core, &open, err);
    batch_finish(&open);
    tables_sweep(core->tables); /* those that were to be made */
}

bool core_settle(struct core *core)
{
    enum studio_err err = STUDIO_OK;

    if (core->flying->count == 0)
        return false;
    if (core->flying->row_count > 0 && !committer_take(core->committer, &err))
        return false;
    if (err == STUDIO_OK)
        settle(core, core->flying, STUDIO_OK);
    else
        fail(core, err);
    core_end_turn(core);
    if (core->flying->count > 0 && core->flying->row_count == 0)
        (void)core_settle(core); /* only answers were waiting */
    return true;
}
