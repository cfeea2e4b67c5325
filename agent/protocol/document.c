#include "protocol/document.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/names.h"
#include "base/times.h"
#include "protocol/tree.h"

const char *via_name(enum studio_via via)
{
    static const char *const names[] = {
        [VIA_WEBSOCKET] = "websocket", [VIA_MQTT] = "mqtt", [VIA_HTTP] = "http"};
    return names[via];
}

/* --- the status document ---------------------------------------------------------------------- */

void document_print(struct buf *out, const char *table_id, const struct table_state *state)
{
    char stamp[TIME_S_LEN + 1];
    time_print_s(state->stamp_s, stamp);

    buf_str(out, "{");
    json_text(out, "TABLE_ID", table_id);
    json_u64(out, "UPTIME", state->rev);
    json_word(out, "TIMESTAMP", stamp);
    for (size_t i = 0; i < studio_field_count; i++) {
        const char *value = state_value(state, i);
        if (studio_fields[i].kind == STUDIO_KIND_FLAG) {
            json_key(out, studio_fields[i].name);
            buf_str(out, value);
        } else {
            json_word(out, studio_fields[i].name, value);
        }
    }
    for (size_t i = 0; i < state->custom_count; i++) {
        json_key(out, state->custom[i].name);
        buf_str(out, state->custom[i].json);
    }
    buf_str(out, "}");
}

struct studio_snapshot *document_snapshot(struct buf *text, const char *table_id,
                                          struct table_state *state, bool removed)
{
    static const char before[] = "{\"event\":\"status\",\"data\":";
    struct snapshot_text push = {.document_at = sizeof(before) - 1};

    if (removed)
        return studio_snapshot_create(table_id, state, NULL);
    buf_clear(text);
    buf_str(text, before);
    document_print(text, table_id, state);
    buf_str(text, "}");
    if (!buf_ok(text))
        return NULL;
    push.push = text->data;
    push.push_len = text->len;
    push.document_len = text->len - push.document_at - 1;
    return studio_snapshot_create(table_id, state, &push);
}

/* --- and back --------------------------------------------------------------------------------- */

/* The three keys every document has, besides the fields. */
enum { HAS_TABLE_ID = 1, HAS_UPTIME = 2, HAS_TIMESTAMP = 4, HAS_ALL = 7 };

struct reader {
    struct table_state *state;
    struct refused_value *refused;
    unsigned has;
    unsigned fields; /* bit i: studio_fields[i] has a value */
    struct buf *former;
    size_t next; /* only fields from here on can be in their place; none behind a custom one */
};

static bool read_table_id(struct reader *r, const cJSON *item)
{
    (void)r; /* the row it stands in names the table */
    return cJSON_IsString(item) && name_is_table(item->valuestring, strlen(item->valuestring));
}

static bool read_uptime(struct reader *r, const cJSON *item)
{
    if (!tree_is_integer(item) || item->valuedouble < 0)
        return false;
    r->state->rev = (uint64_t)item->valuedouble;
    return true;
}

static bool read_timestamp(struct reader *r, const cJSON *item)
{
    return cJSON_IsString(item) && time_parse_s(item->valuestring, &r->state->stamp_s);
}

static const struct {
    const char *key;
    unsigned bit;
    bool (*read)(struct reader *r, const cJSON *item);
} head_rows[] = {{"TABLE_ID", HAS_TABLE_ID, read_table_id},
                 {"UPTIME", HAS_UPTIME, read_uptime},
                 {"TIMESTAMP", HAS_TIMESTAMP, read_timestamp}};

/* A value that is not in the list any more must not silently become another. */
static enum studio_err read_field(struct reader *r, const struct studio_field *field,
                                  const cJSON *item)
{
    int value = tree_value(item, r->state->lists, field, r->refused);
    if (value < 0)
        return STUDIO_ERR_INVALID_VALUE;
    r->state->values[studio_field_index(field)] = (unsigned char)value;
    return STUDIO_OK;
}

