/* The public calls: each checks, prints one message and waits for its answer. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/names.h"
#include "client_error.h"
#include "client_internal.h"
#include "client_update.h"
#include "studio/client.h"

/* No bound while printing: the text is the caller's own, and client_call refuses what is too large.
 */
enum { PRINT_MAX = INT32_MAX };

/* Sends the message in `b`; the answer is left in `call`. */
static enum studio_err send_buf(struct studio_client *client, struct call *call, struct buf *b,
                                struct studio_error *error)
{
    if (!buf_ok(b))
        return studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
    call->text = b->data;
    call->len = b->len;
    enum studio_err err = client_call(client, call);
    if (error != NULL) {
        *error = call->error;
        error->code = err;
    }
    return err;
}

/* A server that knows no envelopes takes one for an update: `word` is what its answer must say, NULL
 * if that does not matter. */
static enum studio_err check_word(const struct call *call, const char *event, const char *word,
                                  struct studio_error *error)
{
    if (word == NULL || (call->status != NULL && strcmp(call->status, word) == 0))
        return STUDIO_OK;
    return studio_error_set(error, STUDIO_ERR_UNKNOWN_EVENT,
                            "%s, or so it seems: the server answered '%.40s'", event,
                            call->status != NULL ? call->status : "");
}

static void free_answer(struct call *call)
{
    free(call->answer);
    free(call->document);
    free(call->status);
}

static enum studio_err send_plain(struct studio_client *client, struct buf *b, const char *event,
                                  const char *word, struct studio_error *error)
{
    struct call call = {.kind = OUTGOING_PLAIN};
    enum studio_err err = send_buf(client, &call, b, error);

    if (err == STUDIO_OK)
        err = check_word(&call, event, word, error);
    free_answer(&call);
    return err;
}

enum studio_err studio_client_update(struct studio_client *client,
                                     const struct studio_client_field *fields, size_t count,
                                     struct studio_error *error)
{
    struct buf b;

    buf_init(&b, PRINT_MAX);
    enum studio_err err = update_print(&b, &client->lists, fields, count, error);
    if (err == STUDIO_OK)
        err = send_plain(client, &b, NULL, NULL, error);
    buf_finish(&b);
    return err;
}

/* One field that must be of this kind. */
static enum studio_err update_one(struct studio_client *client, const char *name, const char *value,
                                  enum studio_kind kind, const char *what,
                                  struct studio_error *error)
{
    const struct studio_field *field = name != NULL ? update_field(name) : NULL;
    const struct studio_client_field one = {.name = name, .value = value};

    if (field == NULL || field->kind != kind)
        return client_error_usage(error, "'%.80s' is no %s", name != NULL ? name : "", what);
    return studio_client_update(client, &one, 1, error);
}

enum studio_err studio_client_service_status(struct studio_client *client, const char *service,
                                             const char *value, struct studio_error *error)
{
    return update_one(client, service, value, STUDIO_KIND_SERVICE, "service, as are sdp and idp",
                      error);
}

enum studio_err studio_client_device_status(struct studio_client *client, const char *device,
                                            const char *value, struct studio_error *error)
{
    return update_one(client, device, value, STUDIO_KIND_DEVICE, "device, as are roulette and zcam",
                      error);
}

enum studio_err studio_client_maintenance(struct studio_client *client, bool on,
                                          struct studio_error *error)
{
    return update_one(client, "maintenance", on ? "true" : "false", STUDIO_KIND_FLAG, "flag",
                      error);
}

enum studio_err studio_client_exception(struct studio_client *client, const char *code,
                                        struct studio_error *error)
{
    struct buf b;
    size_t len = code != NULL ? strlen(code) : 0;

    if (len == 0)
        return client_error_usage(error, "an exception needs a code, as in \"NO BALL DETECT\"");
    buf_init(&b, PRINT_MAX);
    buf_str(&b, "{\"event\":\"exception\",\"data\":");
    if (code[0] == '{' && json_check(code, len, NULL))
        buf_add(&b, code, len);
    else
        json_string(&b, code, len);
    buf_str(&b, "}");
    enum studio_err err = send_plain(client, &b, "exception", "received", error);
    buf_finish(&b);
    return err;
}

