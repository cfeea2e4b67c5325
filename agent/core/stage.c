#include "core/stage.h"

#include <stdlib.h>
#include <string.h>

#include "base/names.h"
#include "core/committer.h"
#include "core/inside.h"
#include "core/reply.h"
#include "core/rights.h"

/* The backlog's bound (promise 4): nothing is accepted that could not be kept until it is sent. */
bool stage_backlog_full(const struct core *core)
{
    if (!core->o.mirror)
        return false;
    uint64_t last = core->last_seq + core->open->event_count + core->flying->event_count;
    uint64_t acked = committer_get_acked(core->committer);
    return last - acked >= core->o.max_backlog;
}

static enum studio_err check_backlog(const struct core *core)
{
    bool refused = committer_in_doubt(core->committer) || !committer_owned(core->committer) ||
                   stage_backlog_full(core);
    return refused ? STUDIO_ERR_STORAGE : STUDIO_OK;
}

static struct event_origin origin_of(const struct item *item)
{
    return (struct event_origin){
        .table_id = table_id(item->table),
        .by = item->actor->user_id,
        .via = item->actor->via,
        .wall_ms = item->wall_ms,
    };
}

/* Adds the item with its event, whose body stands in core->text. */
static enum studio_err add(struct core *core, struct item *item, enum event_kind kind, uint64_t rev)
{
    const struct buf *body = &core->text;

    if (buf_ok(body))
        item->event = studio_event_create(kind, table_id(item->table), rev, item->wall_ms,
                                          body->data, body->len);
    return item->event && buf_ok(&item->answer) && batch_add(core->open, item)
               ? STUDIO_OK
               : STUDIO_ERR_NO_MEMORY;
}

/* Adds the item with event and snapshot of the table's next state, which is moved from. What has
 * changed stands in core->changes. */
static enum studio_err add_change(struct core *core, struct item *item, struct table_state *state)
{
    struct event_origin origin = origin_of(item);
    bool removed = item->kind == ITEM_REMOVE;
    uint64_t rev = state->rev;

    if (!buf_ok(&core->changes))
        return STUDIO_ERR_NO_MEMORY;
    item->snapshot = document_snapshot(&core->text, origin.table_id, state, removed);
    if (!item->snapshot)
        return STUDIO_ERR_NO_MEMORY;
    buf_clear(&core->text);
    event_change_body(&core->text, &origin, rev, core->changes.data, removed);
    enum studio_err err = add(core, item, EVENT_CHANGE, rev);
    if (err == STUDIO_OK)
        tables_stage(core->tables, item->table, item->snapshot);
    return err;
}

/* --- a new table ----------------------------------------------------------------------------- */

static enum studio_err add_creation(struct core *core, struct item *item)
{
    struct table_state state;
    enum studio_err err = check_backlog(core);

    if (err != STUDIO_OK)
        return err;
    item->wall_ms = clock_wall(core->o.clock);
    state_init(&state, core->o.lists, item->wall_ms / 1000);
    if (table_known(item->table)) /* it returns after its removal: its number goes on */
        state.rev = table_newest(item->table)->rev + 1;
    buf_clear(&core->changes);
    state_first_changes(&state, &core->changes);
    return add_change(core, item, &state);
}

/* Who may come under many names makes a bounded number of tables: as many as its line of the tokens
 * file allows of all it could have made. */
static bool within_grant(struct core *core, const struct actor *actor)
{
    const struct grant *grant = actor->grant;
    size_t len = grant ? strcspn(grant->pattern, "*_") : 0;

    if (!grant || grant->pattern[len] != '*') /* of one name there is one table */
        return true;
    if (tables_count_like(core->tables, grant->pattern, len) < grant->tables)
        return true;
    log_limited(&core->grants, LOG_WARN, "core",
                "no table %s for %s: its line in the tokens file, of %s, is for %u tables "
                "(tables=N behind its hash allows others)",
                actor->table_id, actor->user_id, grant->pattern, grant->tables);
    return false;
}

enum studio_err stage_create(struct core *core, struct actor *actor, const char *id,
                             struct table **out)
{
    struct item *item;
    enum studio_err err = STUDIO_ERR_NO_MEMORY;

    *out = NULL;
    if (tables_count_staged(core->tables) >= core->o.max_tables || !within_grant(core, actor))
        return STUDIO_ERR_LIMIT;
    item = item_create(ITEM_CREATE, actor);
    if (item && (item->table = *out = tables_add(core->tables, id)) != NULL)
        err = add_creation(core, item);
    if (err == STUDIO_OK)
        return err;
    item_destroy(item);
    if (*out)
        tables_forget(core->tables, *out);
    *out = NULL;
    return err;
}

/* --- the table of a message ------------------------------------------------------------------ */

/* On MQTT one that is not there may be made by its first command. */
static enum studio_err find_table(struct core *core, struct item *item, struct studio_error *error)
{
    const char *named = item->message.table_id;
    const char *id = named ? named : item->actor->table_id;
    enum studio_err err = STUDIO_ERR_LIMIT;

    item->table = tables_find(core->tables, id);
    if (item->table && table_exists_staged(item->table))
        return STUDIO_OK;
    if (item->actor->via == VIA_MQTT && core->o.create_tables && rights_to_create(item->actor) &&
        name_is_table(id, strlen(id)))
        err = stage_create(core, item->actor, id, &item->table);
    if (err == STUDIO_ERR_LIMIT)
        return studio_error_set(error, STUDIO_ERR_UNKNOWN_TABLE, "%s", id);
    return err == STUDIO_OK ? err : studio_error_set(error, err, NULL);
}

