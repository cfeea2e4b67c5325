/* record.c - a strict JSON reader (RFC 8259) that keeps values as the bytes they are. */
#include "store/record.h"

#include <string.h>

#include "base/text.h"
#include "base/times.h"

struct cursor {
    const char *at;
    const char *end;
};

static bool skip_value(struct cursor *c, int depth);

static void skip_blanks(struct cursor *c)
{
    static const char blanks[] = " \t\r\n";
    while (c->at < c->end && memchr(blanks, *c->at, sizeof blanks - 1))
        c->at++;
}

/* The next byte that is not blank; NUL at the end. */
static char peek(struct cursor *c)
{
    skip_blanks(c);
    if (c->at == c->end)
        return '\0';
    return *c->at;
}

static bool take(struct cursor *c, char wanted)
{
    if (peek(c) != wanted || c->at == c->end)
        return false;
    c->at++;
    return true;
}

static bool skip_word(struct cursor *c, const char *word)
{
    size_t len = strlen(word);
    if ((size_t)(c->end - c->at) < len || memcmp(c->at, word, len) != 0)
        return false;
    c->at += len;
    return true;
}

static size_t skip_digits(struct cursor *c)
{
    const char *start = c->at;
    while (c->at < c->end && *c->at >= '0' && *c->at <= '9')
        c->at++;
    return (size_t)(c->at - start);
}

static bool skip_number(struct cursor *c)
{
    (void)skip_word(c, "-");
    const char *start = c->at;
    size_t digits = skip_digits(c);
    if (digits == 0 || (digits > 1 && *start == '0'))
        return false;
    if (skip_word(c, ".") && skip_digits(c) == 0)
        return false;
    if (skip_word(c, "e") || skip_word(c, "E")) {
        (void)(skip_word(c, "+") || skip_word(c, "-"));
        return skip_digits(c) > 0;
    }
    return true;
}

/* --- strings --------------------------------------------------------------------------------- */

/* Four hex digits; -1 if there are none. */
static int take_hex4(struct cursor *c)
{
    int n = 0;
    if (c->end - c->at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int digit = text_hex_digit(*c->at);
        if (digit < 0)
            return -1;
        n = n * 16 + digit;
        c->at++;
    }
    return n;
}

static size_t put_utf8(long point, char out[4])
{
    if (point < 0x80) {
        out[0] = (char)point;
        return 1;
    }
    size_t len = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = len; --i > 0; point >>= 6)
        out[i] = (char)(0x80 | (point & 0x3f));
    out[0] = (char)(lead[len] | point);
    return len;
}

/* After `\u`: the code point, both halves of a pair together; -1 for NUL or half a pair. */
static long take_code_point(struct cursor *c)
{
    long point = take_hex4(c);
    if (point <= 0 || (point >= 0xdc00 && point <= 0xdfff))
        return -1;
    if (point < 0xd800 || point > 0xdbff)
        return point;
    long low = skip_word(c, "\\u") ? take_hex4(c) : -1;
    if (low < 0xdc00 || low > 0xdfff)
        return -1;
    return 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
}

/* Behind a backslash: the byte or bytes it stands for; 0 if it is no escape. */
static size_t take_escape(struct cursor *c, char out[4])
{
    static const char names[] = "\"\\/bfnrt", bytes[] = "\"\\/\b\f\n\r\t";
    if (c->at == c->end)
        return 0;
    char name = *c->at++;
    if (name == 'u') {
        long point = take_code_point(c);
        return point < 0 ? 0 : put_utf8(point, out);
    }
    const char *found = memchr(names, name, sizeof names - 1);
    if (!found)
        return 0;
    out[0] = bytes[found - names];
    return 1;
}

/* Passes a string with its quotes; its text goes to `out` unless NULL. */
static bool take_string(struct cursor *c, struct buf *out)
{
    if (!take(c, '"'))
        return false;
    while (c->at < c->end && *c->at != '"') {
        char text[4];
        size_t len = 1;
        text[0] = *c->at++;
        if ((unsigned char)text[0] < 0x20)
            return false;
        if (text[0] == '\\')
            len = take_escape(c, text);
        if (len == 0)
            return false;
        if (out)
            buf_add(out, text, len);
    }
    return skip_word(c, "\"");
}

