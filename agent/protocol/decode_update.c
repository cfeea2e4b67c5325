#include "protocol/decode_update.h"

#include <stdlib.h>
#include <string.h>

#include "base/names.h"
#include "base/text.h"

enum { SETS_MAX = STUDIO_FIELDS_MAX + MESSAGE_CUSTOM_MAX };

/* Keys of the envelope and of authentication; in no spelling are they a field. */
static const char *const reserved_keys[] = {"id", "token", "event", "data"};

static bool is_reserved(const char *key)
{
    for (size_t i = 0; i < sizeof(reserved_keys) / sizeof(reserved_keys[0]); i++) {
        if (studio_key_equal(key, strlen(key), reserved_keys[i]))
            return true;
    }
    return false;
}

/* Fields of the document that belong to the agent. */
static bool is_agents_own(const char *key, size_t len)
{
    return studio_key_equal(key, len, "uptime") || studio_key_equal(key, len, "timestamp");
}

/* --- values ----------------------------------------------------------------------------------- */

static enum studio_err refuse_value(const struct studio_values *lists, enum studio_kind kind,
                                    const char *key, struct studio_error *error)
{
    if (kind == STUDIO_KIND_FLAG)
        return studio_error_set(error, STUDIO_ERR_INVALID_VALUE, "%s: expected true or false", key);

    char space[STUDIO_ERROR_TEXT_MAX];
    struct buf list;
    buf_init_fixed(&list, space, sizeof(space));
    for (size_t i = 0; i < lists->count[kind]; i++) {
        buf_str(&list, i == 0 ? "" : ", ");
        buf_str(&list, lists->names[kind][i]);
    }
    return studio_error_set(error, STUDIO_ERR_INVALID_VALUE, "%s: expected one of %s", key, space);
}

/* The printed JSON of a custom field's value; NULL for `null`, which removes the field. */
static enum studio_err print_custom(const struct json_facts *facts, const char *name,
                                    const cJSON *item, char **json, struct studio_error *error)
{
    *json = NULL;
    if (cJSON_IsNull(item))
        return STUDIO_OK;
    switch (tree_check_numbers(item, facts)) {
    case TREE_NUMBERS_OVERFLOW:
        return studio_error_set(error, STUDIO_ERR_INVALID_VALUE, "%s", name);
    case TREE_NUMBERS_BIG:
        return studio_error_set(error, STUDIO_ERR_INVALID_VALUE,
                                "%s: expected integers within +-9007199254740991", name);
    case TREE_NUMBERS_OK:
        break;
    }

    size_t len;
    char *text = tree_text(item, &len);
    if (text == NULL)
        return studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
    if (len > STUDIO_CUSTOM_VALUE_MAX) {
        free(text);
        return studio_error_set(error, STUDIO_ERR_VALUE_TOO_LARGE, "%s", name);
    }
    *json = text;
    return STUDIO_OK;
}

/* --- updates ---------------------------------------------------------------------------------- */

/* One walk over the keys of an update. */
struct walk {
    struct decoder *d;
    const cJSON *object;
    enum update_place place;
    unsigned seen;                         /* bit i: studio_fields[i] was set */
    size_t custom_count, custom_set_count; /* of the sets */
};

static enum studio_err take_table_id(struct walk *w, const cJSON *item)
{
    struct decoder *d = w->d;
    if (d->out->table_id != NULL)
        return decoder_refuse(d, STUDIO_ERR_DUPLICATE_FIELD, item->string);
    enum studio_err err = decoder_copy_table_id(item, &d->out->table_id);
    if (err == STUDIO_ERR_INVALID_VALUE)
        return studio_error_set(d->error, err, "%s: expected a table id", item->string);
    return err == STUDIO_OK ? err : decoder_refuse(d, err, NULL);
}

static enum studio_err take_built_in(struct walk *w, const struct studio_field *field,
                                     const cJSON *item)
{
    struct update *update = &w->d->out->update;
    unsigned bit = 1U << studio_field_index(field);
    if ((w->seen & bit) != 0)
        return decoder_refuse(w->d, STUDIO_ERR_DUPLICATE_FIELD, item->string);
    int value = tree_value(item, w->d->lists, field, &w->d->out->refused);
    if (value < 0)
        return refuse_value(w->d->lists, field->kind, item->string, w->d->error);
    w->seen |= bit;
    update->sets[update->count++] =
        (struct field_set){.field = field, .value = (unsigned char)value};
    return STUDIO_OK;
}

static bool is_custom_set(const struct update *update, const char *name)
{
    for (size_t i = 0; i < update->count; i++) {
        if (update->sets[i].name != NULL && strcmp(update->sets[i].name, name) == 0)
            return true;
    }
    return false;
}

static enum studio_err take_custom(struct walk *w, const cJSON *item)
{
    struct decoder *d = w->d;
    struct update *update = &d->out->update;
    if (!name_is_custom(item->string, strlen(item->string)))
        return decoder_refuse(d, STUDIO_ERR_INVALID_FIELD_NAME, item->string);
    if (is_custom_set(update, item->string))
        return decoder_refuse(d, STUDIO_ERR_DUPLICATE_FIELD, item->string);
    /* More than a table may have can be refused before there is a table. */
    if (w->custom_count == MESSAGE_CUSTOM_MAX ||
        (!cJSON_IsNull(item) && w->custom_set_count == STUDIO_CUSTOM_FIELDS_MAX))
        return decoder_refuse(d, STUDIO_ERR_TOO_MANY_FIELDS, NULL);

