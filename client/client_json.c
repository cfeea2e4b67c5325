#include "client_json.h"

#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/json.h"

static const cJSON *get(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

static const char *get_string(const cJSON *object, const char *name)
{
    return cJSON_GetStringValue(get(object, name));
}

/* Strings as they are, everything else as JSON; NULL only when memory is short. */
static char *value_text(const cJSON *item)
{
    const char *string = cJSON_GetStringValue(item);

    return string != NULL ? strdup(string) : cJSON_PrintUnformatted(item);
}

static enum reply_kind event_kind(const char *event)
{
    static const struct {
        const char *event;
        enum reply_kind kind;
    } kinds[] = {{"status", REPLY_STATUS},
                 {"exception", REPLY_EXCEPTION},
                 {"lagged", REPLY_LAGGED},
                 {"removed", REPLY_REMOVED}};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcmp(event, kinds[i].event) == 0)
            return kinds[i].kind;
    return REPLY_UNKNOWN;
}

/* A document is told first: its custom fields may be called `status`, `error` or `message`. */
static enum reply_kind reply_kind_of(const cJSON *root)
{
    if (get_string(root, "TABLE_ID") != NULL && get(root, "UPTIME") != NULL)
        return REPLY_DOCUMENT;
    if (get_string(root, "event") != NULL) {
        enum reply_kind kind = event_kind(get_string(root, "event"));
        if (kind == REPLY_STATUS && !cJSON_IsObject(get(root, "data")))
            return REPLY_UNKNOWN;
        return kind;
    }
    if (get_string(root, "error") != NULL)
        return REPLY_ERROR;
    if (get_string(root, "status") != NULL)
        return strcmp(get_string(root, "status"), "ready") == 0 ? REPLY_WELCOME : REPLY_DONE;
    return REPLY_UNKNOWN;
}

static bool print_into(char **out, const cJSON *item)
{
    if (item == NULL)
        return true;
    *out = cJSON_PrintUnformatted(item);
    return *out != NULL;
}

static bool fill(struct reply *out, const cJSON *root)
{
    out->kind = reply_kind_of(root);
    switch (out->kind) {
    case REPLY_DOCUMENT:
        return print_into(&out->document, root);
    case REPLY_STATUS:
        out->presence = cJSON_IsBool(get(root, "online"));
        return print_into(&out->document, get(root, "data")) &&
               print_into(&out->request_id, get(root, "request_id"));
    case REPLY_ERROR:
        out->error = strdup(get_string(root, "error"));
        return out->error != NULL && print_into(&out->request_id, get(root, "request_id"));
    case REPLY_DONE:
        out->status = strdup(get_string(root, "status"));
        if (out->status == NULL)
            return false;
        if (cJSON_IsArray(get(root, "tables")) && !print_into(&out->tables, get(root, "tables")))
            return false;
        return print_into(&out->request_id, get(root, "request_id"));
    case REPLY_UNKNOWN:
    case REPLY_WELCOME:
    case REPLY_EXCEPTION:
    case REPLY_LAGGED:
    case REPLY_REMOVED:
        break;
    }
    return true;
}

enum studio_err reply_parse(const char *text, size_t len, struct reply *out)
{
    memset(out, 0, sizeof(*out));
    cJSON *root = cJSON_ParseWithLength(text, len);
    if (!cJSON_IsObject(root)) {
        cJSON_Delete(root);
        return STUDIO_ERR_INVALID_JSON;
    }
    bool ok = fill(out, root);
    cJSON_Delete(root);
    if (!ok) {
        reply_finish(out);
        return STUDIO_ERR_NO_MEMORY;
    }
    return STUDIO_OK;
}

void reply_finish(struct reply *reply)
{
    free(reply->error);
    free(reply->status);
    cJSON_free(reply->document);
    cJSON_free(reply->tables);
    cJSON_free(reply->request_id);
    memset(reply, 0, sizeof(*reply));
}

bool outgoing_inspect(const char *text, size_t len, struct outgoing *out)
{
    memset(out, 0, sizeof(*out));
    if (!json_check(text, len, NULL))
        return false;
    cJSON *root = cJSON_ParseWithLength(text, len);
    bool ok = cJSON_IsObject(root);
    if (ok) {
        const char *event = get_string(root, "event");
        if (event != NULL && (strcmp(event, "get") == 0 || strcmp(event, "status") == 0))
            out->kind = OUTGOING_GET;
        else if (event != NULL &&
                 (strcmp(event, "subscribe") == 0 || strcmp(event, "unsubscribe") == 0))
            out->kind = OUTGOING_SUBSCRIBE;
        out->has_request_id = get(root, "request_id") != NULL;
    }
    cJSON_Delete(root);
    return ok;
}

bool json_each_member(const char *json, json_member_fn *fn, void *ctx)
{
    cJSON *root = cJSON_Parse(json);
    bool ok = cJSON_IsObject(root);

    for (const cJSON *item = ok ? root->child : NULL; item != NULL; item = item->next) {
        char *value = value_text(item);
        if (value == NULL) {
            ok = false;
            break;
        }
        bool more = fn(ctx, item->string, value);
        free(value);
        if (!more)
            break;
    }
    cJSON_Delete(root);
    return ok;
}

char *json_member(const char *json, const char *name)
{
    cJSON *root = cJSON_Parse(json);
    const cJSON *item = get(root, name);
    char *value = item != NULL ? value_text(item) : NULL;

    cJSON_Delete(root);
    return value;
}

bool json_each_element(const char *json, const char *name, json_element_fn *fn, void *ctx)
{
    cJSON *root = cJSON_Parse(json);
    const cJSON *array = get(root, name);
    bool ok = cJSON_IsArray(array), more = true;

    for (const cJSON *item = ok ? array->child : NULL; ok && more && item != NULL;
         item = item->next) {
        char *text = cJSON_PrintUnformatted(item);
        ok = text != NULL;
        more = ok && fn(ctx, text);
        cJSON_free(text);
    }
    cJSON_Delete(root);
    return ok;
}

const char *json_event_name(const char *json)
{
    cJSON *root = cJSON_Parse(json);
    const char *name = get(root, "changes") == NULL         ? "exception"
                       : cJSON_IsTrue(get(root, "removed")) ? "removed"
                                                            : "change";

    cJSON_Delete(root);
    return name;
}
