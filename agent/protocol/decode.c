#include "protocol/decode.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "protocol/decode_update.h"

/* --- envelopes -------------------------------------------------------------------------------- */

/* One kind of envelope. `decode` gets the data (NULL if absent) and answers INVALID_DATA without
 * filling the error when it is not what the event needs. */
struct event_row {
    const char *name;
    enum message_kind kind;
    enum studio_err (*decode)(struct decoder *d, const cJSON *data);
    const char *wrong_data; /* after `Invalid data for `; NULL: the name */
};

static enum studio_err decode_service_status(struct decoder *d, const cJSON *data)
{
    if (!cJSON_IsObject(data))
        return STUDIO_ERR_INVALID_DATA;
    return decode_update(d, data, UPDATE_DATA);
}

static enum studio_err decode_exception(struct decoder *d, const cJSON *data)
{
    if (!cJSON_IsString(data) && !cJSON_IsObject(data))
        return STUDIO_ERR_INVALID_DATA;
    if (tree_check_numbers(data, &d->facts) != TREE_NUMBERS_OK)
        return STUDIO_ERR_INVALID_DATA;
    size_t len;
    d->out->data = tree_text(data, &len);
    return d->out->data == NULL ? STUDIO_ERR_NO_MEMORY : STUDIO_OK;
}

static enum studio_err copy_table_name(const cJSON *item, char **out)
{
    if (!cJSON_IsString(item) || strcmp(item->valuestring, "*") != 0)
        return decoder_copy_table_id(item, out);
    *out = strdup("*");
    return *out == NULL ? STUDIO_ERR_NO_MEMORY : STUDIO_OK;
}

static enum studio_err decode_tables(struct decoder *d, const cJSON *data)
{
    const cJSON *names = cJSON_IsObject(data) ? decoder_member(data, "tables") : NULL;
    if (names == NULL || !cJSON_IsArray(names))
        return STUDIO_ERR_INVALID_DATA;
    const cJSON *presence = decoder_member(data, "presence");
    if (presence != NULL && !cJSON_IsBool(presence))
        return STUDIO_ERR_INVALID_DATA;
    d->out->presence = cJSON_IsTrue(presence);
    const cJSON *interval = decoder_member(data, "interval_ms");
    double ms = cJSON_IsNumber(interval) ? interval->valuedouble : -1;
    if (interval != NULL && !(ms >= 0 && ms <= MESSAGE_INTERVAL_MAX && ms == (int)ms))
        return STUDIO_ERR_INVALID_DATA;
    d->out->interval_ms = (int)ms;
    int count = cJSON_GetArraySize(names);
    if (count > MESSAGE_SUBSCRIBE_MAX)
        return STUDIO_ERR_INVALID_DATA;
    if (count == 0)
        return STUDIO_OK;

    d->out->tables = calloc((size_t)count, sizeof(*d->out->tables));
    if (d->out->tables == NULL)
        return STUDIO_ERR_NO_MEMORY;
    for (const cJSON *item = names->child; item != NULL; item = item->next) {
        enum studio_err err = copy_table_name(item, &d->out->tables[d->out->table_count]);
        if (err != STUDIO_OK)
            return err == STUDIO_ERR_NO_MEMORY ? err : STUDIO_ERR_INVALID_DATA;
        d->out->table_count++;
    }
    return STUDIO_OK;
}

static enum studio_err decode_table_id(struct decoder *d, const cJSON *data, bool required)
{
    if (data == NULL)
        return required ? STUDIO_ERR_INVALID_DATA : STUDIO_OK;
    if (!cJSON_IsObject(data))
        return STUDIO_ERR_INVALID_DATA;
    const cJSON *item = decoder_member(data, "table_id");
    if (item == NULL)
        return required ? STUDIO_ERR_INVALID_DATA : STUDIO_OK;
    enum studio_err err = decoder_copy_table_id(item, &d->out->table_id);
    return err == STUDIO_ERR_INVALID_VALUE ? STUDIO_ERR_INVALID_DATA : err;
}

static enum studio_err decode_get(struct decoder *d, const cJSON *data)
{
    return decode_table_id(d, data, false);
}