/* --- arrays and objects ---------------------------------------------------------------------- */

/* The members of an object or the elements of an array; members of the outermost go to `record`. */
static bool take_items(struct cursor *c, char close, int depth, struct record *record)
{
    c->at++;
    if (take(c, close))
        return true;
    do {
        struct record_span name = {0};
        if (close == '}') {
            (void)peek(c);
            name.text = c->at;
            if (!take_string(c, NULL))
                return false;
            name.len = (size_t)(c->at - name.text);
            if (!take(c, ':'))
                return false;
        }
        (void)peek(c);
        struct record_span value = {.text = c->at};
        if (!skip_value(c, depth + 1))
            return false;
        value.len = (size_t)(c->at - value.text);
        if (record) {
            if (record->count == RECORD_MEMBERS_MAX)
                return false;
            record->names[record->count] = name;
            record->values[record->count++] = value;
        }
    } while (take(c, ','));
    return take(c, close);
}

static bool skip_value(struct cursor *c, int depth)
{
    if (depth > RECORD_DEPTH_MAX)
        return false;
    switch (peek(c)) {
    case '{':
        return take_items(c, '}', depth, NULL);
    case '[':
        return take_items(c, ']', depth, NULL);
    case '"':
        return take_string(c, NULL);
    case 't':
        return skip_word(c, "true");
    case 'f':
        return skip_word(c, "false");
    case 'n':
        return skip_word(c, "null");
    default:
        return skip_number(c);
    }
}

static bool same(const struct record_span *a, const struct record_span *b)
{
    return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
}

bool record_parse(const char *line, size_t len, struct record *out)
{
    struct cursor c = {line, line + len};
    out->count = 0;
    if (!text_utf8_valid(line, len) || peek(&c) != '{' || !take_items(&c, '}', 0, out))
        return false;
    skip_blanks(&c);
    if (c.at != c.end)
        return false;
    for (size_t i = 1; i < out->count; i++)
        for (size_t j = 0; j < i; j++)
            if (same(&out->names[i], &out->names[j]))
                return false;
    return true;
}

/* --- members --------------------------------------------------------------------------------- */

const struct record_span *record_get(const struct record *record, const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < record->count; i++) {
        const struct record_span *n = &record->names[i];
        if (n->len == len + 2 && memcmp(n->text + 1, name, len) == 0)
            return &record->values[i];
    }
    return NULL;
}

bool record_i64(const struct record *record, const char *name, int64_t *out)
{
    const struct record_span *value = record_get(record, name);
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

bool record_u64(const struct record *record, const char *name, uint64_t *out)
{
    int64_t n;
    if (!record_i64(record, name, &n) || n < 0)
        return false;
    *out = (uint64_t)n;
    return true;
}

bool record_is(const struct record *record, const char *name, const char *text)
{
    const struct record_span *value = record_get(record, name);
    size_t len = strlen(text);
    return value && value->len == len + 2 && value->text[0] == '"' &&
           memcmp(value->text + 1, text, len) == 0;
}

bool record_string(const struct record *record, const char *name, struct buf *out)
{
    const struct record_span *value = record_get(record, name);
    if (!value)
        return false;
    struct cursor c = {value->text, value->text + value->len};
    return take_string(&c, out);
}

bool record_time(const struct record *record, const char *name, int64_t *wall_ms)
{
    const struct record_span *value = record_get(record, name);
    if (!value || value->len != TIME_MS_LEN + 2 || value->text[0] != '"')
        return false;
    char text[TIME_MS_LEN + 1];
    memcpy(text, value->text + 1, TIME_MS_LEN);
    text[TIME_MS_LEN] = '\0';
    return time_parse_ms(text, wall_ms);
}