static enum studio_err read_custom(struct reader *r, const cJSON *item)
{
    struct table_state *state = r->state;
    const struct json_facts any_integer = {0};
    if (!name_is_custom(item->string, strlen(item->string)) || cJSON_IsNull(item) ||
        tree_check_numbers(item, &any_integer) != TREE_NUMBERS_OK ||
        state->custom_count == STUDIO_CUSTOM_FIELDS_MAX)
        return STUDIO_ERR_INVALID_DATA;
    for (size_t i = 0; i < state->custom_count; i++) {
        if (strcmp(state->custom[i].name, item->string) == 0)
            return STUDIO_ERR_INVALID_DATA;
    }
    if (state->custom == NULL) {
        state->custom = calloc(STUDIO_CUSTOM_FIELDS_MAX, sizeof(*state->custom));
        if (state->custom == NULL)
            return STUDIO_ERR_NO_MEMORY;
    }

    size_t len;
    struct custom_field *custom = &state->custom[state->custom_count];
    custom->json = tree_text(item, &len);
    custom->name = strdup(item->string);
    state->custom_count++; /* even if half empty: state_finish frees it */
    if (custom->json == NULL || custom->name == NULL)
        return STUDIO_ERR_NO_MEMORY;
    return len > STUDIO_CUSTOM_VALUE_MAX ? STUDIO_ERR_INVALID_DATA : STUDIO_OK;
}

/* Built-in fields stand before the custom ones, in the order of their table, and are a flag or a word
 * that could be configured. What has the name of one but stands elsewhere, or is anything else, was set
 * as a custom field. */
static bool is_in_place(const struct reader *r, const struct studio_field *field, const cJSON *item)
{
    return studio_field_index(field) >= r->next && strcmp(item->string, field->name) == 0 &&
           (field->kind == STUDIO_KIND_FLAG
                ? cJSON_IsBool(item)
                : cJSON_IsString(item) &&
                      name_is_value(item->valuestring, strlen(item->valuestring)));
}

/* A custom field of an earlier version, which had no built-in one of that name yet. */
static void read_former(struct reader *r, const struct studio_field *field, const cJSON *item)
{
    unsigned bit = 1U << studio_field_index(field);
    if (r->former != NULL && strcmp(item->string, field->name) != 0)
        buf_add(r->former, item->string, strlen(item->string) + 1);
    if ((r->fields & bit) != 0)
        log_warn("store", "the custom field %s was left out: the built-in %s has a value",
                 item->string, field->name);
    else if (read_field(r, field, item) != STUDIO_OK)
        log_warn("store", "the custom field %s was left out: the built-in %s cannot have its value",
                 item->string, field->name);
    else
        r->fields |= bit;
}

static enum studio_err read_member(struct reader *r, const cJSON *item)
{
    for (size_t i = 0; i < sizeof(head_rows) / sizeof(head_rows[0]); i++) {
        if (strcmp(item->string, head_rows[i].key) != 0)
            continue;
        r->has |= head_rows[i].bit;
        return head_rows[i].read(r, item) ? STUDIO_OK : STUDIO_ERR_INVALID_DATA;
    }
    const struct studio_field *field = studio_field_find(item->string, strlen(item->string));
    if (field != NULL && is_in_place(r, field, item)) {
        r->next = studio_field_index(field) + 1;
        r->fields |= 1U << studio_field_index(field);
        return read_field(r, field, item);
    }
    r->next = studio_field_count;
    if (field == NULL)
        return read_custom(r, item);
    read_former(r, field, item);
    return STUDIO_OK;
}

enum studio_err document_parse(const struct studio_values *lists, const char *text, size_t len,
                               struct buf *former, struct table_state *out,
                               struct refused_value *refused)
{
    cJSON *tree;
    enum studio_err err = tree_parse(text, len, NULL, &tree);
    if (err != STUDIO_OK)
        return err;
    state_init(out, lists, 0);
    struct reader reader = {.state = out, .former = former, .refused = refused};
    if (!cJSON_IsObject(tree))
        err = STUDIO_ERR_INVALID_DATA;
    for (const cJSON *item = tree->child; item != NULL && err == STUDIO_OK; item = item->next)
        err = read_member(&reader, item);
    cJSON_Delete(tree);
    if (err == STUDIO_OK && reader.has != HAS_ALL)
        err = STUDIO_ERR_INVALID_DATA;
    if (err != STUDIO_OK)
        state_finish(out);
    return err;
}

/* --- events ----------------------------------------------------------------------------------- */

static void add_timestamp(struct buf *out, int64_t wall_ms)
{
    char ts[TIME_MS_LEN + 1];
    time_print_ms(wall_ms, ts);
    json_word(out, "ts", ts);
}

