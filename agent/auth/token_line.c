/* token_line.c - words of a line: pattern, role, hash, and options behind them. */
#include "auth/token_line.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "studio/status.h"

struct word {
    const char *text;
    size_t len;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static struct word next_word(const char **at, const char *end)
{
    while (*at < end && is_blank(**at))
        (*at)++;
    struct word word = {*at, 0};
    while (*at < end && !is_blank(**at))
        (*at)++;
    word.len = (size_t)(*at - word.text);
    return word;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static bool parse_digest(struct word word, unsigned char digest[TOKEN_DIGEST_LEN])
{
    static const char prefix[] = "sha256:";
    size_t skip = sizeof prefix - 1;
    if (word.len != skip + TOKEN_HEX_LEN || memcmp(word.text, prefix, skip) != 0)
        return false;
    for (size_t i = 0; i < TOKEN_DIGEST_LEN; i++) {
        int high = hex_digit(word.text[skip + 2 * i]);
        int low = hex_digit(word.text[skip + 2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        digest[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

static bool leap_year(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Days from 1970-01-01 to the first day of a year. */
static int64_t days_before_year(int year)
{
    int y = year - 1;
    return (int64_t)y * 365 + y / 4 - y / 100 + y / 400 - 719162;
}

static int number(const char *digits, size_t count)
{
    int n = 0;
    for (size_t i = 0; i < count; i++)
        n = n * 10 + (digits[i] - '0');
    return n;
}

bool token_date_parse(const char *text, int64_t *until_s)
{
    static const int month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    static const char shape[] = "dddd-dd-dd";
    if (strlen(text) != TOKEN_DATE_LEN)
        return false;
    for (size_t i = 0; i < TOKEN_DATE_LEN; i++) {
        bool digit = text[i] >= '0' && text[i] <= '9';
        if (shape[i] == 'd' ? !digit : text[i] != '-')
            return false;
    }
    int year = number(text, 4), month = number(text + 5, 2), day = number(text + 8, 2);
    if (year < 1970 || month < 1 || month > 12 || day < 1)
        return false;
    bool leap_february = month == 2 && leap_year(year);
    if (day > month_days[month - 1] + (leap_february ? 1 : 0))
        return false;
    int64_t days = days_before_year(year) + day - 1;
    for (int m = 1; m < month; m++)
        days += month_days[m - 1] + (m == 2 && leap_year(year) ? 1 : 0);
    *until_s = (days + 1) * 86400;
    return true;
}

static bool parse_expires(struct word word, int64_t *until_s)
{
    static const char prefix[] = "expires=";
    char date[TOKEN_DATE_LEN + 1];
    size_t skip = sizeof prefix - 1;
    if (word.len != skip + TOKEN_DATE_LEN || memcmp(word.text, prefix, skip) != 0)
        return false;
    memcpy(date, word.text + skip, TOKEN_DATE_LEN);
    date[TOKEN_DATE_LEN] = '\0';
    return token_date_parse(date, until_s);
}

const char *token_pattern_check(const char *pattern)
{
    size_t len = strlen(pattern);
    if (len == 0 || len > TOKEN_PATTERN_MAX)
        return "an id pattern has 1 to 256 bytes";
    if (!text_utf8_valid(pattern, len) || text_has_control(pattern, len))
        return "an id pattern is UTF-8 without control characters";
    /* Up to the first '*' or '_' it is (the start of) a table's id, or it would never match. */
    size_t head = strcspn(pattern, "*_");
    bool all = head == 0 && pattern[0] == '*';
    if (!all && !studio_table_id_valid(pattern, head))
        return "an id pattern starts with a table, as in ARO-001_dealerPC or ARO-001_* or *";
    return NULL;
}

/* The word with %20 as blanks, on the heap. NULL: no memory. */
static char *decode_pattern(struct word word)
{
    char *pattern = malloc(word.len + 1);
    size_t len = 0;
    if (!pattern)
        return NULL;
    for (size_t i = 0; i < word.len; i++) {
        if (word.len - i >= 3 && memcmp(word.text + i, "%20", 3) == 0) {
            pattern[len++] = ' ';
            i += 2;
        } else {
            pattern[len++] = word.text[i];
        }
    }
    pattern[len] = '\0';
    return pattern;
}

static bool parse_role_word(struct word word, enum role *role)
{
    char name[16];
    if (word.len >= sizeof name)
        return false;
    memcpy(name, word.text, word.len);
    name[word.len] = '\0';
    return role_parse(name, role);
}

enum token_line_kind token_line_parse(const char *text, size_t len, struct token_line *out,
                                      const char **why)
{
    const char *end = text + len;
    struct word pattern = next_word(&text, end);
    if (pattern.len == 0 || pattern.text[0] == '#')
        return TOKEN_LINE_EMPTY;
    struct word role = next_word(&text, end);
    struct word digest = next_word(&text, end);
    struct word expires = next_word(&text, end);
    struct word rest = next_word(&text, end);

    memset(out, 0, sizeof *out);
    out->until_s = INT64_MAX;
    *why = NULL;
    if (memchr(pattern.text, '\0', (size_t)(end - pattern.text)))
        *why = "a NUL byte in the line";
    else if (!parse_role_word(role, &out->role))
        *why = "the second word is the role: device, viewer or operator";
    else if (!parse_digest(digest, out->digest))
        *why = "the third word is the hash of the token: sha256: and 64 hexadecimal digits";
    else if (expires.len > 0 && !parse_expires(expires, &out->until_s))
        *why = "the fourth word, if any, is expires=YYYY-MM-DD with a day that exists";
    else if (rest.len > 0)
        *why = "nothing may follow; `%20` stands for a blank in a pattern";
    if (*why)
        return TOKEN_LINE_WRONG;

    out->pattern = decode_pattern(pattern);
    if (!out->pattern)
        return TOKEN_LINE_NO_MEMORY;
    *why = token_pattern_check(out->pattern);
    if (*why) {
        free(out->pattern);
        return TOKEN_LINE_WRONG;
    }
    return TOKEN_LINE_USER;
}
