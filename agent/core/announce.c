#include "core/announce.h"

#include "bridge/bridge.h"
#include "core/inside.h"

/* To the watchers of a table, in the queue of exceptions; without memory it counts as missed. */
static void queue(struct core *core, const char *id, const struct buf *text)
{
    struct frame *frame = buf_ok(text) ? frame_create(text->data, text->len) : NULL;

    hub_exception(core->hub, id, frame);
    frame_unref(frame);
}

void announce_exception(struct core *core, const struct item *item)
{
    const struct event_origin origin = {
        .table_id = table_id(item->table),
        .by = item->actor->user_id,
        .via = item->actor->via,
        .wall_ms = item->wall_ms,
    };

    buf_clear(&core->text);
    push_exception(&core->text, &origin, item->event->seq, item->message.data);
    queue(core, origin.table_id, &core->text);
}

/* Tells the watchers. False: out of memory. */
static bool show(struct core *core, struct studio_snapshot *snapshot)
{
    if (snapshot->removed) { /* there is no document to show any more */
        buf_clear(&core->text);
        push_removed(&core->text, snapshot->table_id);
        queue(core, snapshot->table_id, &core->text);
    }
    if (!hub_publish(core->hub, snapshot))
        return false;
    if (core->bridge && snapshot->removed)
        bridge_presence(core->bridge, snapshot->table_id, NULL);
    return true;
}

/* What there is no memory for now is announced again later, all of it. */
static void announce(struct core *core, struct studio_event *const *events, size_t event_count,
                     struct studio_snapshot *const *snapshots, size_t count)
{
    bool taken = true;

    /* The bridge first: it may be told twice, watchers may not. */
    if (core->bridge && event_count + count > 0)
        taken = bridge_committed(core->bridge, events, event_count, snapshots, count);
    for (size_t i = 0; i < count; i++) {
        if (taken && show(core, snapshots[i]))
            table_announced(tables_find(core->tables, snapshots[i]->table_id));
        else
            core->announce_due = true;
    }
}

/* Lists the snapshots that are visible now and not announced yet: the last one of each table. */
static size_t newest(struct batch *batch)
{
    size_t n = 0;

    for (size_t i = 0; i < batch->count; i++) {
        const struct item *item = batch->items[i];
        if (item && item->snapshot && item->snapshot == table_snapshot(item->table) &&
            table_changed(item->table))
            batch->snapshots[n++] = item->snapshot;
    }
    return n;
}

void announce_batch(struct core *core, struct batch *batch)
{
    announce(core, batch->events, batch->event_count, batch->snapshots, newest(batch));
    if (core->listener && batch->event_count > 0)
        core->listener(core->listener_ctx, batch->events, batch->event_count);
}

void announce_table(struct core *core, struct table *table)
{
    struct studio_snapshot *snapshot = table_snapshot(table);

    if (table_changed(table))
        announce(core, NULL, 0, &snapshot, 1);
}

void announce_presence(struct core *core, const char *id)
{
    const struct table *table = tables_find(core->tables, id);

    if (!table || !table_exists(table))
        return;
    hub_presence(core->hub, id, presence_count(core->presence, id) > 0);
    if (!core->bridge)
        return;
    buf_clear(&core->text);
    presence_print(core->presence, id, &core->text);
    if (buf_ok(&core->text))
        bridge_presence(core->bridge, id, core->text.data);
}

static void one(void *ctx, struct table *table)
{
    announce_table(ctx, table);
    announce_presence(ctx, table_id(table));
}

bool announce_all(struct core *core)
{
    tables_each(core->tables, one, core);
    return !core->announce_due;
}

void announce_due(struct core *core)
{
    if (!core->announce_due)
        return;
    core->announce_due = false;
    tables_each(core->tables, one, core);
}
