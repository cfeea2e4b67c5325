#include "core/receive.h"

#include "base/log.h"
#include "core/inside.h"
#include "core/read.h"
#include "core/reply.h"
#include "core/requests.h"
#include "core/rights.h"
#include "core/stage.h"
#include "protocol/decode.h"
#include "protocol/decode_replay.h"
#include "protocol/decode_update.h"

/* What reads is carried out at once, or in turn when an earlier message of the sender waits. */
static enum studio_err read_in_turn(struct core *core, struct item *item,
                                    struct studio_error *error)
{
    item->kind = ITEM_READ;
    if (item->actor->outstanding == 0) {
        read_message(core, item);
        item_destroy(item);
    } else if (!batch_add(core->open, item)) {
        return studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
    }
    return STUDIO_OK;
}

/* To where its kind is carried out. On success the item is taken over. */
static enum studio_err carry_out(struct core *core, struct item *item, struct studio_error *error)
{
    enum studio_err err = rights_check(item->actor, &item->message, error);

    if (err != STUDIO_OK)
        return err;
    switch (item->message.kind) {
    case MESSAGE_UPDATE:
        return stage_update(core, item, error);
    case MESSAGE_EXCEPTION:
        return stage_exception(core, item, error);
    case MESSAGE_REMOVE_TABLE:
        return stage_remove(core, item, error);
    case MESSAGE_SUBSCRIBE:
    case MESSAGE_UNSUBSCRIBE:
    case MESSAGE_GET:
        return read_in_turn(core, item, error);
    case MESSAGE_AUTH: /* nobody has the right */
        break;
    }
    return studio_error_set(error, STUDIO_ERR_INVALID_JSON, NULL);
}

/* Whoever runs the agent learns how to allow a value that its clients know and it does not. */
static void log_refused_value(struct core *core, const struct item *item)
{
    const struct refused_value *refused = &item->message.refused;

    if (refused->field != NULL)
        log_limited(&core->refused_values, LOG_WARN, "core",
                    "%s was refused %s '%s'; %s can allow it", item->actor->user_id,
                    refused->field->key, refused->value, refused_value_option(refused));
}

static bool within_rate(struct core *core, struct actor *actor, size_t len)
{
    return !actor->bucket || bucket_take(actor->bucket, bucket_cost(len), core->o.rate,
                                         core->o.burst, core_turn_us(core) / 1000);
}

void receive_message(struct core *core, struct actor *actor, const char *text, size_t len)
{
    struct item *item = item_create(ITEM_ANSWER, actor);
    struct studio_error error;
    enum studio_err err;

    if (!item) {
        reply_no_memory(core, actor);
        return;
    }
    item->received_us = core_turn_us(core);
    err = message_decode(core->o.lists, text, len, &item->message, &error);
    log_refused_value(core, item);
    /* Decoded first, so that the refusal carries the request_id too. */
    if (!within_rate(core, actor, len))
        err = studio_error_set(&error, STUDIO_ERR_RATE_LIMIT, NULL);
    if (err == STUDIO_OK)
        err = carry_out(core, item, &error);
    if (err != STUDIO_OK)
        reply_refuse(core, item, &error);
}

/* Under a root shared by several agents only the one that has the table speaks. */
static bool is_for_another(const struct core *core, const struct actor *actor)
{
    const struct table *table = tables_find(core->tables, actor->table_id);

    return core->o.shared_root && !core->o.create_tables && !(table && table_exists_staged(table));
}

/* The item of a command of MQTT; NULL: it has had its answer. */
static struct item *command_item(struct core *core, struct actor *actor)
{
    struct item *item;

    if (is_for_another(core, actor)) {
        actor->ops->answer(actor, STUDIO_OK, NULL, 0);
        return NULL;
    }
    item = item_create(ITEM_ANSWER, actor);
    if (item)
        item->received_us = core_turn_us(core);
    else
        reply_no_memory(core, actor);
    return item;
}

void receive_command(struct core *core, struct actor *actor, const char *field, const char *text,
                     size_t len)
{
    struct item *item = command_item(core, actor);
    struct message *message = item ? &item->message : NULL;
    struct studio_error error;
    enum studio_err err;

    if (!item)
        return;
    err = field ? message_decode_field(core->o.lists, field, text, len, message, &error)
                : message_decode(core->o.lists, text, len, message, &error);
    log_refused_value(core, item);
    if (!within_rate(core, actor, len))
        err = studio_error_set(&error, STUDIO_ERR_RATE_LIMIT, NULL);
    if (err == STUDIO_OK && message->request_id && !request_make(item, text, len))
        err = studio_error_set(&error, STUDIO_ERR_NO_MEMORY, NULL);
    if (err != STUDIO_OK) {
        reply_refuse(core, item, &error);
        return;
    }
    line_add(core, item);
    receive_in_line(core);
}

bool receive_replay(struct core *core, struct actor *actor, const char *text, size_t len,
                    bool retained, struct studio_replay *out)
{
    struct item *item = item_create(ITEM_ANSWER, actor);
    struct studio_error error;
    enum studio_err err;

    if (!item) {
        reply_no_memory(core, actor);
        return false;
    }
    err = message_decode_replay(text, len, out, &item->message, &error);
    if (retained)
        err = studio_error_set(&error, STUDIO_ERR_RETAINED_COMMAND, NULL);
    else if (!within_rate(core, actor, len))
        err = studio_error_set(&error, STUDIO_ERR_RATE_LIMIT, NULL);
    if (err == STUDIO_OK)
        item_destroy(item);
    else
        reply_refuse(core, item, &error);
    return err == STUDIO_OK;
}

/* A command that has left the line. */
static void go_on(struct core *core, struct item *item)
{
    struct studio_error error;
    enum studio_err err = STUDIO_OK;

    if (item->state == ITEM_DUE) { /* it waits for its like, then is in line again */
        item->kind = ITEM_REPEAT;
        if (!batch_add(core->open, item))
            err = studio_error_set(&error, STUDIO_ERR_NO_MEMORY, NULL);
    } else if (item->err != STUDIO_OK) {
        err = studio_error_set(&error, item->err, NULL);
    } else if (item->answer.len > 0) {
        reply_in_turn(core, item);
    } else {
        err = carry_out(core, item, &error);
    }
    if (err != STUDIO_OK)
        reply_refuse(core, item, &error);
}

void receive_in_line(struct core *core)
{
    struct item *item;

    while ((item = line_next(core)) != NULL)
        go_on(core, item);
}

void receive_retained(struct core *core, struct actor *actor, const char *field, const char *text,
                      size_t len)
{
    struct item *item = command_item(core, actor);
    struct studio_error error;

    if (!item)
        return;
    if (!field && message_decode(core->o.lists, text, len, &item->message, &error) != STUDIO_OK)
        log_debug("core", "a retained command that is none: %s", error.text);
    studio_error_set(&error, STUDIO_ERR_RETAINED_COMMAND, NULL);
    reply_refuse(core, item, &error);
}