/* The answer of an accepted message; with it the request that brings the same answer again. */
static void prepare_answer(struct item *item, const char *status)
{
    answer_done(&item->answer, status, table_id(item->table), item->message.request_id);
    item->request.answer = item->answer.data;
    item->request.answer_len = item->answer.len;
    item->request.wall_ms = item->wall_ms;
}

/* --- updates --------------------------------------------------------------------------------- */

/* `{}` is answered, but is no update. Only a request must be durable to be remembered. */
static enum studio_err answer_nothing(struct core *core, struct item *item)
{
    prepare_answer(item, "updated");
    if (!buf_ok(&item->answer))
        return STUDIO_ERR_NO_MEMORY;
    if (!item->has_request) {
        reply_in_turn(core, item);
        return STUDIO_OK;
    }
    item->kind = ITEM_NOTE;
    return batch_add(core->open, item) ? STUDIO_OK : STUDIO_ERR_NO_MEMORY;
}

/* Lists the custom fields an update removes and sets, for the store's memory of retained topics. */
static bool list_names(struct item *item)
{
    const struct update *update = &item->message.update;
    size_t cleared = 0, set = 0;

    for (size_t i = 0; i < update->count; i++)
        if (!update->sets[i].field)
            ++*(update->sets[i].json ? &set : &cleared);
    if (cleared + set == 0)
        return true;
    item->names = calloc(cleared + set, sizeof(*item->names));
    if (!item->names)
        return false;
    item->cleared_count = cleared;
    item->set_count = set;
    set = cleared;
    cleared = 0;
    for (size_t i = 0; i < update->count; i++)
        if (!update->sets[i].field)
            item->names[update->sets[i].json ? set++ : cleared++] = update->sets[i].name;
    return true;
}

static enum studio_err add_update(struct core *core, struct item *item)
{
    struct table_state state;
    enum studio_err err = check_backlog(core);

    if (err == STUDIO_OK)
        err = state_copy(&state, table_newest(item->table));
    if (err != STUDIO_OK)
        return err;
    buf_clear(&core->changes);
    err = state_apply(&state, &item->message.update, item->wall_ms / 1000, &core->changes);
    if (err == STUDIO_OK && !list_names(item))
        err = STUDIO_ERR_NO_MEMORY;
    if (err == STUDIO_OK) {
        prepare_answer(item, "updated");
        err = add_change(core, item, &state);
    }
    state_finish(&state);
    return err;
}

enum studio_err stage_update(struct core *core, struct item *item, struct studio_error *error)
{
    enum studio_err err = find_table(core, item, error);

    if (err != STUDIO_OK)
        return err;
    item->kind = ITEM_UPDATE;
    item->wall_ms = clock_wall(core->o.clock);
    err = item->message.update.count == 0 ? answer_nothing(core, item) : add_update(core, item);
    return err == STUDIO_OK ? err : studio_error_set(error, err, NULL);
}

/* --- exceptions ------------------------------------------------------------------------------ */

enum studio_err stage_exception(struct core *core, struct item *item, struct studio_error *error)
{
    enum studio_err err = find_table(core, item, error);

    if (err != STUDIO_OK)
        return err;
    item->kind = ITEM_EXCEPTION;
    item->wall_ms = clock_wall(core->o.clock);
    err = check_backlog(core);
    if (err == STUDIO_OK) {
        const struct event_origin origin = origin_of(item);
        buf_clear(&core->text);
        event_exception_body(&core->text, &origin, item->message.data);
        prepare_answer(item, "received");
        err = add(core, item, EVENT_EXCEPTION, table_newest(item->table)->rev);
    }
    return err == STUDIO_OK ? err : studio_error_set(error, err, NULL);
}

/* --- removing a table ------------------------------------------------------------------------ */

/* All custom fields of a removed table have retained topics to clear. */
static bool list_all_names(struct item *item, const struct table_state *state)
{
    if (state->custom_count == 0)
        return true;
    item->names = calloc(state->custom_count, sizeof(*item->names));
    if (!item->names)
        return false;
    for (size_t i = 0; i < state->custom_count; i++)
        item->names[i] = state->custom[i].name;
    item->cleared_count = state->custom_count;
    return true;
}

static enum studio_err add_removal(struct core *core, struct item *item)
{
    struct table_state state;
    enum studio_err err = check_backlog(core);

    if (err == STUDIO_OK)
        err = state_copy(&state, table_newest(item->table));
    if (err != STUDIO_OK)
        return err;
    /* The names are those of the copy, which goes into the item's snapshot. */
    if (!list_all_names(item, &state))
        err = STUDIO_ERR_NO_MEMORY;
    if (err == STUDIO_OK) {
        state.rev++;
        if (state.custom_count > 0)
            state.cleared_rev = state.rev;
        buf_clear(&core->changes);
        buf_str(&core->changes, "{}");
        prepare_answer(item, "removed");
        err = add_change(core, item, &state);
    }
    state_finish(&state);
    return err;
}

enum studio_err stage_remove(struct core *core, struct item *item, struct studio_error *error)
{
    const char *id = item->message.table_id;
    enum studio_err err;

    item->table = tables_find(core->tables, id);
    if (!item->table || !table_exists_staged(item->table))
        return studio_error_set(error, STUDIO_ERR_UNKNOWN_TABLE, "%s", id);
    if (presence_count(core->presence, id) > 0)
        return studio_error_set(error, STUDIO_ERR_DEVICES_CONNECTED, NULL);
    item->kind = ITEM_REMOVE;
    item->wall_ms = clock_wall(core->o.clock);
    err = add_removal(core, item);
    return err == STUDIO_OK ? err : studio_error_set(error, err, NULL);
}
