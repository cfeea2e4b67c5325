#include "core/receive.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "core/http_command.h"
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

/* The item of a message that has just come; NULL: it has had its answer. */
static struct item *take_in(struct core *core, struct actor *actor)
{
    struct item *item = item_create(ITEM_ANSWER, actor);

    if (item)
        item->received_us = core_turn_us(core);
    else
        reply_no_memory(core, actor);
    return item;
}

void receive_message(struct core *core, struct actor *actor, const char *text, size_t len)
{
    struct item *item = take_in(core, actor);
    struct studio_error error;
    enum studio_err err;

    if (!item)
        return;
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
    if (is_for_another(core, actor)) {
        actor->ops->answer(actor, STUDIO_OK, NULL, 0);
        return NULL;
    }
    return take_in(core, actor);
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
    if (err == STUDIO_OK && message->request_id && !request_make(item, "", text, len))
        err = studio_error_set(&error, STUDIO_ERR_NO_MEMORY, NULL);
    if (err != STUDIO_OK) {
        reply_refuse(core, item, &error);
        return;
    }
    line_add(core, item);
    receive_in_line(core);
}

/* --- over HTTP -------------------------------------------------------------------------------- */

/* What each kind of command is decoded by and called: in an error, and in what is remembered of it, so that
 * the same bytes sent elsewhere are another request. */
static const struct http_row {
    enum studio_err (*decode)(const struct studio_values *lists, const char *text, size_t len,
                              struct message *out, struct studio_error *error);
    const char *name, *request;
} http_rows[] = {
    [MESSAGE_UPDATE] = {message_decode, "status", "http status\n"},
    [MESSAGE_EXCEPTION] = {message_decode_exception, "exception", "http exception\n"},
    [MESSAGE_REMOVE_TABLE] = {NULL, "remove_table", "http remove\n"},
};

/* The key, in quotes or not, is the message's request_id, as printed JSON. */
static enum studio_err take_key(struct message *message, const char *key,
                                struct studio_error *error)
{
    size_t len = key ? strlen(key) : 0;
    struct buf text;
    char *printed;

    if (!key)
        return STUDIO_OK;
    if (len >= 2 && key[0] == '"' && key[len - 1] == '"') {
        key++;
        len -= 2;
    }
    if (len == 0 || len > STUDIO_REQUEST_ID_MAX || text_has_control(key, len) ||
        !text_utf8_valid(key, len))
        return studio_error_set(error, STUDIO_ERR_INVALID_VALUE,
                                "Idempotency-Key: expected a string of up to %d bytes",
                                STUDIO_REQUEST_ID_MAX);
    buf_init(&text, SIZE_MAX);
    json_string(&text, key, len);
    printed = buf_take(&text);
    if (!printed)
        return studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
    if (message->request_id && strcmp(message->request_id, printed) != 0) {
        free(printed);
        return studio_error_set(error, STUDIO_ERR_INVALID_VALUE,
                                "request_id: expected that of the Idempotency-Key");
    }
    free(message->request_id);
    message->request_id = printed;
    return STUDIO_OK;
}

/* The table of the address is the message's, which may name no other. */
static enum studio_err take_table(struct message *message, const char *table_id,
                                  struct studio_error *error)
{
    if (message->table_id && strcmp(message->table_id, table_id) != 0)
        return studio_error_set(error, STUDIO_ERR_INVALID_VALUE,
                                "table_id: expected %s, as in the address", table_id);
    if (!message->table_id)
        message->table_id = strdup(table_id);
    return message->table_id ? STUDIO_OK : studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
}

static enum studio_err decode_http(const struct core *core, const struct http_command *command,
                                   struct message *message, struct studio_error *error)
{
    const struct http_row *row = &http_rows[command->kind];
    enum studio_err err = STUDIO_OK;

    if (row->decode)
        err = row->decode(core->o.lists, command->text, command->len, message, error);
    else
        message->kind = command->kind;
    enum studio_err key_err = take_key(message, command->key, err == STUDIO_OK ? error : NULL);
    if (err == STUDIO_OK)
        err = key_err;
    /* Nobody has the right to what carries credentials: that is what it is told. */
    if (err == STUDIO_OK && message->kind != command->kind && message->kind != MESSAGE_AUTH)
        err = studio_error_set(error, STUDIO_ERR_INVALID_DATA, "%s", row->name);
    return err == STUDIO_OK ? take_table(message, command->table_id, error) : err;
}

void receive_http_command(struct core *core, struct actor *actor,
                          const struct http_command *command, bool full)
{
    struct item *item = take_in(core, actor);
    struct message *message = item ? &item->message : NULL;
    struct studio_error error;
    enum studio_err err;

    if (!item)
        return;
    err = decode_http(core, command, message, &error);
    log_refused_value(core, item);
    if (!within_rate(core, actor, command->len))
        err = studio_error_set(&error, STUDIO_ERR_RATE_LIMIT, NULL);
    if (err == STUDIO_OK)
        err = rights_check(actor, message, &error);
    if (err == STUDIO_OK && full)
        err = studio_error_set(&error, STUDIO_ERR_LIMIT, NULL);
    if (err == STUDIO_OK && message->request_id &&
        !request_make(item, http_rows[command->kind].request, command->text, command->len))
        err = studio_error_set(&error, STUDIO_ERR_NO_MEMORY, NULL);
    if (err == STUDIO_OK && item->has_request) {
        line_add(core, item);
        receive_in_line(core);
        return;
    }
    if (err == STUDIO_OK)
        err = carry_out(core, item, &error);
    if (err != STUDIO_OK)
        reply_refuse(core, item, &error);
}

/* --- replay, retained, the line --------------------------------------------------------------- */

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
