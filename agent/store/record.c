#include "store/record.h"

#include <string.h>

#include "base/times.h"

const struct json_span *record_get(const struct json_members *record, const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < record->count; i++) {
        const struct json_span *n = &record->names[i];
        if (n->len == len + 2 && memcmp(n->text + 1, name, len) == 0)
            return &record->values[i];
    }
    return NULL;
}

bool record_i64(const struct json_members *record, const char *name, int64_t *out)
{
    const struct json_span *value = record_get(record, name);
    if (!value || value->len > 20)
        return false;
    bool negative = value->text[0] == '-';
    if (value->len == (negative ? 1 : 0))
        return false;
    int64_t n = 0;
    for (size_t i = negative; i < value->len; i++) {
        int digit = value->text[i] - '0';
        if (digit < 0 || digit > 9 || n > (INT64_MAX - digit) / 10)
            return false;
        n = n * 10 + digit;
    }
    *out = negative ? -n : n;
    return true;
}

bool record_u64(const struct json_members *record, const char *name, uint64_t *out)
{
    int64_t n;
    if (!record_i64(record, name, &n) || n < 0)
        return false;
    *out = (uint64_t)n;
    return true;
}

bool record_is(const struct json_members *record, const char *name, const char *text)
{
    const struct json_span *value = record_get(record, name);
    size_t len = strlen(text);
    return value && value->len == len + 2 && value->text[0] == '"' &&
           memcmp(value->text + 1, text, len) == 0;
}

bool record_time(const struct json_members *record, const char *name, int64_t *wall_ms)
{
    const struct json_span *value = record_get(record, name);
    if (!value || value->len != TIME_MS_LEN + 2 || value->text[0] != '"')
        return false;
    char text[TIME_MS_LEN + 1];
    memcpy(text, value->text + 1, TIME_MS_LEN);
    text[TIME_MS_LEN] = '\0';
    return time_parse_ms(text, wall_ms);
}
