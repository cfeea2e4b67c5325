#include "core/core.h"

#include <stdlib.h>

#include "base/figures.h"
#include "core/announce.h"
#include "core/inside.h"
#include "core/read.h"
#include "core/receive.h"
#include "core/reply.h"
#include "core/requests.h"
#include "core/rights.h"
#include "core/stage.h"
#include "core/turn.h"
#include "protocol/message.h"

struct core *core_create(const struct core_options *options)
{
    struct core *core = calloc(1, sizeof(*core));

    if (!core)
        return NULL;
    core->o = *options;
    core->open = &core->batches[0];
    core->flying = &core->batches[1];
    core->last_seq = options->last_seq;
    figure_set(&core->o.figures->seq, core->last_seq);
    figure_set(&core->o.figures->started, (uint64_t)clock_wall(core->o.clock));
    buf_init(&core->text, SIZE_MAX);
    buf_init(&core->changes, SIZE_MAX);
    core->tables = tables_create();
    core->hub = hub_create();
    core->presence = presence_create();
    if (core->tables && core->hub && core->presence)
        return core;
    core_destroy(core);
    return NULL;
}

/* Says why a table cannot be restored. */
static enum studio_err refuse_row(const char *id, enum studio_err err,
                                  const struct refused_value *refused, struct studio_error *error)
{
    if (err == STUDIO_ERR_NO_MEMORY)
        return studio_error_set(error, err, NULL);
    if (err == STUDIO_ERR_INVALID_VALUE)
        return studio_error_set(error, STUDIO_ERR_USAGE,
                                ": %s of table %s is '%s', which is no longer configured: put it "
                                "back into %s",
                                refused->field->name, id, refused->value,
                                refused_value_option(refused));
    return studio_error_set(error, STUDIO_ERR_STORE_UNUSABLE,
                            ": the document of table %s cannot be read; `studio-agent store check "
                            "--data DIR` tells more",
                            id);
}

enum studio_err core_restore(struct core *core, const char *id, uint64_t rev, const char *document,
                             size_t len, struct buf *former, struct studio_error *error)
{
    struct table_state state = {.lists = core->o.lists};
    struct refused_value refused = {0};
    struct table *table = tables_add(core->tables, id);
    struct studio_snapshot *snapshot;
    enum studio_err err = table ? STUDIO_OK : STUDIO_ERR_NO_MEMORY;

    if (err == STUDIO_OK && document)
        err = document_parse(core->o.lists, document, len, former, &state, &refused);
    if (err != STUDIO_OK)
        return refuse_row(id, err, &refused, error);
    state.rev = rev;
    snapshot = document_snapshot(&core->text, id, &state, !document);
    state_finish(&state);
    if (!snapshot)
        return studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
    tables_restore(core->tables, table, snapshot);
    studio_snapshot_unref(snapshot);
    return STUDIO_OK;
}

void core_destroy(struct core *core)
{
    if (!core)
        return;
    line_clear(&core->line);
    batch_finish(&core->batches[0]);
    batch_finish(&core->batches[1]);
    buf_finish(&core->text);
    buf_finish(&core->changes);
    presence_destroy(core->presence);
    hub_destroy(core->hub);
    tables_destroy(core->tables);
    free(core);
}

struct hub *core_hub(struct core *core)
{
    return core->hub;
}

struct tables *core_tables(struct core *core)
{
    return core->tables;
}

uint64_t core_last_seq(const struct core *core)
{
    return core->last_seq;
}

void core_set_committer(struct core *core, struct committer *committer)
{
    core->committer = committer;
}

void core_set_bridge(struct core *core, struct bridge *bridge)
{
    core->bridge = bridge;
}

void core_set_listener(struct core *core, studio_events_fn *listener, void *ctx)
{
    core->listener = listener;
    core->listener_ctx = ctx;
}

static void show_figures(struct core *core)
{
    figure_set(&core->o.figures->tables, tables_count(core->tables));
    figure_set(&core->o.figures->subscribers, hub_subscribers(core->hub));
}

bool core_announce(struct core *core)
{
    show_figures(core);
    return announce_all(core);
}