/* What some clients say to `get`. Anything to set in it would be lost, so that is refused. */
static enum studio_err decode_status(struct decoder *d, const cJSON *data)
{
    for (const cJSON *item = data != NULL ? data->child : NULL; item != NULL; item = item->next)
        if (item->string != NULL && strcmp(item->string, "table_id") != 0)
            return STUDIO_ERR_INVALID_DATA;
    return decode_table_id(d, data, false);
}

static enum studio_err decode_remove_table(struct decoder *d, const cJSON *data)
{
    return decode_table_id(d, data, true);
}

static const struct event_row event_rows[] = {
    {"service_status", MESSAGE_UPDATE, decode_service_status, NULL},
    {"exception", MESSAGE_EXCEPTION, decode_exception, NULL},
    {"subscribe", MESSAGE_SUBSCRIBE, decode_tables, NULL},
    {"unsubscribe", MESSAGE_UNSUBSCRIBE, decode_tables, NULL},
    {"get", MESSAGE_GET, decode_get, NULL},
    {"status", MESSAGE_GET, decode_status, "status (an update is sent as service_status)"},
    {"remove_table", MESSAGE_REMOVE_TABLE, decode_remove_table, NULL},
};

static const struct event_row *find_event(const char *name)
{
    for (size_t i = 0; i < sizeof(event_rows) / sizeof(event_rows[0]); i++) {
        if (strcmp(event_rows[i].name, name) == 0)
            return &event_rows[i];
    }
    return NULL;
}

/* Names what there is instead, as a client that says `ping` or `hello` means no harm. */
static enum studio_err refuse_event(struct decoder *d, const char *name)
{
    enum { SHOWN_MAX = 200 };
    char space[STUDIO_ERROR_TEXT_MAX];
    size_t len = strlen(name);
    struct buf known;

    buf_init_fixed(&known, space, sizeof(space));
    for (size_t i = 0; i < sizeof(event_rows) / sizeof(event_rows[0]); i++)
        buf_printf(&known, "%s%s", i == 0 ? "" : ", ", event_rows[i].name);
    return studio_error_set(d->error, STUDIO_ERR_UNKNOWN_EVENT, "%.*s (known are %s)",
                            (int)(len > SHOWN_MAX ? text_utf8_cut(name, SHOWN_MAX) : len), name,
                            space);
}

/* Unknown other keys are ignored, twice or not; the envelope's own may stand only once. */
static enum studio_err check_envelope(struct decoder *d, const cJSON *object)
{
    for (const cJSON *item = object->child; item != NULL; item = item->next) {
        bool own = strcmp(item->string, "event") == 0 || strcmp(item->string, "data") == 0;
        if (own && decoder_member(object, item->string) != item)
            return decoder_refuse(d, STUDIO_ERR_DUPLICATE_FIELD, item->string);
        if (strcmp(item->string, "request_id") == 0) {
            enum studio_err err = decoder_check_request_id(d, object, item);
            if (err != STUDIO_OK)
                return err;
        }
    }
    return STUDIO_OK;
}

static enum studio_err decode_envelope(struct decoder *d, const cJSON *object, const char *event)
{
    enum studio_err err = check_envelope(d, object);
    if (err != STUDIO_OK)
        return err;
    const struct event_row *row = find_event(event);
    if (row == NULL)
        return refuse_event(d, event);
    d->out->kind = row->kind;
    err = row->decode(d, decoder_member(object, "data"));
    if (err == STUDIO_ERR_INVALID_DATA)
        return decoder_refuse(d, err, row->wrong_data != NULL ? row->wrong_data : row->name);
    if (err == STUDIO_ERR_NO_MEMORY)
        return decoder_refuse(d, err, NULL);
    return err;
}

/* --- authentication --------------------------------------------------------------------------- */

static enum studio_err decode_auth(struct message *out, const cJSON *object)
{
    const struct {
        const char *key;
        char **text;
    } parameters[] = {{"id", &out->id},
                      {"token", &out->token},
                      {"device", &out->device},
                      {"gameCode", &out->game_code}};