static void add_origin(struct buf *out, const struct event_origin *origin)
{
    add_timestamp(out, origin->wall_ms);
    json_text(out, "by", origin->by);
    json_word(out, "via", via_name(origin->via));
}

static void start_body(struct buf *out, const char *table_id)
{
    buf_str(out, "\"table_id\":");
    json_string(out, table_id, strlen(table_id));
}

static const char removed_end[] = ",\"removed\":true}";

void event_change_body(struct buf *out, const struct event_origin *origin, uint64_t rev,
                       const char *changes, bool removed)
{
    start_body(out, origin->table_id);
    json_u64(out, "rev", rev);
    add_origin(out, origin);
    json_key(out, "changes");
    buf_str(out, changes);
    buf_str(out, removed ? removed_end : "}");
}

/* Within `changes` the value would be one of two in brackets. */
bool event_removes(const struct studio_event *event)
{
    const size_t len = sizeof(removed_end) - 1;

    return event->kind == EVENT_CHANGE && event->body_len > len &&
           memcmp(event->body + event->body_len - len, removed_end, len) == 0;
}

void event_exception_body(struct buf *out, const struct event_origin *origin, const char *data)
{
    start_body(out, origin->table_id);
    add_origin(out, origin);
    json_key(out, "data");
    buf_str(out, data);
    buf_str(out, "}");
}

/* --- answers and pushes ----------------------------------------------------------------------- */

static void end_answer(struct buf *out, const char *request_id)
{
    if (request_id != NULL) {
        json_key(out, "request_id");
        buf_str(out, request_id);
    }
    buf_str(out, "}");
}

void answer_done(struct buf *out, const char *status, const char *table_id, const char *request_id)
{
    buf_str(out, "{");
    json_word(out, "status", status);
    json_text(out, "table_id", table_id);
    end_answer(out, request_id);
}

void answer_tables(struct buf *out, const char *status, const char *const *tables, size_t count,
                   const char *request_id)
{
    buf_str(out, "{");
    json_word(out, "status", status);
    json_key(out, "tables");
    buf_str(out, "[");
    for (size_t i = 0; i < count; i++) {
        buf_str(out, i == 0 ? "" : ",");
        json_string(out, tables[i], strlen(tables[i]));
    }
    buf_str(out, "]");
    end_answer(out, request_id);
}

void answer_document(struct buf *out, const char *document, size_t len, const char *request_id)
{
    buf_str(out, "{\"event\":\"status\",\"data\":");
    buf_add(out, document, len);
    end_answer(out, request_id);
}

void answer_error(struct buf *out, const char *text, const char *request_id)
{
    buf_str(out, "{");
    json_text(out, "error", text);
    end_answer(out, request_id);
}

static void begin_problem(struct buf *out, int status)
{
    buf_str(out, "{\"status\":");
    buf_u64(out, (uint64_t)status);
}

void problem_print(struct buf *out, int status, const char *title)
{
    begin_problem(out, status);
    json_text(out, "title", title);
    buf_str(out, "}");
}

void problem_of_answer(struct buf *out, int status, const char *answer, size_t len)
{
    static const char before[] = "{\"error\"";

    begin_problem(out, status);
    json_key(out, "title");
    buf_add(out, answer + sizeof(before), len - sizeof(before)); /* and the colon */
}

void push_exception(struct buf *out, const struct event_origin *origin, uint64_t seq,
                    const char *data)
{
    buf_str(out, "{\"event\":\"exception\"");
    json_text(out, "table_id", origin->table_id);
    json_u64(out, "seq", seq);
    add_timestamp(out, origin->wall_ms);
    json_key(out, "data");
    buf_str(out, data);
    buf_str(out, "}");
}

void push_with_presence(struct buf *out, const char *status, size_t len, bool online)
{
    buf_add(out, status, len - 1); /* without its last brace */
    buf_printf(out, ",\"online\":%s}", online ? "true" : "false");
}

void push_removed(struct buf *out, const char *table_id)
{
    buf_str(out, "{\"event\":\"removed\"");
    json_text(out, "table_id", table_id);
    buf_str(out, "}");
}

void push_lagged(struct buf *out, uint64_t missed)
{
    buf_str(out, "{\"event\":\"lagged\",\"data\":{\"missed\":");
    buf_u64(out, missed);
    buf_str(out, "}}");
}
