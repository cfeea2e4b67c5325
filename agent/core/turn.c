#include "core/turn.h"

#include <string.h>

#include "base/faulty.h"
#include "base/figures.h"
#include "bridge/bridge.h"
#include "core/announce.h"
#include "core/committer.h"
#include "core/inside.h"
#include "core/read.h"
#include "core/reply.h"
#include "core/requests.h"

enum {
    /* Beyond these senders are not read. */
    BATCH_ITEMS_MAX = 4096,
    BATCH_BYTES_MAX = 8 * 1024 * 1024
};

/* --- mistakes, made only in the program that is wrong on purpose ------------------------------ */

static void answer_too_early(struct core *core, struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        if (batch->items[i]->kind == ITEM_UPDATE) {
            reply_give(core, batch->items[i]);
            buf_clear(&batch->items[i]->answer);
        }
}

/* The bridge hears of events that are on no disk yet, under the numbers they will have. */
static void publish_too_early(struct core *core, struct batch *batch)
{
    for (size_t i = 0; i < batch->event_count; i++)
        batch->events[i]->seq = core->last_seq + 1 + i;
    if (core->bridge && !bridge_committed(core->bridge, batch->events, batch->event_count, NULL, 0))
        core->announce_due = true;
}

static const struct {
    const char *name;
    void (*make)(struct core *core, struct batch *batch);
} mistakes[] = {{"early-ack", answer_too_early}, {"early-publish", publish_too_early}};

/* --- settling -------------------------------------------------------------------------------- */

static void accept(struct core *core, struct item *item)
{
    if (item->event) {
        item->event->committed_us = core->turn_us;
        core->last_seq = item->event->seq;
        figure_set(&core->o.figures->seq, core->last_seq);
    }
    if (item->kind == ITEM_UPDATE)
        figure_add(&core->o.figures->updates[item->actor->via], 1);
    if (item->snapshot)
        tables_commit(core->tables, item->table, item->snapshot);
    reply_give(core, item);
    if (item->kind == ITEM_EXCEPTION)
        announce_exception(core, item);
}

static void refuse(struct core *core, struct item *item)
{
    struct studio_error error;

    if (item->kind == ITEM_CREATE)
        return; /* the message or the welcome behind it says so */
    studio_error_set(&error, STUDIO_ERR_STORAGE, NULL);
    reply_set_error(core, item, &error);
    reply_give(core, item);
}

static void settle_item(struct core *core, struct batch *batch, size_t i, enum studio_err err)
{
    struct item *item = batch->items[i];

    item->actor->outstanding--;
    if (item_is_stored(item) && err == STUDIO_OK)
        accept(core, item);
    else if (item_is_stored(item))
        refuse(core, item);
    else if (item->kind == ITEM_ANSWER)
        reply_give(core, item);
    else if (item->kind == ITEM_REPEAT)
        line_return(core, batch_take(batch, i));
    else if (item->actor->gone)
        return; /* nobody reads it */
    else if (item->kind == ITEM_READ)
        read_message(core, item);
    else
        read_welcome(core, item);
}

static void settle(struct core *core, struct batch *batch, enum studio_err err)
{
    core->turn_us = clock_mono_us(core->o.clock);
    /* Items staged while these are settled go into the other batch: this one does not grow. */
    for (size_t i = 0; i < batch->count; i++)
        settle_item(core, batch, i, err);
    if (err == STUDIO_OK)
        announce_batch(core, batch);
    batch_clear(batch);
}

static void drop_staged(struct core *core, const struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        if (batch->items[i]->snapshot)
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

/* However often a table changed in the batch, its row is written once. Nothing is staged behind it yet. */
static void leave_out_older_rows(struct batch *batch)
{
    size_t row = 0;

    for (size_t i = 0; i < batch->count; i++) {
        const struct item *item = batch->items[i];
        if (!item_is_stored(item))
            continue;
        if (item->snapshot && !table_is_newest(item->table, item->snapshot))
            batch->rows[row].snapshot = NULL;
        row++;
    }
}

/* --- the turn of the loop -------------------------------------------------------------------- */

void turn_end(struct core *core)
{
    if (core->open->count == 0 || !committer_idle(core->committer))
        return;
    struct batch *batch = core->open;
    core->open = core->flying;
    core->flying = batch;
    for (size_t i = 0; i < sizeof(mistakes) / sizeof(*mistakes); i++)
        if (faulty(mistakes[i].name))
            mistakes[i].make(core, batch);
    leave_out_older_rows(batch);
    if (batch->row_count > 0)
        committer_submit(core->committer, batch->rows, batch->row_count);
}

bool turn_settle(struct core *core)
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
    turn_end(core);
    if (core->flying->count > 0 && core->flying->row_count == 0)
        (void)turn_settle(core); /* only answers were waiting */
    return true;
}

bool turn_quiet(const struct core *core)
{
    return core->open->count == 0 && core->flying->count == 0 && core->line.count == 0;
}

bool turn_congested(const struct core *core)
{
    return core->open->count >= BATCH_ITEMS_MAX || core->open->bytes >= BATCH_BYTES_MAX;
}
