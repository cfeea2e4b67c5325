#include "protocol/past.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/times.h"
#include "studio/status.h"

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct past_field {
    char *json; /* NULL: it was not there */
    UT_hash_handle hh;
    char name[];
};

static bool is(const struct json_span *span, const char *text)
{
    return span->len == strlen(text) && memcmp(span->text, text, span->len) == 0;
}

/* A name of a member, without its quotes: no field's needs escapes. */
static struct json_span plain(const struct json_span *name)
{
    return (struct json_span){name->text + 1, name->len - 2};
}

static bool is_built_in(const struct json_span *name)
{
    for (size_t i = 0; i < studio_field_count; i++)
        if (is(name, studio_fields[i].name))
            return true;
    return false;
}

static struct past_field *find(const struct past *past, const char *name, size_t len)
{
    struct past_field *field = NULL;

    HASH_FIND(hh, past->fields, name, len, field);
    return field;
}

/* What it lies in does not end with a NUL. */
static char *copy(const struct json_span *span)
{
    char *text = malloc(span->len + 1);

    if (!text)
        return NULL;
    memcpy(text, span->text, span->len);
    text[span->len] = '\0';
    return text;
}

/* What is told first counts. */
static void learn(struct past *past, const struct json_span *name, const struct json_span *value)
{
    struct past_field *field;

    if (past->failed || find(past, name->text, name->len))
        return;
    past->failed = true;
    if (HASH_COUNT(past->fields) == PAST_FIELDS_MAX)
        return;
    field = calloc(1, sizeof(*field) + name->len + 1);
    if (!field)
        return;
    memcpy(field->name, name->text, name->len);
    if (!is(value, "null") && !(field->json = copy(value))) {
        free(field);
        return;
    }
    HASH_ADD_KEYPTR(hh, past->fields, field->name, name->len, field);
    if (field->hh.tbl) {
        past->failed = false;
        return;
    }
    free(field->json);
    free(field);
}

/* `[before,after]`, as it was printed, in two. */
static bool split(const struct json_span *pair, struct json_span *before, struct json_span *after)
{
    const char *at = pair->text + 1, *end = pair->text + pair->len - 1;
    unsigned depth = 0;
    bool quoted = false;

    for (; at < end; at++) {
        if (quoted) {
            quoted = *at != '"';
            at += *at == '\\';
        } else if (*at == ',' && depth == 0) {
            *before = (struct json_span){pair->text + 1, (size_t)(at - pair->text - 1)};
            *after = (struct json_span){at + 1, (size_t)(end - at - 1)};
            return true;
        } else {
            quoted = *at == '"';
            depth += *at == '[' || *at == '{';
            depth -= *at == ']' || *at == '}';
        }
    }
    return false;
}

static const struct json_span *member(const struct json_members *object, const char *name)
{
    for (size_t i = 0; i < object->count; i++) {
        struct json_span key = plain(&object->names[i]);
        if (is(&key, name))
            return &object->values[i];
    }
    return NULL;
}

/* No field that is always there comes out of nothing later. */
static enum past_kind kind_of(const struct json_members *changes)
{
    struct json_span before, after;

    for (size_t i = 0; i < changes->count; i++) {
        struct json_span name = plain(&changes->names[i]);
        if (is_built_in(&name) && split(&changes->values[i], &before, &after) &&
            is(&before, "null"))
            return PAST_MADE;
    }
    return PAST_CHANGE;
}

static void learn_changes(struct past *past, const struct json_members *changes, bool later)
{
    struct json_span before, after;

    for (size_t i = 0; i < changes->count; i++) {
        struct json_span name = plain(&changes->names[i]);
        if (split(&changes->values[i], &before, &after))
            learn(past, &name, later ? &before : &after);
        else
            past->failed = true;
    }
}

static enum past_kind tell(struct past *past, const char *body, size_t len, bool later)
{
    struct json_members event, changes;
    const struct json_span *span;
    enum past_kind kind = PAST_CHANGE;
    struct buf text;

    buf_init(&text, SIZE_MAX);
    buf_str(&text, "{");
    buf_add(&text, body, len);
    if (!buf_ok(&text) || !json_members(text.data, text.len, &event) ||
        !(span = member(&event, "changes")) || !json_members(span->text, span->len, &changes)) {
        past->failed = true;
    } else {
        kind = member(&event, "removed") ? PAST_REMOVED : kind_of(&changes);
        if (kind == PAST_CHANGE || (kind == PAST_MADE && !later))
            learn_changes(past, &changes, later);
    }
    buf_finish(&text);
    return kind;
}

enum past_kind past_later(struct past *past, const char *body, size_t len)
{
    return tell(past, body, len, true);
}

enum past_kind past_earlier(struct past *past, const char *body, size_t len)
{
    return tell(past, body, len, false);
}

void past_now(struct past *past, const char *document, size_t len)
{
    struct json_members members;

    if (!json_members(document, len, &members)) {
        past->failed = true;
        return;
    }
    for (size_t i = 0; i < members.count; i++) {
        struct json_span name = plain(&members.names[i]);
        if (!is(&name, "TABLE_ID") && !is(&name, "UPTIME") && !is(&name, "TIMESTAMP"))
            learn(past, &name, &members.values[i]);
    }
}

static void print_built_in(const struct past *past, struct buf *out,
                           const struct studio_field *field)
{
    const struct past_field *told = find(past, field->name, strlen(field->name));

    if (!told && field->kind != STUDIO_KIND_FLAG) {
        json_word(out, field->name, field->first);
        return;
    }
    json_key(out, field->name);
    buf_str(out, told && told->json ? told->json : field->first);
}

void past_print(const struct past *past, struct buf *out, const char *table_id, uint64_t rev,
                int64_t stamp_s)
{
    char stamp[TIME_S_LEN + 1];

    time_print_s(stamp_s, stamp);
    buf_str(out, "{");
    json_text(out, "TABLE_ID", table_id);
    json_u64(out, "UPTIME", rev);
    json_word(out, "TIMESTAMP", stamp);
    for (size_t i = 0; i < studio_field_count; i++)
        print_built_in(past, out, &studio_fields[i]);
    for (const struct past_field *field = past->fields; field; field = field->hh.next) {
        struct json_span name = {field->name, strlen(field->name)};
        if (!field->json || is_built_in(&name))
            continue;
        json_key(out, field->name);
        buf_str(out, field->json);
    }
    buf_str(out, "}");
}

void past_finish(struct past *past)
{
    struct past_field *field, *next;

    HASH_ITER(hh, past->fields, field, next)
    {
        HASH_DEL(past->fields, field);
        free(field->json);
        free(field);
    }
    *past = (struct past){0};
}
