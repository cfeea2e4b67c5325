#include <stdlib.h>
#include <string.h>

#include "base/names.h"
#include "core/core_private.h"

/*
 * Staging: from a decoded message to an item of the open batch. All checks that need the table, the
 * role or the other staged updates are here; numbers that only the store hands out are not.
 */

/* The table a message is for, by name, role and transport (sections 2, 4 and 6). */
static enum studio_err find_table(struct core *core, const struct actor *actor, const char *named,
                                  struct table **out, struct studio_error *error)
{
    const char *id = named ? named : actor->table_id;
    bool own = strcmp(id, actor->table_id) == 0;

    if (actor->via == VIA_MQTT ? !own
                               : actor->role == ROLE_VIEWER || (actor->role == ROLE_DEVICE && !own))
        return studio_error_set(error, STUDIO_ERR_NOT_PERMITTED, NULL);
    *out = tables_find(core->tables, id);
    if (*out && table_exists_staged(*out))
        return STUDIO_OK;
    if (actor->via != VIA_MQTT || !core->o.create_tables || !name_is_table(id, strlen(id)) ||
        tables_count_staged(core->tables) >= core->o.max_tables)
        return studio_error_set(error, STUDIO_ERR_UNKNOWN_TABLE, "%s", id);
    enum studio_err err = stage_create(core, (struct actor *)actor, id, out);
    return err == STUDIO_OK ? err : studio_error_set(error, err, NULL);
}

/* The backlog's bound (promise 4): nothing is accepted that could not be kept until it is sent. */
static enum studio_err check_backlog(const struct core *core)
{
    if (!core->o.mirror)
        return STUDIO_OK;
    uint64_t last = core->stats.last_seq + core->open->row_count + core->flying->row_count;
    uint64_t acked = committer_get_acked(core->committer);
    return last - acked < core->o.max_backlog ? STUDIO_OK : STUDIO_ERR_STORAGE;
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

static struct item *begin(struct core *core, enum item_kind kind, struct actor *actor,
                          struct table *table)
{
    struct item *item = item_create(kind, actor);

    if (item) {
        item->table = table;
        item->wall_ms = clock_wall(core->o.clock);
    }
    return item;
}

/* Prints the event of an item from core->text and adds the item. */
static enum studio_err finish(struct core *core, struct item *item, enum event_kind kind,
                              uint64_t rev)
{
    const struct buf *body = &core->text;

    if (buf_ok(body))
        item->event = studio_event_create(kind, table_id(item->table), rev, item->wall_ms,
                                          body->data, body->len);
    if (!item->event || !buf_ok(&item->answer) || !batch_add(core->open, item))
        return STUDIO_ERR_NO_MEMORY;
    return STUDIO_OK;
}

/* Prints event and snapshot of the table's next state, which is moved from, and adds the item. */
static enum studio_err finish_change(struct core *core, struct item *item,
                                     struct table_state *state, const struct buf *changes)
{
    struct event_origin origin = origin_of(item);
    bool removed = item->kind == ITEM_REMOVE;
    uint64_t rev = state->rev;

    if (!buf_ok(changes))
        return STUDIO_ERR_NO_MEMORY;
    item->snapshot = document_snapshot(&core->text, table_id(item->table), state, removed);
    if (!item->snapshot)
        return STUDIO_ERR_NO_MEMORY;
    buf_clear(&core->text);
    event_change_body(&core->text, &origin, rev, changes->data, removed);
    enum studio_err err = finish(core, item, EVENT_CHANGE, rev);
    if (err == STUDIO_OK)
        tables_stage(core->tables, item->table, item->snapshot);
    return err;
}

static enum studio_err create(struct core *core, struct actor *actor, struct table *table)
{
    struct item *item = begin(core, ITEM_CREATE, actor, table);
    enum studio_err err = check_backlog(core);
    struct table_state state;