enum studio_err studio_client_get(struct studio_client *client, const char *table_id,
                                  char **document, struct studio_error *error)
{
    struct call call = {.kind = OUTGOING_GET, .request_id = client_request_id(client)};
    struct buf b;

    *document = NULL;
    if (table_id != NULL && !name_is_table(table_id, strlen(table_id)))
        return client_error_usage(error, "'%.80s' is no table id, as in ARO-001", table_id);
    buf_init(&b, PRINT_MAX);
    buf_str(&b, "{\"event\":\"get\",");
    if (table_id != NULL && strcmp(table_id, client->table_id) != 0) {
        buf_str(&b, "\"data\":{\"table_id\":");
        json_string(&b, table_id, strlen(table_id));
        buf_str(&b, "},");
    }
    buf_printf(&b, "\"request_id\":%" PRIu64 "}", call.request_id);
    enum studio_err err = send_buf(client, &call, &b, error);
    if (err == STUDIO_OK && call.document == NULL)
        err = studio_error_set(error, STUDIO_ERR_UNKNOWN_EVENT,
                               "get, or so it seems: the server answered without a document");
    if (err == STUDIO_OK) {
        *document = call.document;
        call.document = NULL;
    }
    free_answer(&call);
    buf_finish(&b);
    return err;
}

char *studio_client_greeting(struct studio_client *client)
{
    pthread_mutex_lock(&client->lock);
    char *document = client->greeting != NULL ? strdup(client->greeting) : NULL;
    pthread_mutex_unlock(&client->lock);
    return document;
}

static enum studio_err change_subscription(struct studio_client *client, const char *event,
                                           const char *word, const char *const *tables,
                                           size_t count, struct studio_error *error)
{
    struct call call = {.kind = OUTGOING_SUBSCRIBE, .request_id = client_request_id(client)};
    struct buf b;

    for (size_t i = 0; i < count; i++)
        if (strcmp(tables[i], "*") != 0 && !name_is_table(tables[i], strlen(tables[i])))
            return client_error_usage(error, "'%.80s' is no table id, as in ARO-001; * is all",
                                      tables[i]);
    buf_init(&b, PRINT_MAX);
    buf_printf(&b, "{\"event\":\"%s\",\"data\":{\"tables\":[", event);
    for (size_t i = 0; i < count; i++) {
        buf_str(&b, i > 0 ? "," : "");
        json_string(&b, tables[i], strlen(tables[i]));
    }
    bool presence = client->presence && strcmp(event, "subscribe") == 0;
    buf_printf(&b, "]%s},\"request_id\":%" PRIu64 "}", presence ? CLIENT_ASK_PRESENCE : "",
               call.request_id);
    enum studio_err err = send_buf(client, &call, &b, error);
    if (err == STUDIO_OK)
        err = check_word(&call, event, word, error);
    free_answer(&call);
    buf_finish(&b);
    return err;
}

enum studio_err studio_client_subscribe(struct studio_client *client, const char *const *tables,
                                        size_t count, struct studio_error *error)
{
    return change_subscription(client, "subscribe", "subscribed", tables, count, error);
}

enum studio_err studio_client_unsubscribe(struct studio_client *client, const char *const *tables,
                                          size_t count, struct studio_error *error)
{
    return change_subscription(client, "unsubscribe", "unsubscribed", tables, count, error);
}

/* A message of which the library must tell the answer from a push gets a request_id. */
static void add_request_id(struct studio_client *client, struct call *call, struct buf *b,
                           const char *json, size_t len)
{
    const char *brace = memchr(json, '{', len);

    call->request_id = client_request_id(client);
    buf_printf(b, "{\"request_id\":%" PRIu64 ",", call->request_id);
    buf_add(b, brace + 1, len - (size_t)(brace + 1 - json));
}

enum studio_err studio_client_send_json(struct studio_client *client, const char *json,
                                        char **answer, struct studio_error *error)
{
    struct call call = {.want_answer = answer != NULL};
    struct outgoing seen;
    struct buf b;
    size_t len = strlen(json);

    if (answer != NULL)
        *answer = NULL;
    if (!outgoing_inspect(json, len, &seen))
        return client_error_usage(error, "this is not one JSON object: %.200s", json);
    call.kind = seen.kind;
    buf_init(&b, PRINT_MAX);
    if (seen.kind != OUTGOING_PLAIN && !seen.has_request_id)
        add_request_id(client, &call, &b, json, len);
    else
        buf_add(&b, json, len);
    enum studio_err err = send_buf(client, &call, &b, error);
    if (answer != NULL) {
        *answer = call.answer;
        call.answer = NULL;
    }
    free_answer(&call);
    buf_finish(&b);
    return err;
}
