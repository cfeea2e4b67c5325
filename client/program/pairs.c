#include "pairs.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "client/client_error.h"
#include "client/client_update.h"

/* `sdp up`; `value` is NULL behind the last word. */
static enum studio_err parse_words(const char *key, const char *value, struct pairs *out,
                                   struct studio_error *error)
{
    const struct studio_field *field = update_field(key);

    if (field == NULL) {
        const struct studio_field *near = studio_field_near(key);
        return client_error_usage(error, "unknown word '%.40s'%s%s (a custom field is NAME=VALUE)",
                                  key, near != NULL ? ", did you mean " : "",
                                  near != NULL ? near->key : "");
    }
    if (value == NULL)
        return client_error_usage(error, "%s has no value: KEY=VALUE or KEY VALUE is expected",
                                  key);
    out->names[out->count] = strdup(field->key);
    out->values[out->count] = strdup(update_value_name(field, value));
    if (out->names[out->count] == NULL || out->values[out->count] == NULL)
        return studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
    return STUDIO_OK;
}

static enum studio_err parse_all(const char *const *words, size_t count, struct pairs *out,
                                 struct studio_error *error)
{
    for (size_t i = 0; i < count; i++) {
        size_t at = out->count;
        enum studio_err err;
        if (at == PAIRS_MAX)
            return client_error_usage(error, "at most %d fields fit one update", PAIRS_MAX);
        if (strchr(words[i], '=') != NULL) {
            err = update_parse_pair(words[i], &out->names[at], &out->values[at], error);
        } else {
            err = parse_words(words[i], i + 1 < count ? words[i + 1] : NULL, out, error);
            i++;
        }
        out->count++; /* also if half empty: pairs_finish frees it */
        if (err != STUDIO_OK)
            return err;
        out->fields[at] =
            (struct studio_client_field){.name = out->names[at], .value = out->values[at]};
    }
    return STUDIO_OK;
}

enum studio_err pairs_parse(const struct studio_values *lists, const char *const *words,
                            size_t count, struct pairs *out, struct studio_error *error)
{
    struct buf checked;

    *out = (struct pairs){.count = 0};
    enum studio_err err = parse_all(words, count, out, error);
    if (err != STUDIO_OK)
        return err;
    buf_init(&checked, STUDIO_MESSAGE_MAX);
    err = update_print(&checked, lists, out->fields, out->count, error);
    buf_finish(&checked);
    return err;
}

enum studio_err pairs_add_table(struct pairs *pairs, const char *table_id,
                                struct studio_error *error)
{
    size_t at = pairs->count;

    for (size_t i = 0; i < at; i++)
        if (update_names_table(pairs->names[i]))
            return STUDIO_OK;
    if (at == PAIRS_MAX)
        return client_error_usage(error, "at most %d fields fit one update", PAIRS_MAX);
    pairs->names[at] = strdup("table_id");
    pairs->values[at] = strdup(table_id);
    pairs->count++;
    if (pairs->names[at] == NULL || pairs->values[at] == NULL)
        return studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
    pairs->fields[at] =
        (struct studio_client_field){.name = pairs->names[at], .value = pairs->values[at]};
    return STUDIO_OK;
}

void pairs_finish(struct pairs *pairs)
{
    for (size_t i = 0; i < pairs->count; i++) {
        free(pairs->names[i]);
        free(pairs->values[i]);
    }
    pairs->count = 0;
}

const char *pairs_mistyped(const struct pairs *pairs, const struct studio_field **meant)
{
    for (size_t i = 0; i < pairs->count; i++) {
        const char *name = pairs->names[i];
        if (pairs->values[i] == NULL || strcmp(pairs->values[i], "null") == 0 ||
            update_field(name) != NULL || update_names_table(name))
            continue;
        *meant = studio_field_near(name);
        if (*meant != NULL)
            return name;
    }
    return NULL;
}
