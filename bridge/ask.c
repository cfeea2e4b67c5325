#include "ask.h"

#include <string.h>

#include "base/names.h"
#include "base/text.h"

/* Strings longer than any valid name are cut: they match nothing either way. */
enum { WORD_MAX = 65 };

struct reader {
    const char *at, *end;
};

static void skip_blanks(struct reader *r)
{
    while (r->at < r->end && strchr(" \t\r\n", *r->at) && *r->at)
        r->at++;
}

static bool take(struct reader *r, char c)
{
    skip_blanks(r);
    if (r->at == r->end || *r->at != c)
        return false;
    r->at++;
    return true;
}

static bool peek(struct reader *r, char c)
{
    skip_blanks(r);
    return r->at < r->end && *r->at == c;
}

static bool hex4(struct reader *r)
{
    for (int i = 0; i < 4; i++, r->at++)
        if (r->at == r->end || !*r->at || !strchr("0123456789abcdefABCDEF", *r->at))
            return false;
    return true;
}

/* A string into `out`, cut. An escape becomes '?': no name we compare with has one. */
static bool read_string(struct reader *r, char out[WORD_MAX + 1])
{
    size_t n = 0;

    if (!take(r, '"'))
        return false;
    while (r->at < r->end && *r->at != '"') {
        char c = *r->at++;

        if ((unsigned char)c < 0x20)
            return false;
        if (c == '\\') {
            if (r->at == r->end || !*r->at || !strchr("\"\\/bfnrtu", *r->at))
                return false;
            if (*r->at++ == 'u' && !hex4(r))
                return false;
            c = '?';
        }
        if (n < WORD_MAX)
            out[n++] = c;
    }
    out[n] = '\0';
    if (r->at == r->end)
        return false;
    r->at++;
    return true;
}

static bool digits(struct reader *r)
{
    const char *start = r->at;

    while (r->at < r->end && *r->at >= '0' && *r->at <= '9')
        r->at++;
    return r->at > start;
}

/* Any JSON number; *whole is its value if it is an integer from 0 to 2^53 - 1, else UINT64_MAX. */
static bool read_number(struct reader *r, uint64_t *whole)
{
    const char *start;
    bool plain = true;

    skip_blanks(r);
    if (r->at < r->end && *r->at == '-') {
        r->at++;
        plain = false;
    }
    start = r->at;
    if (!digits(r) || (*start == '0' && r->at - start > 1))
        return false;
    *whole = 0;
    for (const char *c = start; plain && c < r->at; c++) {
        *whole = *whole * 10 + (uint64_t)(*c - '0');
        plain = *whole < (UINT64_C(1) << 53);
    }
    if (r->at < r->end && *r->at == '.') {
        r->at++;
        plain = false;
        if (!digits(r))
            return false;
    }
    if (r->at < r->end && (*r->at == 'e' || *r->at == 'E')) {
        r->at++;
        plain = false;
        if (r->at < r->end && (*r->at == '+' || *r->at == '-'))
            r->at++;
        if (!digits(r))
            return false;
    }
    if (!plain)
        *whole = UINT64_MAX;
    return true;
}

static bool skip_word(struct reader *r)
{
    static const char *const words[] = {"true", "false", "null"};

    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        size_t len = strlen(words[i]);

        if ((size_t)(r->end - r->at) >= len && memcmp(r->at, words[i], len) == 0) {
            r->at += len;
            return true;
        }
    }
    return false;
}

static bool skip_value(struct reader *r, int depth);

static bool skip_members(struct reader *r, int depth, char close, bool named)
{
    char name[WORD_MAX + 1];

    if (take(r, close))
        return true;
    do {
        if (named && (!read_string(r, name) || !take(r, ':')))
            return false;
        if (!skip_value(r, depth + 1))
            return false;
    } while (take(r, ','));
    return take(r, close);
}

static bool skip_value(struct reader *r, int depth)
{
    char word[WORD_MAX + 1];
    uint64_t number;

    if (depth > STUDIO_JSON_DEPTH_MAX)
        return false;
    if (peek(r, '"'))
        return read_string(r, word);
    if (take(r, '{'))
        return skip_members(r, depth, '}', true);
    if (take(r, '['))
        return skip_members(r, depth, ']', false);
    skip_blanks(r);
    return skip_word(r) || read_number(r, &number);
}

enum member { FROM_SEQ, TO_SEQ, TABLE_ID, FROM_REV, EPOCH, MEMBERS };

static const char *const member_names[MEMBERS] = {"from_seq", "to_seq", "table_id", "from_rev",
                                                  "epoch"};

/* One member's value; false if it is not JSON, *bad if it is of the wrong kind. */
static bool read_member(struct reader *r, enum member which, struct ask *out, bool *bad)
{
    uint64_t *const numbers[MEMBERS] = {&out->from_seq, &out->to_seq, NULL, &out->from_rev, NULL};
    char word[WORD_MAX + 1];

    if (numbers[which]) {
        uint64_t n;

        skip_blanks(r);
        if (r->at == r->end || !strchr("-0123456789", *r->at) || !*r->at) {
            *bad = true;
            return skip_value(r, 1);
        }
        if (!read_number(r, &n))
            return false;
        *bad = *bad || n == UINT64_MAX;
        *numbers[which] = n;
        return true;
    }
    if (!peek(r, '"')) {
        *bad = true;
        return skip_value(r, 1);
    }
    if (!read_string(r, word))
        return false;
    if (which == EPOCH)
        memcpy(out->epoch, word, ASK_EPOCH_MAX);
    else if (name_is_table(word, strlen(word)))
        memcpy(out->table_id, word, sizeof(out->table_id) - 1);
    else
        *bad = true;
    return true;
}

const char *ask_read(const char *text, size_t len, struct ask *out)
{
    static const char not_json[] = "Invalid JSON format", bad_data[] = "Invalid data for replay";
    struct reader r = {.at = text, .end = text + len};
    bool bad = false, seen[MEMBERS] = {false};
    char name[WORD_MAX + 1];

    memset(out, 0, sizeof(*out));
    if (len > ASK_MAX_BYTES)
        return "Message too large";
    if (!text_utf8_valid(text, len))
        return not_json;
    if (!take(&r, '{')) {
        bool json = skip_value(&r, 0);

        skip_blanks(&r);
        return json && r.at == r.end ? bad_data : not_json;
    }
    if (!take(&r, '}')) {
        do {
            enum member which = FROM_SEQ;

            if (!read_string(&r, name) || !take(&r, ':'))
                return not_json;
            while (which < MEMBERS && strcmp(name, member_names[which]) != 0)
                which++;
            if (which == MEMBERS ? !skip_value(&r, 1) : !read_member(&r, which, out, &bad))
                return not_json;
            if (which < MEMBERS) {
                bad = bad || seen[which];
                seen[which] = true;
            }
        } while (take(&r, ','));
        if (!take(&r, '}'))
            return not_json;
    }
    skip_blanks(&r);
    if (r.at != r.end)
        return not_json;
    out->by_table = seen[TABLE_ID];
    out->has_to = seen[TO_SEQ];
    if (seen[TABLE_ID] ? !seen[FROM_REV] || seen[FROM_SEQ] || seen[TO_SEQ]
                       : !seen[FROM_SEQ] || seen[FROM_REV])
        bad = true;
    return bad ? bad_data : NULL;
}