    if (!item)
        err = STUDIO_ERR_NO_MEMORY;
    if (err == STUDIO_OK) {
        state_init(&state, core->o.lists, item->wall_ms / 1000);
        if (table_known(table)) /* it returns after its removal: its number goes on */
            state.rev = table_newest(table)->rev + 1;
        buf_clear(&core->changes);
        state_first_changes(&state, &core->changes);
        err = finish_change(core, item, &state, &core->changes);
    }
    if (err != STUDIO_OK)
        item_destroy(item);
    return err;
}

enum studio_err stage_create(struct core *core, struct actor *actor, const char *id,
                             struct table **out)
{
    struct table *table = tables_add(core->tables, id);
    enum studio_err err = table ? create(core, actor, table) : STUDIO_ERR_NO_MEMORY;

    if (err != STUDIO_OK && table) {
        tables_forget(core->tables, table);
        table = NULL;
    }
    *out = table;
    return err;
}

/* Lists the custom fields an update removes and sets, for the store's memory of retained topics. */
static bool list_names(struct item *item)
{
    const struct update *update = &item->message.update;
    size_t n = 0;

    for (size_t i = 0; i < update->count; i++)
        n += !update->sets[i].field;
    if (n == 0)
        return true;
    item->names = calloc(n, sizeof(*item->names));
    if (!item->names)
        return false;
    n = 0;
    for (size_t i = 0; i < update->count; i++)
        if (!update->sets[i].field && !update->sets[i].json)
            item->names[n++] = update->sets[i].name;
    item->cleared_count = n;
    for (size_t i = 0; i < update->count; i++)
        if (!update->sets[i].field && update->sets[i].json)
            item->names[n++] = update->sets[i].name;
    item->set_count = n - item->cleared_count;
    return true;
}

/* The answer of an accepted message, and the request that brings the same answer again. */
static void prepare_answer(struct item *item, const char *status,
                           const struct store_request *request)
{
    answer_done(&item->answer, status, table_id(item->table), item->message.request_id);
    if (request && buf_ok(&item->answer)) {
        item->request = *request;
        item->request.table_id = table_id(item->table);
        item->request.wall_ms = item->wall_ms;
        item->request.client = item->actor->user_id;
        item->request.request_id = item->message.request_id;
        item->request.answer = item->answer.data;
        item->request.answer_len = item->answer.len;
        item->has_request = true;
    }
}

/* After a failure the caller has its message back. */
static enum studio_err give_back(struct item *item, struct message *message, enum studio_err err,
                                 struct studio_error *error)
{
    if (err == STUDIO_OK)
        return err;
    if (item) {
        *message = item->message;
        memset(&item->message, 0, sizeof(item->message));
        item_destroy(item);
    }
    return studio_error_set(error, err, NULL);
}

/* `{}` is answered, but is no update. Only a request must be durable to be remembered. */
static enum studio_err stage_nothing(struct core *core, struct actor *actor, struct table *table,
                                     struct message *message, const struct store_request *request,
                                     struct studio_error *error)
{
    struct item *item = begin(core, request ? ITEM_NOTE : ITEM_ANSWER, actor, table);
    enum studio_err err = STUDIO_OK;

