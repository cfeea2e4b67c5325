#include "protocol/tree.h"

#include <locale.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

/* Printing lengthens a value at most eightfold (`1e15`), and the largest is a stored document. */
enum { TEXT_MAX = 8 * 65536 };

static const double integer_max = 9007199254740991.0; /* 2^53 - 1 */

enum studio_err tree_parse(const char *text, size_t len, struct json_facts *facts, cJSON **out)
{
    if (!json_check(text, len, facts))
        return STUDIO_ERR_INVALID_JSON;
    /* What json_check lets pass cJSON reads too, if it gets the memory. */
    *out = cJSON_ParseWithLengthOpts(text, len, NULL, 0);
    return *out == NULL ? STUDIO_ERR_NO_MEMORY : STUDIO_OK;
}

static bool is_whole(double d)
{
    return fabs(d) <= integer_max && (double)(int64_t)d == d;
}

bool tree_is_integer(const cJSON *item)
{
    return cJSON_IsNumber(item) && is_whole(item->valuedouble);
}

/* Whole numbers within +-(2^53-1) as such; beyond, always with an exponent, so that what was not
 * written as an integer does not look like one that is refused. */
static void print_number(struct buf *out, double d)
{
    char text[32];
    if (is_whole(d)) {
        if (signbit(d))
            buf_add(out, "-", 1);
        buf_u64(out, (uint64_t)fabs(d));
        return;
    }
    int digits = 15;
    do {
        (void)snprintf(text, sizeof(text), "%.*g", digits, d);
    } while (strtod(text, NULL) != d && ++digits <= 17);
    if (fabs(d) > integer_max && strchr(text, 'e') == NULL)
        (void)snprintf(text, sizeof(text), "%.*e", digits - 1, d);
    char *point =
        strpbrk(text, localeconv()->decimal_point); /* a program's locale may have a comma */
    if (point)
        *point = '.';
    buf_str(out, text);
}

static void print_value(struct buf *out, const cJSON *item);

static void print_members(struct buf *out, const cJSON *item)
{
    bool object = cJSON_IsObject(item);
    const cJSON *child;
    buf_add(out, object ? "{" : "[", 1);
    cJSON_ArrayForEach(child, item)
    {
        if (child != item->child)
            buf_add(out, ",", 1);
        if (object) {
            json_string(out, child->string, strlen(child->string));
            buf_add(out, ":", 1);
        }
        print_value(out, child); /* json_check has bounded the depth */
    }
    buf_add(out, object ? "}" : "]", 1);
}

/* Without insignificant white space. */
static void print_value(struct buf *out, const cJSON *item)
{
    if (cJSON_IsString(item))
        json_string(out, item->valuestring, strlen(item->valuestring));
    else if (cJSON_IsNumber(item))
        print_number(out, item->valuedouble);
    else if (cJSON_IsBool(item))
        buf_str(out, cJSON_IsTrue(item) ? "true" : "false");
    else if (cJSON_IsNull(item))
        buf_str(out, "null");
    else
        print_members(out, item);
}

char *tree_text(const cJSON *item, size_t *len)
{
    struct buf text;
    buf_init(&text, TEXT_MAX);
    print_value(&text, item);
    *len = text.len;
    return buf_take(&text);
}

enum tree_numbers tree_check_numbers(const cJSON *item, const struct json_facts *facts)
{
    if (cJSON_IsNumber(item)) {
        if (!isfinite(item->valuedouble))
            return TREE_NUMBERS_OVERFLOW;
        /* The tree does not tell `1e300` from an integer of that size; the text's facts do. */
        if (facts->big_integer && fabs(item->valuedouble) > integer_max)
            return TREE_NUMBERS_BIG;
        return TREE_NUMBERS_OK;
    }
    const cJSON *child;
    cJSON_ArrayForEach(child, item)
    {
        enum tree_numbers found = tree_check_numbers(child, facts);
        if (found != TREE_NUMBERS_OK)
            return found;
    }
    return TREE_NUMBERS_OK;
}

int tree_value(const cJSON *item, const struct studio_values *lists,
               const struct studio_field *field, struct refused_value *refused)
{
    if (field->kind == STUDIO_KIND_FLAG)
        return cJSON_IsBool(item) ? cJSON_IsTrue(item) : -1;
    if (!cJSON_IsString(item))
        return -1;
    size_t len = strlen(item->valuestring);
    int value = studio_value_find(lists, field->kind, item->valuestring, len);
    if (value < 0)
        refused_value_note(refused, field, item->valuestring, len);
    return value;
}