    struct field_set set = {0};
    enum studio_err err = print_custom(&d->facts, item->string, item, &set.json, d->error);
    if (err != STUDIO_OK)
        return err;
    set.name = strdup(item->string);
    if (set.name == NULL) {
        free(set.json);
        return decoder_refuse(d, STUDIO_ERR_NO_MEMORY, NULL);
    }
    update->sets[update->count++] = set;
    w->custom_count++;
    w->custom_set_count += set.json != NULL;
    return STUDIO_OK;
}

static enum studio_err take_key(struct walk *w, const cJSON *item)
{
    const char *key = item->string;
    size_t len = strlen(key);
    const struct studio_field *field = studio_field_find(key, len);
    if (field != NULL)
        return take_built_in(w, field, item);
    if (strcmp(key, "request_id") == 0)
        return w->place == UPDATE_FLAT ? decoder_check_request_id(w->d, w->object, item)
                                       : STUDIO_OK;
    if (is_reserved(key))
        return decoder_refuse(w->d, STUDIO_ERR_INVALID_FIELD_NAME, key);
    if (is_agents_own(key, len))
        return STUDIO_OK;
    if (studio_key_equal(key, len, "table_id"))
        return take_table_id(w, item);
    return take_custom(w, item);
}

enum studio_err decode_update(struct decoder *d, const cJSON *object, enum update_place place)
{
    struct update *update = &d->out->update;
    d->out->kind = MESSAGE_UPDATE;

    size_t keys = 0;
    for (const cJSON *item = object->child; item != NULL && keys < SETS_MAX; item = item->next)
        keys++;
    if (keys == 0)
        return STUDIO_OK;
    update->sets = calloc(keys, sizeof(*update->sets));
    if (update->sets == NULL)
        return decoder_refuse(d, STUDIO_ERR_NO_MEMORY, NULL);

    struct walk walk = {.d = d, .object = object, .place = place};
    for (const cJSON *item = object->child; item != NULL; item = item->next) {
        enum studio_err err = take_key(&walk, item);
        if (err != STUDIO_OK)
            return err;
    }
    return STUDIO_OK;
}

/* --- one field as plain text ------------------------------------------------------------------ */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static enum studio_err decode_built_in_text(const struct studio_values *lists,
                                            const struct studio_field *field, const char *key,
                                            const char *text, size_t len, struct field_set *set,
                                            struct studio_error *error)
{
    int value = studio_value_find(lists, field->kind, text, len);
    if (value < 0)
        return refuse_value(lists, field->kind, key, error);
    *set = (struct field_set){.field = field, .value = (unsigned char)value};
    return STUDIO_OK;
}

/* Most likely a built-in field's value under a name that is none: both are named. */
static enum studio_err refuse_text(const char *name, struct studio_error *error)
{
    const struct studio_field *near = studio_field_near(name);

    return studio_error_set(error, STUDIO_ERR_INVALID_VALUE, "%s: expected JSON text%s%s%s", name,
                            near != NULL ? " (did you mean " : "", near != NULL ? near->key : "",
                            near != NULL ? "?)" : "");
}

static enum studio_err decode_custom_text(const char *name, const char *text, size_t len,
                                          struct field_set *set, struct studio_error *error)
{
    struct json_facts facts;
    cJSON *tree;
    enum studio_err err = tree_parse(text, len, &facts, &tree);
    if (err != STUDIO_OK)
        return err == STUDIO_ERR_INVALID_JSON ? refuse_text(name, error)
                                              : studio_error_set(error, err, NULL);
    /* The value will stand in a document, one level deeper. */
    if (facts.depth >= STUDIO_JSON_DEPTH_MAX)
        err = refuse_text(name, error);
    else
        err = print_custom(&facts, name, tree, &set->json, error);
    cJSON_Delete(tree);
    if (err != STUDIO_OK)
        return err;
    set->name = strdup(name);
    return set->name == NULL ? studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL) : STUDIO_OK;
}

enum studio_err message_decode_field(const struct studio_values *lists, const char *field,
                                     const char *text, size_t len, struct message *out,
                                     struct studio_error *error)
{
    *out = (struct message){.kind = MESSAGE_UPDATE};
    if (len > STUDIO_MESSAGE_MAX)
        return studio_error_set(error, STUDIO_ERR_TOO_LARGE, NULL);

    size_t key_len = strlen(field);
    const struct studio_field *built_in = studio_field_find(field, key_len);
    if (built_in == NULL &&
        (!name_is_custom(field, key_len) || is_reserved(field) || is_agents_own(field, key_len) ||
         strcmp(field, "request_id") == 0 || studio_key_equal(field, key_len, "table_id")))
        return studio_error_set(error, STUDIO_ERR_INVALID_FIELD_NAME, "%s", field);
    if (!text_utf8_valid(text, len))
        return studio_error_set(error, STUDIO_ERR_INVALID_JSON, NULL);
    for (; len > 0 && is_blank(text[0]); text++)
        len--;
    while (len > 0 && is_blank(text[len - 1]))
        len--;

    struct update *update = &out->update;
    update->sets = calloc(1, sizeof(*update->sets));
    if (update->sets == NULL)
        return studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
    update->count = 1;
    enum studio_err err =
        built_in != NULL
            ? decode_built_in_text(lists, built_in, field, text, len, &update->sets[0], error)
            : decode_custom_text(field, text, len, &update->sets[0], error);
    if (err == STUDIO_OK)
        return err;
    message_finish(out);
    if (built_in != NULL)
        refused_value_note(&out->refused, built_in, text, len);
    return err;
}
