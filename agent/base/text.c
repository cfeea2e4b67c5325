#include "base/text.h"

#include <string.h>

/*
 * RFC 3629 by lead byte: how many bytes follow, and what the first of them may be; the others are
 * 80..BF. The narrow ranges keep out overlong forms, surrogates and what is above U+10FFFF.
 */
struct utf8_lead {
    unsigned char from, to;
    unsigned char follow;
    unsigned char low, high;
};

static const struct utf8_lead utf8_leads[] = {
    {0xC2, 0xDF, 1, 0x80, 0xBF}, {0xE0, 0xE0, 2, 0xA0, 0xBF}, {0xE1, 0xEC, 2, 0x80, 0xBF},
    {0xED, 0xED, 2, 0x80, 0x9F}, {0xEE, 0xEF, 2, 0x80, 0xBF}, {0xF0, 0xF0, 3, 0x90, 0xBF},
    {0xF1, 0xF3, 3, 0x80, 0xBF}, {0xF4, 0xF4, 3, 0x80, 0x8F},
};

static const struct utf8_lead *find_lead(unsigned char c)
{
    for (size_t i = 0; i < sizeof(utf8_leads) / sizeof(utf8_leads[0]); i++) {
        if (c >= utf8_leads[i].from && c <= utf8_leads[i].to)
            return &utf8_leads[i];
    }
    return NULL;
}

bool text_utf8_valid(const char *text, size_t len)
{
    const unsigned char *s = (const unsigned char *)text;
    for (size_t i = 0; i < len; i++) {
        if (s[i] < 0x80)
            continue;
        const struct utf8_lead *lead = find_lead(s[i]);
        if (lead == NULL || len - i <= lead->follow)
            return false;
        if (s[i + 1] < lead->low || s[i + 1] > lead->high)
            return false;
        for (size_t k = 2; k <= lead->follow; k++) {
            if ((s[i + k] & 0xC0) != 0x80)
                return false;
        }
        i += lead->follow;
    }
    return true;
}

size_t text_utf8_cut(const char *text, size_t len)
{
    const unsigned char *s = (const unsigned char *)text;
    for (size_t back = 1; back <= 3 && back <= len; back++) {
        unsigned char c = s[len - back];
        if ((c & 0xC0) == 0x80)
            continue;
        const struct utf8_lead *lead = find_lead(c);
        return lead != NULL && lead->follow >= back ? len - back : len;
    }
    return len;
}

bool text_has_control(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        bool c1 = c == 0xc2 && i + 1 < len && (unsigned char)text[i + 1] < 0xa0;
        if (c < 0x20 || c == 0x7f || c1)
            return true;
    }
    return false;
}

/*
 * The part before the first '*' must start the text and the part after the last must end it; those
 * between are looked for from left to right, each at its first place. memmem is linear.
 */
bool text_match(const char *pattern, const char *text)
{
    size_t text_len = strlen(text);
    const char *star = strchr(pattern, '*');
    if (star == NULL)
        return strcmp(pattern, text) == 0;

    size_t head = (size_t)(star - pattern);
    const char *tail = strrchr(pattern, '*') + 1;
    size_t tail_len = strlen(tail);
    if (head + tail_len > text_len || memcmp(pattern, text, head) != 0 ||
        memcmp(tail, text + text_len - tail_len, tail_len) != 0)
        return false;

    const char *at = text + head;
    const char *end = text + text_len - tail_len;
    for (const char *part = star + 1; part < tail;) {
        size_t part_len = (size_t)(strchr(part, '*') - part);
        const char *found = memmem(at, (size_t)(end - at), part, part_len);
        if (found == NULL)
            return false;
        at = found + part_len;
        part += part_len + 1;
    }
    return true;
}

bool text_number(const char *text, uint64_t least, uint64_t most, uint64_t *out)
{
    uint64_t n = 0;

    if (!*text)
        return false;
    for (; *text; text++) {
        uint64_t digit = (uint64_t)*text - '0'; /* of what is none: more than 9 */
        if (digit > 9 || n > most / 10 || digit > most - n * 10)
            return false;
        n = n * 10 + digit;
    }
    *out = n;
    return n >= least;
}

const char *text_part(const char *list, const char **part, size_t *len)
{
    static const char blanks[] = " \t";
    const char *end;

    *part = list + strspn(list, blanks);
    end = *part + strcspn(*part, ",");
    *len = (size_t)(end - *part);
    while (*len > 0 && strchr(blanks, (*part)[*len - 1]))
        --*len;
    return *end ? end + 1 : NULL;
}

void text_hex(const unsigned char *bytes, size_t n, char *out)
{
    static const char hex[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = hex[bytes[i] >> 4];
        out[2 * i + 1] = hex[bytes[i] & 15];
    }
    out[2 * n] = '\0';
}

int text_hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool text_unhex(const char *hex, size_t len, unsigned char *bytes, size_t n)
{
    if (len != 2 * n)
        return false;
    for (size_t i = 0; i < n; i++) {
        int high = text_hex_digit(hex[2 * i]);
        int low = text_hex_digit(hex[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        bytes[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

char text_lower(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (char)(c - 'A' + 'a');
    return c;
}

enum { WORD_MAX = 64, TYPO_MAX = 3 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Levenshtein, without regard to case; one row of the table at a time. */
static size_t edit_distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t row[WORD_MAX + 1];
    for (size_t j = 0; j <= b_len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t substituted = diagonal + (text_lower(a[i - 1]) == text_lower(b[j - 1]) ? 0 : 1);
            diagonal = row[j];
            row[j] = least(substituted, 1 + least(row[j], row[j - 1]));
        }
    }
    return row[b_len];
}

size_t text_edits(const char *a, const char *b)
{
    size_t a_len = strlen(a), b_len = strlen(b);
    return a_len > WORD_MAX || b_len > WORD_MAX ? SIZE_MAX : edit_distance(a, a_len, b, b_len);
}

const char *text_nearest(const char *word, const char *const *names, size_t count)
{
    size_t len = strlen(word);
    if (len > WORD_MAX)
        return NULL;

    const char *nearest = NULL;
    size_t best = TYPO_MAX + 1;
    for (size_t i = 0; i < count; i++) {
        size_t distance = text_edits(word, names[i]);
        if (distance < best && 2 * distance < len) {
            best = distance;
            nearest = names[i];
        }
    }
    return nearest;
}