    out->kind = MESSAGE_AUTH;
    for (size_t i = 0; i < sizeof(parameters) / sizeof(parameters[0]); i++) {
        const cJSON *item = decoder_member(object, parameters[i].key);
        if (!cJSON_IsString(item))
            continue;
        *parameters[i].text = strdup(item->valuestring);
        if (*parameters[i].text == NULL)
            return STUDIO_ERR_NO_MEMORY;
    }
    return STUDIO_OK;
}

enum studio_err message_decode_auth(const char *text, size_t len, struct message *out,
                                    struct studio_error *error)
{
    *out = (struct message){.kind = MESSAGE_AUTH};
    struct json_facts facts;
    cJSON *tree = NULL;
    enum studio_err err =
        len > STUDIO_MESSAGE_MAX ? STUDIO_ERR_TOO_LARGE : tree_parse(text, len, &facts, &tree);
    if (err == STUDIO_OK)
        err = cJSON_IsObject(tree) ? decode_auth(out, tree) : STUDIO_ERR_AUTH_MISSING;
    cJSON_Delete(tree);
    if (err == STUDIO_OK)
        return err;
    message_finish(out);
    if (err != STUDIO_ERR_NO_MEMORY)
        err = STUDIO_ERR_AUTH_MISSING;
    return studio_error_set(error, err, NULL);
}

/* --- any message ------------------------------------------------------------------------------ */

static enum studio_err decode_object(struct decoder *d, const cJSON *object)
{
    enum studio_err err = decoder_read_request_id(d, object);
    if (err != STUDIO_OK)
        return err;
    const cJSON *event = decoder_member(object, "event");
    if (cJSON_IsString(event))
        return decode_envelope(d, object, event->valuestring);
    if (decoder_member(object, "id") != NULL && decoder_member(object, "token") != NULL) {
        err = decode_auth(d->out, object);
        return err == STUDIO_OK ? err : decoder_refuse(d, err, NULL);
    }
    return decode_update(d, object, UPDATE_FLAT);
}

static enum studio_err decode_message(struct decoder *d, const cJSON *tree)
{
    return cJSON_IsObject(tree) ? decode_object(d, tree)
                                : decoder_refuse(d, STUDIO_ERR_NOT_OBJECT, NULL);
}

static enum studio_err decode_exception_body(struct decoder *d, const cJSON *tree)
{
    if (cJSON_IsObject(tree) && cJSON_IsString(decoder_member(tree, "event")))
        return decode_object(d, tree);
    d->out->kind = MESSAGE_EXCEPTION;
    enum studio_err err = decode_exception(d, tree);
    if (err == STUDIO_OK)
        return err;
    return decoder_refuse(d, err, err == STUDIO_ERR_INVALID_DATA ? "exception" : NULL);
}

static enum studio_err decode_text(const struct studio_values *lists, const char *text, size_t len,
                                   enum studio_err (*decode)(struct decoder *d, const cJSON *tree),
                                   struct message *out, struct studio_error *error)
{
    *out = (struct message){0};
    if (len > STUDIO_MESSAGE_MAX)
        return studio_error_set(error, STUDIO_ERR_TOO_LARGE, NULL);

    struct decoder d = {.lists = lists, .out = out, .error = error};
    cJSON *tree;
    enum studio_err err = tree_parse(text, len, &d.facts, &tree);
    if (err != STUDIO_OK)
        return studio_error_set(error, err, NULL);
    err = decode(&d, tree);
    cJSON_Delete(tree);

    if (err != STUDIO_OK) {
        /* Only the request_id stays, for the answer, and what was refused. */
        struct message kept = {.request_id = out->request_id, .refused = out->refused};
        out->request_id = NULL;
        message_finish(out);
        *out = kept;
    }
    return err;
}

enum studio_err message_decode(const struct studio_values *lists, const char *text, size_t len,
                               struct message *out, struct studio_error *error)
{
    return decode_text(lists, text, len, decode_message, out, error);
}

enum studio_err message_decode_exception(const struct studio_values *lists, const char *text,
                                         size_t len, struct message *out,
                                         struct studio_error *error)
{
    return decode_text(lists, text, len, decode_exception_body, out, error);
}