    if (!item)
        return studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
    item->message = *message;
    memset(message, 0, sizeof(*message));
    prepare_answer(item, "updated", request);
    if (!buf_ok(&item->answer))
        return give_back(item, message, STUDIO_ERR_NO_MEMORY, error);
    if (!request && actor->outstanding == 0) {
        core_answer(core, actor, &item->answer);
        item_destroy(item);
    } else if (!batch_add(core->open, item)) {
        err = STUDIO_ERR_NO_MEMORY;
    }
    return err == STUDIO_OK ? err : give_back(item, message, err, error);
}

/* The table's newest state with the item's update in it. */
static enum studio_err apply(struct core *core, struct item *item,
                             const struct store_request *request)
{
    struct table_state state;
    enum studio_err err = state_copy(&state, table_newest(item->table));

    if (err != STUDIO_OK)
        return err;
    buf_clear(&core->changes);
    err = state_apply(&state, &item->message.update, item->wall_ms / 1000, &core->changes);
    if (err == STUDIO_OK && !list_names(item))
        err = STUDIO_ERR_NO_MEMORY;
    if (err == STUDIO_OK) {
        prepare_answer(item, "updated", request);
        err = finish_change(core, item, &state, &core->changes);
    }
    state_finish(&state);
    return err;
}

enum studio_err stage_update(struct core *core, struct actor *actor, struct message *message,
                             const struct store_request *request, struct studio_error *error)
{
    struct table *table = NULL;
    struct item *item;
    enum studio_err err = find_table(core, actor, message->table_id, &table, error);

    if (err != STUDIO_OK)
        return err;
    if (message->update.count == 0)
        return stage_nothing(core, actor, table, message, request, error);
    err = check_backlog(core);
    item = begin(core, ITEM_UPDATE, actor, table);
    if (!item)
        return studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
    item->message = *message;
    memset(message, 0, sizeof(*message));
    if (err == STUDIO_OK)
        err = apply(core, item, request);
    return give_back(item, message, err, error);
}

enum studio_err stage_exception(struct core *core, struct actor *actor, struct message *message,
                                const struct store_request *request, struct studio_error *error)
{
    struct table *table = NULL;
    struct item *item;
    struct event_origin origin;
    enum studio_err err = find_table(core, actor, message->table_id, &table, error);

    if (err != STUDIO_OK)
        return err;
    err = check_backlog(core);
    item = begin(core, ITEM_EXCEPTION, actor, table);
    if (!item)
        return studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
    item->message = *message;
    memset(message, 0, sizeof(*message));
    if (err == STUDIO_OK) {
        origin = origin_of(item);
        buf_clear(&core->text);
        event_exception_body(&core->text, &origin, item->message.data);
        prepare_answer(item, "received", request);
        err = finish(core, item, EVENT_EXCEPTION, table_newest(table)->rev);
    }
    return give_back(item, message, err, error);
}

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

static enum studio_err take_away(struct core *core, struct item *item)
{
    static const struct buf nothing = {.data = (char *)(uintptr_t) "{}", .len = 2};
    struct table_state state;
    enum studio_err err = state_copy(&state, table_newest(item->table));

    if (err != STUDIO_OK)
        return err;
    /* The names are those of the copy, which goes into the item's snapshot. */
    if (!list_all_names(item, &state))
        err = STUDIO_ERR_NO_MEMORY;
    if (err == STUDIO_OK) {
        state.rev++;
        answer_done(&item->answer, "removed", table_id(item->table), item->message.request_id);
        err = finish_change(core, item, &state, &nothing);
    }
    state_finish(&state);
    return err;
}

enum studio_err stage_remove(struct core *core, struct actor *actor, struct message *message,
                             struct studio_error *error)
{
    struct table *table = tables_find(core->tables, message->table_id);
    struct item *item;
    enum studio_err err;

    if (actor->role != ROLE_OPERATOR)
        return studio_error_set(error, STUDIO_ERR_NOT_PERMITTED, NULL);
    if (!table || !table_exists_staged(table))
        return studio_error_set(error, STUDIO_ERR_UNKNOWN_TABLE, "%s", message->table_id);
    if (presence_count(core->presence, message->table_id) > 0)
        return studio_error_set(error, STUDIO_ERR_DEVICES_CONNECTED, NULL);
    err = check_backlog(core);
    item = begin(core, ITEM_REMOVE, actor, table);
    if (!item)
        return studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
    item->message = *message;
    memset(message, 0, sizeof(*message));
    if (err == STUDIO_OK)
        err = take_away(core, item);
    return give_back(item, message, err, error);
}
