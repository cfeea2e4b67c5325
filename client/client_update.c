#include "client_update.h"

#include <string.h>

#include "base/json.h"
#include "base/names.h"
#include "base/text.h"
#include "client_error.h"

/* Names that mean something to the agent or belong to it; none can be a custom field. */
static const struct {
    const char *name;
    bool loose; /* matched as fields are, without regard to case and '_' */
    const char *why;
} reserved[] = {
    {"uptime", true, "is counted by the agent and cannot be set"},
    {"timestamp", true, "is kept by the agent and cannot be set"},
    {"request_id", false, "marks a message and is no field"},
    {"id", false, "belongs to authentication and is no field"},
    {"token", false, "belongs to authentication and is no field"},
    {"event", false, "marks an envelope and is no field"},
    {"data", false, "marks an envelope and is no field"},
};

bool update_names_table(const char *name)
{
    return studio_key_equal(name, strlen(name), "table_id");
}

const struct studio_field *update_field(const char *name)
{
    return studio_field_find(name, strlen(name));
}

const char *update_value_name(const struct studio_field *field, const char *value)
{
    if (field->kind == STUDIO_KIND_FLAG && strcmp(value, "on") == 0)
        return "true";
    if (field->kind == STUDIO_KIND_FLAG && strcmp(value, "off") == 0)
        return "false";
    return value;
}

static enum studio_err bad_value(const struct studio_values *lists,
                                 const struct studio_field *field, const char *value,
                                 struct studio_error *error)
{
    if (field->kind == STUDIO_KIND_FLAG)
        return client_error_usage(error, "invalid value '%.40s' for %s: expected on or off", value,
                                  field->key);

    struct buf list;
    size_t count = lists->count[field->kind];

    buf_init(&list, STUDIO_ERROR_TEXT_MAX);
    for (size_t i = 0; i < count; i++)
        buf_printf(&list, "%s%s",
                   i == 0           ? ""
                   : i + 1 == count ? " or "
                                    : ", ",
                   lists->names[field->kind][i]);
    client_error_usage(error, "invalid value '%.40s' for %s: expected %s", value, field->key,
                       buf_ok(&list) && list.data != NULL ? list.data : "another");
    buf_finish(&list);
    return STUDIO_ERR_USAGE;
}

static enum studio_err print_builtin(struct buf *out, const struct studio_values *lists,
                                     const struct studio_field *field, const char *value,
                                     struct studio_error *error)
{
    const char *name = value != NULL ? update_value_name(field, value) : "";

    if (studio_value_find(lists, field->kind, name, strlen(name)) < 0)
        return bad_value(lists, field, name, error);
    json_string(out, field->key, strlen(field->key));
    buf_str(out, ":");
    if (field->kind == STUDIO_KIND_FLAG)
        buf_str(out, name);
    else
        json_string(out, name, strlen(name));
    return STUDIO_OK;
}

static enum studio_err print_custom(struct buf *out, const char *name, const char *value,
                                    struct studio_error *error)
{
    size_t len = strlen(name);

    for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
        if (reserved[i].loose ? studio_key_equal(name, len, reserved[i].name)
                              : strcmp(name, reserved[i].name) == 0)
            return client_error_usage(error, "%s %s", name, reserved[i].why);
    if (!name_is_custom(name, len))
        return client_error_usage(error,
                                  "'%.80s' is no field name: a custom field begins with a letter "
                                  "or '_', then letters, digits, '_', '.', '-', at most %d",
                                  name, STUDIO_CUSTOM_NAME_MAX);
    if (value != NULL && !json_check(value, strlen(value), NULL))
        return client_error_usage(error, "the value of custom field %s is not JSON: %.80s", name,
                                  value);
    json_string(out, name, len);
    buf_str(out, ":");
    buf_str(out, value != NULL ? value : "null");
    return STUDIO_OK;
}

static enum studio_err print_table_id(struct buf *out, const char *value,
                                      struct studio_error *error)
{
    if (value == NULL || !name_is_table(value, strlen(value)))
        return client_error_usage(error, "'%.80s' is no table id, as in ARO-001",
                                  value != NULL ? value : "");
    buf_str(out, "\"table_id\":");
    json_string(out, value, strlen(value));
    return STUDIO_OK;
}

enum studio_err update_print(struct buf *out, const struct studio_values *lists,
                             const struct studio_client_field *fields, size_t count,
                             struct studio_error *error)
{
    buf_str(out, "{");
    for (size_t i = 0; i < count; i++) {
        const char *name = fields[i].name, *value = fields[i].value;
        if (name == NULL)
            return client_error_usage(error, "a field has no name");
        if (i > 0)
            buf_str(out, ",");

        const struct studio_field *field = update_field(name);
        enum studio_err err = update_names_table(name) ? print_table_id(out, value, error)
                              : field != NULL ? print_builtin(out, lists, field, value, error)
                                              : print_custom(out, name, value, error);
        if (err != STUDIO_OK)
            return err;
    }
    buf_str(out, "}");
    return buf_ok(out) ? STUDIO_OK : studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
}

static char *quoted(const char *text)
{
    struct buf b;

    buf_init(&b, STUDIO_MESSAGE_MAX);
    json_string(&b, text, strlen(text));
    return buf_take(&b);
}

enum studio_err update_parse_pair(const char *pair, char **name, char **value,
                                  struct studio_error *error)
{
    const char *equal = strchr(pair, '=');

    *name = NULL;
    *value = NULL;
    if (equal == NULL || equal == pair)
        return client_error_usage(error, "'%.80s' is not KEY=VALUE, as in sdp=up", pair);
    if (!text_utf8_valid(pair, strlen(pair)))
        return client_error_usage(error, "%.*s is not UTF-8, nothing was sent",
                                  (int)strcspn(pair, "="), pair);
    *name = strndup(pair, (size_t)(equal - pair));
    if (*name == NULL)
        return studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);

    const char *text = equal + 1;
    const struct studio_field *field = update_field(*name);
    if (field == NULL && !update_names_table(*name)) {
        if (text[0] == '\0')
            return STUDIO_OK; /* removes it */
        *value = json_check(text, strlen(text), NULL) ? strdup(text) : quoted(text);
    } else {
        *value = strdup(text);
    }
    return *value != NULL ? STUDIO_OK : studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
}