void core_announce_due(struct core *core)
{
    announce_due(core);
}

/* --- coming and going ------------------------------------------------------------------------ */

bool core_attend(struct core *core, struct actor *actor)
{
    bool changed; /* its presence is told with its welcome */

    if (!actor->joined)
        actor->joined =
            presence_join(core->presence, actor->user_id, actor->table_id, rights_to_be_seen(actor),
                          clock_wall(core->o.clock), &changed);
    return actor->joined;
}

/* The actor counts, and the table it needs is there or staged. */
static enum studio_err enter(struct core *core, struct actor *actor)
{
    struct table *table = tables_find(core->tables, actor->table_id);

    if (!core_attend(core, actor))
        return STUDIO_ERR_LIMIT;
    if ((table && table_exists_staged(table)) || !rights_to_create(actor))
        return STUDIO_OK;
    return stage_create(core, actor, actor->table_id, &table);
}

/* A document that is not committed yet must not be shown: wait behind it in the batch. So does
 * who makes a table anew whose removal is still on its way and which is visible until then. */
static bool must_wait(const struct core *core, const struct actor *actor)
{
    const struct table *table = tables_find(core->tables, actor->table_id);

    return table && table_exists_staged(table) && (!table_exists(table) || actor->outstanding > 0);
}

void core_join(struct core *core, struct actor *actor)
{
    struct item *item = item_create(ITEM_WELCOME, actor);
    enum studio_err err;

    if (!item) {
        reply_no_memory(core, actor);
        return;
    }
    err = enter(core, actor);
    if (err == STUDIO_OK && must_wait(core, actor)) {
        if (batch_add(core->open, item))
            return;
        err = STUDIO_ERR_NO_MEMORY;
    }
    if (err == STUDIO_OK) {
        read_welcome(core, item);
    } else {
        struct studio_error error;
        studio_error_set(&error, err, NULL);
        reply_set_error(core, item, &error);
        reply_give(core, item);
    }
    item_destroy(item);
}

void core_leave(struct core *core, struct actor *actor)
{
    if (actor->watcher)
        hub_leave(core->hub, actor->watcher);
    if (!actor->joined)
        return;
    actor->joined = false;
    if (presence_leave(core->presence, actor->user_id, rights_to_be_seen(actor)))
        announce_presence(core, actor->table_id);
}

size_t core_connections(const struct core *core, const char *user_id)
{
    return presence_connections(core->presence, user_id);
}

bool core_subscribe(struct core *core, struct actor *actor, const char *tables)
{
    return read_subscribe(core, actor, tables);
}

/* --- messages and turns ---------------------------------------------------------------------- */

void core_message(struct core *core, struct actor *actor, const char *text, size_t len)
{
    receive_message(core, actor, text, len);
}

void core_command(struct core *core, struct actor *actor, const char *field, const char *text,
                  size_t len)
{
    receive_command(core, actor, field, text, len);
}

void core_retained_command(struct core *core, struct actor *actor, const char *field,
                           const char *text, size_t len)
{
    receive_retained(core, actor, field, text, len);
}

void core_http_command(struct core *core, struct actor *actor, const struct http_command *command)
{
    receive_http_command(core, actor, command, core_commands_wait(core));
}

bool core_replay(struct core *core, struct actor *actor, const char *text, size_t len,
                 bool retained, struct studio_replay *out)
{
    return receive_replay(core, actor, text, len, retained, out);
}

void core_end_turn(struct core *core)
{
    turn_end(core);
    show_figures(core);
    core->turn_us = 0;
}

bool core_settle(struct core *core)
{
    bool settled = turn_settle(core);

    lookup_take(core->o.lookup);
    receive_in_line(core);
    line_look_up(core);
    return settled;
}

bool core_commands_wait(const struct core *core)
{
    return core->line.count >= LINE_MAX || turn_congested(core);
}

bool core_quiet(const struct core *core)
{
    return turn_quiet(core);
}

bool core_backlog_full(const struct core *core)
{
    return stage_backlog_full(core);
}

bool core_congested(const struct core *core)
{
    return turn_congested(core);
}
