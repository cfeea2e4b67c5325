#include "base/json.h"

#include <string.h>

#include "base/text.h"
#include "studio/status.h"

/* Where the check stands. Each check_ function moves `at` behind what it has found valid. */
struct scan {
    const char *at;
    const char *end;
    unsigned depth, depth_max;
    struct json_facts facts;
    const char *value_end;        /* of the value checked last */
    struct json_members *members; /* of the outermost object; NULL: they are not wanted */
};

static bool check_value(struct scan *s);

static bool next_is(const struct scan *s, char c)
{
    return s->at < s->end && *s->at == c;
}

static bool skip(struct scan *s, char c)
{
    if (!next_is(s, c))
        return false;
    s->at++;
    return true;
}

static void skip_blanks(struct scan *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\t' || *s->at == '\n' || *s->at == '\r'))
        s->at++;
}

static bool check_word(struct scan *s, const char *word, size_t len)
{
    if ((size_t)(s->end - s->at) < len || memcmp(s->at, word, len) != 0)
        return false;
    s->at += len;
    return true;
}

/* --- strings ---------------------------------------------------------------------------------- */

static bool read_hex4(struct scan *s, unsigned *out)
{
    if (s->end - s->at < 4)
        return false;
    unsigned n = 0;
    for (int i = 0; i < 4; i++) {
        int digit = text_hex_digit(*s->at++);
        if (digit < 0)
            return false;
        n = n << 4 | (unsigned)digit;
    }
    *out = n;
    return true;
}

/* What follows `\u`: no NUL, and surrogates only as a pair, high before low. */
static bool check_unicode_escape(struct scan *s)
{
    unsigned high, low;
    if (!read_hex4(s, &high) || high == 0 || (high >= 0xDC00 && high <= 0xDFFF))
        return false;
    if (high < 0xD800 || high > 0xDBFF)
        return true;
    return skip(s, '\\') && skip(s, 'u') && read_hex4(s, &low) && low >= 0xDC00 && low <= 0xDFFF;
}

static bool check_escape(struct scan *s)
{
    if (s->at == s->end)
        return false;
    char c = *s->at++;
    if (c == 'u')
        return check_unicode_escape(s);
    return c != '\0' && strchr("\"\\/bfnrt", c) != NULL;
}

static bool check_string(struct scan *s)
{
    if (!skip(s, '"'))
        return false;
    while (s->at < s->end) {
        unsigned char c = (unsigned char)*s->at++;
        if (c == '"')
            return true;
        if (c < 0x20 || (c == '\\' && !check_escape(s)))
            return false;
    }
    return false;
}

/* --- numbers ---------------------------------------------------------------------------------- */

static size_t skip_digits(struct scan *s)
{
    const char *start = s->at;
    while (s->at < s->end && *s->at >= '0' && *s->at <= '9')
        s->at++;
    return (size_t)(s->at - start);
}

/* Without leading zeros an integer's size shows in its digits. */
static bool is_big(const char *digits, size_t len)
{
    static const char largest[] = "9007199254740991"; /* 2^53 - 1 */
    return len > sizeof(largest) - 1 ||
           (len == sizeof(largest) - 1 && memcmp(digits, largest, len) > 0);
}

static bool check_number(struct scan *s)
{
    const char *start = s->at;
    (void)skip(s, '-');
    const char *digits = s->at;
    size_t count = skip_digits(s);
    if (count == 0 || (count > 1 && digits[0] == '0'))
        return false;

    bool integer = true;
    if (skip(s, '.')) {
        integer = false;
        if (skip_digits(s) == 0)
            return false;
    }
    if (skip(s, 'e') || skip(s, 'E')) {
        integer = false;
        if (!skip(s, '+'))
            (void)skip(s, '-');
        if (skip_digits(s) == 0)
            return false;
    }
    if (integer && is_big(digits, count))
        s->facts.big_integer = true;
    return s->at - start <= JSON_NUMBER_MAX;
}

/* --- arrays and objects ----------------------------------------------------------------------- */

static bool keep(struct json_members *m, struct json_span name, struct json_span value)
{
    if (m->count == JSON_MEMBERS_MAX)
        return false;
    for (size_t i = 0; i < m->count; i++)
        if (m->names[i].len == name.len && memcmp(m->names[i].text, name.text, name.len) == 0)
            return false;
    m->names[m->count] = name;
    m->values[m->count++] = value;
    return true;
}

static bool check_member(struct scan *s, char close)
{
    struct json_span name, value;
    if (close == ']')
        return check_value(s);
    skip_blanks(s);
    name.text = s->at;
    if (!check_string(s))
        return false;
    name.len = (size_t)(s->at - name.text);
    skip_blanks(s);
    if (!skip(s, ':'))
        return false;
    skip_blanks(s);
    value.text = s->at;
    if (!check_value(s))
        return false;
    value.len = (size_t)(s->value_end - value.text);
    return !s->members || s->depth > 1 || keep(s->members, name, value);
}

/* From the opening bracket to `close`. The depth bounds the recursion. */
static bool check_members(struct scan *s, char close)
{
    s->at++;
    if (++s->depth > s->depth_max)
        return false;
    if (s->depth > s->facts.depth)
        s->facts.depth = s->depth;
    skip_blanks(s);
    if (!skip(s, close)) {
        do {
            if (!check_member(s, close))
                return false;
        } while (skip(s, ','));
        if (!skip(s, close))
            return false;
    }
    s->depth--;
    return true;
}

