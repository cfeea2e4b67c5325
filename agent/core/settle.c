#include <stdlib.h>
#include <string.h>

#include "core/core_private.h"

/*
 * Settling: a batch came back from the store. In the order of the messages each change is made
 * visible and answered, or refused; then, once per table, what is visible now is announced.
 */

static void push(struct core *core, const struct item *item)
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
    push_exception(&text, &origin, item->event->seq, item->message.data);
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

static void accept(struct core *core, struct item *item)
{
    if (item->event)
        core->stats.last_seq = item->event->seq;
    core->stats.updates += item->kind == ITEM_UPDATE;
    if (item->snapshot)
        tables_commit(core->tables, item->table, item->snapshot);
    answer(item);
    if (item->kind == ITEM_EXCEPTION)
        push(core, item);
}

static void settle_item(struct core *core, struct item *item, enum studio_err err)
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
            accept(core, item);
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
        core_command_again(core, item->actor, item->text.data, item->text.len);
        break;
    }
    core->settling = false;
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

/* Tells the watchers. False: out of memory. */
static bool show(struct core *core, struct studio_snapshot *snapshot)
{
    if (snapshot->removed)
        tell_removed(core, snapshot->table_id);
    if (!hub_publish(core->hub, snapshot))
        return false;
    if (core->bridge && snapshot->removed)
        bridge_presence(core->bridge, snapshot->table_id, NULL);
    return true;
}

/* What is out of memory now is announced again later, all of it. */
static void announce(struct core *core, struct studio_event *const *events, size_t event_count,
                     struct studio_snapshot *const *snapshots, size_t count)
{
    bool taken = true;

    /* The bridge first: it may be told twice, watchers may not. */
    if (core->bridge && event_count + count > 0)
        taken = bridge_committed(core->bridge, events, event_count, snapshots, count);
    for (size_t i = 0; i < count; i++) {
        struct table *table = tables_find(core->tables, snapshots[i]->table_id);
        if (taken && show(core, snapshots[i]))
            table_announced(table);
        else
            core->announce_due = true;
    }
}

void core_announce_table(struct core *core, struct table *table)
{
    struct studio_snapshot *snapshot = table_snapshot(table);

    if (table_changed(table))
        announce(core, NULL, 0, &snapshot, 1);
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

bool core_announce(struct core *core)
{
    core->announce_due = true;
    core_announce_due(core);
    return !core->announce_due;
}

/* Lists the snapshots that are visible now and not announced yet: the last one of each table. */
static size_t newest(struct batch *batch)
{
    size_t n = 0;

    for (size_t i = 0; i < batch->count; i++) {
        const struct item *item = batch->items[i];
        if (item->snapshot && item->snapshot == table_snapshot(item->table) &&
            table_changed(item->table))
            batch->snapshots[n++] = item->snapshot;
    }
    return n;
}

static void settle(struct core *core, struct batch *batch, enum studio_err err)
{
    size_t count = batch->count;

    /* Items staged while these are settled go into the other batch: this one does not grow. */
    for (size_t i = 0; i < count; i++)
        settle_item(core, batch->items[i], err);
    if (err == STUDIO_OK)
        announce(core, batch->events, batch->event_count, batch->snapshots, newest(batch));
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
