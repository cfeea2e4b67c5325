#include "core/core.h"

#include <stdlib.h>
#include <string.h>

#include "base/faulty.h"
#include "base/log.h"
#include "core/core_private.h"
#include "core/requests.h"

struct core *core_create(const struct core_options *options)
{
    struct core *core = calloc(1, sizeof(*core));

    if (!core)
        return NULL;
    core->o = *options;
    core->open = &core->batches[0];
    core->flying = &core->batches[1];
    core->stats.last_seq = options->last_seq;
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

void core_destroy(struct core *core)
{
    if (!core)
        return;
    batch_finish(&core->batches[0]);
    batch_finish(&core->batches[1]);
    buf_finish(&core->text);
    buf_finish(&core->changes);
    presence_destroy(core->presence);
    hub_destroy(core->hub);
    tables_destroy(core->tables);
    free(core);
}

enum studio_err core_restore(struct core *core, const char *id, uint64_t rev, const char *document,
                             size_t len)
{
    struct table_state state = {.lists = core->o.lists};
    struct table *table = tables_add(core->tables, id);
    struct studio_snapshot *snapshot;
    enum studio_err err = table ? STUDIO_OK : STUDIO_ERR_NO_MEMORY;

    if (err == STUDIO_OK && document)
        err = document_parse(core->o.lists, document, len, NULL, &state);
    if (err != STUDIO_OK)
        return err;
    state.rev = rev;
    snapshot = document_snapshot(&core->text, id, &state, !document);
    state_finish(&state);
    if (!snapshot)
        return STUDIO_ERR_NO_MEMORY;
    tables_restore(core->tables, table, snapshot);
    studio_snapshot_unref(snapshot);
    return STUDIO_OK;
}

struct tables *core_tables(struct core *core)
{
    return core->tables;
}

struct hub *core_hub(struct core *core)
{
    return core->hub;
}

struct presence *core_presence(struct core *core)
{
    return core->presence;
}

struct core_stats core_get_stats(const struct core *core)
{
    return core->stats;
}

void core_set_committer(struct core *core, struct committer *committer)
{
    core->committer = committer;
}

void core_set_bridge(struct core *core, struct bridge *bridge)
{
    core->bridge = bridge;
}

/* Puts an item without a row into the batch. False: out of memory, and the item is gone. */
static bool wait_in_turn(struct core *core, struct item *item)
{
    if (item && buf_ok(&item->answer) && buf_ok(&item->text) && batch_add(core->open, item))
        return true;
    item_destroy(item);
    return false;
}

void core_answer(struct core *core, struct actor *actor, const struct buf *answer)
{
    if (actor->outstanding > 0 && !core->settling) {
        struct item *item = item_create(ITEM_ANSWER, actor);
        if (item)
            buf_add(&item->answer, answer->data, answer->len);
        if (wait_in_turn(core, item))
            return;
        /* Without memory for the queue the answer goes out early rather than never. */
    }
    if (!actor->gone)
        actor->ops->answer(actor, answer->data, answer->len);
}

void core_answer_error(struct core *core, struct actor *actor, const struct studio_error *error,
                       const char *request_id)
{
    /* The contract has no word for want of memory; to a client it is the same as a full disk. */
    enum studio_err code = error->code == STUDIO_ERR_NO_MEMORY ? STUDIO_ERR_STORAGE : error->code;
    struct buf answer;

    core->stats.refused++;
    buf_init(&answer, SIZE_MAX);
    answer_error(&answer, code == error->code ? error->text : studio_err_text(code), request_id);
    if (buf_ok(&answer)) {
        core_answer(core, actor, &answer);
    } else {
        static char text[] = "{\"error\":\"Storage unavailable\"}";
        core_answer(core, actor, &(struct buf){.data = text, .len = sizeof(text) - 1});
    }
    buf_finish(&answer);
}

void core_join(struct core *core, struct actor *actor)
{
    struct table *table = tables_find(core->tables, actor->table_id);

    if (actor->role == ROLE_DEVICE && !(table && table_exists_staged(table))) {
        enum studio_err err = STUDIO_ERR_LIMIT;
        if (tables_count_staged(core->tables) < core->o.max_tables)
            err = stage_create(core, actor, actor->table_id, &table);
        if (err != STUDIO_OK) {
            actor->ops->refuse(actor, err);
            return;
        }
    }
    /* A document that is not committed yet must not be shown: wait behind it in the batch. So does
     * who makes a table anew whose removal is still on its way and which is visible until then. */
    if (table && table_exists_staged(table) && (!table_exists(table) || actor->outstanding > 0)) {
        if (!wait_in_turn(core, item_create(ITEM_WELCOME, actor)))
            actor->ops->refuse(actor, STUDIO_ERR_NO_MEMORY);
        return;
    }
    call_welcome(core, actor);
}

/* What reads is carried out at once, or in turn when an earlier message of the sender waits. */
static void read_in_turn(struct core *core, struct actor *actor, struct message *message)
{
    if (actor->outstanding == 0) {
        call_message(core, actor, message);
        return;
    }
    struct item *item = item_create(ITEM_CALL, actor);
    if (wait_in_turn(core, item)) {
        item->message = *message;
        memset(message, 0, sizeof(*message));
    } else {
        struct studio_error error = {.code = STUDIO_ERR_NO_MEMORY};
        core_answer_error(core, actor, &error, message->request_id);
    }
}

/* One decoded message to where its kind is handled. */
static enum studio_err dispatch(struct core *core, struct actor *actor, struct message *message,
                                const struct store_request *request, struct studio_error *error)
{
    bool mqtt = actor->via == VIA_MQTT;

    switch (message->kind) {
    case MESSAGE_UPDATE:
        return stage_update(core, actor, message, request, error);
    case MESSAGE_EXCEPTION:
        return stage_exception(core, actor, message, request, error);
    case MESSAGE_REMOVE_TABLE:
        if (mqtt)
            return studio_error_set(error, STUDIO_ERR_NOT_PERMITTED, NULL);
        return stage_remove(core, actor, message, error);
    case MESSAGE_AUTH:
        return studio_error_set(
            error, mqtt ? STUDIO_ERR_INVALID_FIELD_NAME : STUDIO_ERR_ALREADY_AUTHENTICATED,
            mqtt ? "id" : NULL);
    case MESSAGE_SUBSCRIBE:
    case MESSAGE_UNSUBSCRIBE:
    case MESSAGE_GET:
        if (mqtt)
            return studio_error_set(error, STUDIO_ERR_NOT_PERMITTED, NULL);
        read_in_turn(core, actor, message);
        return STUDIO_OK;
    }
    return studio_error_set(error, STUDIO_ERR_INVALID_JSON, NULL);
}

/* Whoever runs the agent learns how to allow a value that its clients know and it does not. */
static void log_refused_value(struct core *core, const struct actor *actor,
                              const struct refused_value *refused)
{
    if (refused->field != NULL)
        log_limited(&core->refused_values, LOG_WARN, "core",
                    "%s was refused %s '%s'; limits.%s_values can allow it", actor->user_id,
                    refused->field->key, refused->value,
                    refused->field->kind == STUDIO_KIND_SERVICE ? "service" : "device");
}

void core_message(struct core *core, struct actor *actor, const char *text, size_t len)
{
    struct studio_error error = {.code = STUDIO_OK};
    struct message message;
    enum studio_err err = message_decode(core->o.lists, text, len, &message, &error);

    /* Decoded first, so that the refusal carries the request_id too. */
    if (!bucket_take(&actor->bucket, core->o.rate, core->o.burst, clock_mono(core->o.clock)))
        err = studio_error_set(&error, STUDIO_ERR_RATE_LIMIT, NULL);
    if (err == STUDIO_OK)
        err = dispatch(core, actor, &message, NULL, &error);
    if (err != STUDIO_OK)
        core_answer_error(core, actor, &error, message.request_id);
    log_refused_value(core, actor, &message.refused);
    message_finish(&message);
}

/* Is this a request that has been answered, or is about to be? Then *handled. */
static enum studio_err recall(struct core *core, struct actor *actor, const struct message *message,
                              const char *text, size_t len, struct store_request *request,
                              bool *handled, struct studio_error *error)
{
    struct buf answer;

    if (!request_make(request, actor->user_id, message->request_id, text, len))
        return studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
    if (request_pending(core, actor->table_id, request)) {
        struct item *item = item_create(ITEM_REPEAT, actor);
        if (item)
            buf_add(&item->text, text, len);
        *handled = wait_in_turn(core, item);
        return *handled ? STUDIO_OK : studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
    }
    buf_init(&answer, SIZE_MAX);
    enum studio_err err = request_recall(core, actor->table_id, request, &answer, error);
    *handled = err == STUDIO_OK && answer.len > 0;
    if (*handled)
        core_answer(core, actor, &answer);
    buf_finish(&answer);
    return err;
}

/* Under a root shared by several agents only the one that has the table speaks. */
static bool is_for_another(const struct core *core, const struct actor *actor)
{
    const struct table *table = tables_find(core->tables, actor->table_id);

    return core->o.shared_root && !core->o.create_tables && !(table && table_exists_staged(table));
}

void core_retained_command(struct core *core, struct actor *actor, const char *field,
                           const char *text, size_t len)
{
    struct studio_error error;
    struct message message = {.request_id = NULL};

    if (is_for_another(core, actor)) {
        actor->ops->answer(actor, NULL, 0);
        return;
    }
    if (!field && message_decode(core->o.lists, text, len, &message, &error) != STUDIO_OK)
        log_debug("core", "a retained command that is none: %s", error.text);
    studio_error_set(&error, STUDIO_ERR_RETAINED_COMMAND, NULL);
    core_answer_error(core, actor, &error, message.request_id);
    message_finish(&message);
}

/* `again`: it was counted when it came and has only waited since. */
static void command(struct core *core, struct actor *actor, const char *field, const char *text,
                    size_t len, bool again)
{
    struct studio_error error = {.code = STUDIO_OK};
    struct store_request request;
    struct message message;
    bool handled = false;
    enum studio_err err;

    if (is_for_another(core, actor)) {
        actor->ops->answer(actor, NULL, 0);
        return;
    }
    err = field ? message_decode_field(core->o.lists, field, text, len, &message, &error)
                : message_decode(core->o.lists, text, len, &message, &error);
    if (!again &&
        !bucket_take(&actor->bucket, core->o.rate, core->o.burst, clock_mono(core->o.clock)))
        err = studio_error_set(&error, STUDIO_ERR_RATE_LIMIT, NULL);
    if (err == STUDIO_OK && message.request_id)
        err = recall(core, actor, &message, text, len, &request, &handled, &error);
    if (err == STUDIO_OK && !handled)
        err = dispatch(core, actor, &message, message.request_id ? &request : NULL, &error);
    if (err != STUDIO_OK)
        core_answer_error(core, actor, &error, message.request_id);
    log_refused_value(core, actor, &message.refused);
    message_finish(&message);
}

void core_command(struct core *core, struct actor *actor, const char *field, const char *text,
                  size_t len)
{
    command(core, actor, field, text, len, false);
}

void core_command_again(struct core *core, struct actor *actor, const char *text, size_t len)
{
    command(core, actor, NULL, text, len, true);
}

/* Only in the program that is wrong on purpose. */
static void answer_too_early(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        struct item *item = batch->items[i];
        if (item->kind == ITEM_UPDATE && !item->actor->gone) {
            item->actor->ops->answer(item->actor, item->answer.data, item->answer.len);
            buf_clear(&item->answer);
        }
    }
}

/* Likewise: the bridge hears of events that are on no disk yet, under the numbers they will have. */
static void publish_too_early(struct core *core, struct batch *batch)
{
    for (size_t i = 0; i < batch->event_count; i++)
        batch->events[i]->seq = core->stats.last_seq + 1 + i;
    if (core->bridge && !bridge_committed(core->bridge, batch->events, batch->event_count, NULL, 0))
        core->announce_due = true;
}

void core_end_turn(struct core *core)
{
    if (core->open->count == 0 || !committer_idle(core->committer))
        return;
    struct batch *batch = core->open;
    core->open = core->flying;
    core->flying = batch;
    if (faulty("early-ack"))
        answer_too_early(batch);
    if (faulty("early-publish"))
        publish_too_early(core, batch);
    if (batch->row_count > 0)
        committer_submit(core->committer, batch->rows, batch->row_count);
}

bool core_quiet(const struct core *core)
{
    return core->open->count == 0 && core->flying->count == 0;
}

bool core_congested(const struct core *core)
{
    return core->open->count >= BATCH_ITEMS_MAX || core->open->bytes >= BATCH_BYTES_MAX;
}