/* One value with the white space around it. */
static bool check_value(struct scan *s)
{
    bool valid;
    skip_blanks(s);
    if (s->at == s->end)
        return false;
    switch (*s->at) {
    case '{':
        valid = check_members(s, '}');
        break;
    case '[':
        valid = check_members(s, ']');
        break;
    case '"':
        valid = check_string(s);
        break;
    case 't':
        valid = check_word(s, "true", 4);
        break;
    case 'f':
        valid = check_word(s, "false", 5);
        break;
    case 'n':
        valid = check_word(s, "null", 4);
        break;
    default:
        valid = check_number(s);
        break;
    }
    s->value_end = s->at;
    skip_blanks(s);
    return valid;
}

/* Outside strings the grammar allows only ASCII, so one look at the whole text is enough. */
static bool check_all(struct scan *s)
{
    const char *text = s->at;
    return check_value(s) && s->at == s->end && text_utf8_valid(text, (size_t)(s->end - text));
}

bool json_check(const char *text, size_t len, struct json_facts *facts)
{
    if (len == 0)
        return false;
    struct scan s = {.at = text, .end = text + len, .depth_max = STUDIO_JSON_DEPTH_MAX};
    if (!check_all(&s))
        return false;
    if (facts != NULL)
        *facts = s.facts;
    return true;
}

bool json_members(const char *text, size_t len, struct json_members *out)
{
    struct scan s = {
        .at = text, .end = text + len, .depth_max = JSON_MEMBERS_DEPTH_MAX, .members = out};
    out->count = 0;
    skip_blanks(&s);
    return next_is(&s, '{') && check_all(&s);
}

/* --- printing --------------------------------------------------------------------------------- */

/* The short escapes of RFC 8259; the other control characters take the \u form. */
static const char short_escapes[0x20] = {
    ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};

static void add_escape(struct buf *b, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    if (c == '"' || c == '\\') {
        buf_add(b, (char[]){'\\', (char)c}, 2);
    } else if (short_escapes[c] != '\0') {
        buf_add(b, (char[]){'\\', short_escapes[c]}, 2);
    } else {
        buf_add(b, (char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6);
    }
}

/* How many bytes from here on stand for themselves. */
static size_t plain(const char *text, size_t len)
{
    size_t i = 0;
    while (i < len && (unsigned char)text[i] >= 0x20 && text[i] != '"' && text[i] != '\\')
        i++;
    return i;
}

/* There is room for `len` bytes and the quotes. */
static void add_plain(struct buf *b, const char *text, size_t len)
{
    char *at = b->data + b->len;
    at[0] = '"';
    memcpy(at + 1, text, len);
    at[len + 1] = '"';
    at[len + 2] = '\0';
    b->len += len + 2;
}

void json_string(struct buf *b, const char *text, size_t len)
{
    size_t run = plain(text, len);
    if (run == len) {
        if (buf_reserve(b, len + 2))
            add_plain(b, text, len);
        return;
    }
    buf_add(b, "\"", 1);
    while (run < len) {
        buf_add(b, text, run);
        add_escape(b, (unsigned char)text[run]);
        text += run + 1;
        len -= run + 1;
        run = plain(text, len);
    }
    buf_add(b, text, len);
    buf_add(b, "\"", 1);
}

void json_key(struct buf *out, const char *key)
{
    size_t len = strlen(key);
    if (!buf_reserve(out, len + 4))
        return;
    if (out->len > 0 && out->data[out->len - 1] != '{')
        out->data[out->len++] = ',';
    add_plain(out, key, len);
    buf_add(out, ":", 1);
}

void json_text(struct buf *out, const char *key, const char *text)
{
    json_key(out, key);
    json_string(out, text, strlen(text));
}

void json_word(struct buf *out, const char *key, const char *word)
{
    size_t len = strlen(word);
    json_key(out, key);
    if (buf_reserve(out, len + 2))
        add_plain(out, word, len);
}

void json_u64(struct buf *out, const char *key, uint64_t n)
{
    json_key(out, key);
    buf_u64(out, n);
}

/* --- what a string says ---------------------------------------------------------------------- */

static unsigned hex4(const char *at)
{
    unsigned n = 0;
    for (int i = 0; i < 4; i++)
        n = n * 16 + (unsigned)text_hex_digit(at[i]);
    return n;
}

static void add_utf8(struct buf *b, unsigned c)
{
    const struct {
        unsigned below;
        unsigned char lead;
        int more;
    } forms[] = {{0x80, 0, 0}, {0x800, 0xc0, 1}, {0x10000, 0xe0, 2}, {0x110000, 0xf0, 3}};
    int form = 0;
    char bytes[4];
    while (c >= forms[form].below)
        form++;
    for (int i = forms[form].more; i > 0; i--, c >>= 6)
        bytes[i] = (char)(0x80 | (c & 0x3f));
    bytes[0] = (char)(forms[form].lead | c);
    buf_add(b, bytes, (size_t)forms[form].more + 1);
}

/* An escape behind its backslash: how long it is. */
static size_t add_unescaped(struct buf *b, const char *at)
{
    static const char names[] = "bfnrt", values[] = "\b\f\n\r\t";
    const char *name = strchr(names, *at);
    if (*at != 'u') {
        buf_add(b, name ? &values[name - names] : at, 1);
        return 1;
    }
    unsigned c = hex4(at + 1);
    if (c < 0xd800 || c > 0xdbff) {
        add_utf8(b, c);
        return 5;
    }
    add_utf8(b, 0x10000 + ((c - 0xd800) << 10) + (hex4(at + 7) - 0xdc00));
    return 11;
}

void json_string_value(struct buf *out, const char *string, size_t len)
{
    const char *at = string + 1, *end = string + len - 1;
    while (at < end) {
        const char *escape = memchr(at, '\\', (size_t)(end - at));
        buf_add(out, at, (size_t)((escape ? escape : end) - at));
        at = escape ? escape + 1 + add_unescaped(out, escape + 1) : end;
    }
}
