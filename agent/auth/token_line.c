/* token_line.c - words of a line: pattern, role, hash, and options behind them. */
#include "auth/token_line.h"
#include "auth/digest.h"
#include "auth/slow_hash.h"
#include "base/names.h"
#include "base/times.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

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

/* What follows the prefix; false: the word has another. */
static bool skip_prefix(struct word *word, const char *prefix)
{
    size_t skip = strlen(prefix);
    if (word->len <= skip || memcmp(word->text, prefix, skip) != 0)
        return false;
    word->text += skip;
    word->len -= skip;
    return true;
}

/* NULL: it is in `out`; else what would be right. */
static const char *parse_hash(struct word word, struct token_line *out, bool *memory)
{
    static const char certificate[] = "certificate";

    if (word.len == sizeof certificate - 1 && memcmp(word.text, certificate, word.len) == 0) {
        out->certificate = true;
        return NULL;
    }
    if (skip_prefix(&word, "sha256:") && text_unhex(word.text, word.len, out->digest, DIGEST_LEN))
        return NULL;
    if (skip_prefix(&word, "yescrypt:") && slow_hash_valid(word.text, word.len)) {
        out->slow = calloc(1, word.len + 1); /* no strndup: the text does not end with a NUL */
        if (out->slow)
            memcpy(out->slow, word.text, word.len);
        *memory = out->slow && digest_make(word.text, word.len, out->digest);
        return NULL;
    }
    return "the third word is the hash of the token: sha256: and 64 hexadecimal digits, or "
           "yescrypt: and what `token new --password` made; or the word certificate";
}

bool token_line_certificate(const char *pattern, unsigned char digest[DIGEST_LEN])
{
    char text[1 + TOKEN_PATTERN_MAX + 1] = ":"; /* which stands in no token */
    size_t len = strnlen(pattern, TOKEN_PATTERN_MAX);
    if (memchr(pattern, '*', len))
        return digest_make(text, 1, digest);
    memcpy(text + 1, pattern, len);
    return digest_make(text, 1 + len, digest);
}

bool token_date_parse(const char *text, int64_t *until_s)
{
    if (!time_parse_day(text, until_s))
        return false;
    *until_s += 24 * 3600;
    return true;
}

bool token_tables_parse(const char *text, unsigned *tables)
{
    size_t len = strlen(text);
    if (len == 0 || len > 7 || strspn(text, "0123456789") < len)
        return false;
    *tables = (unsigned)strtoul(text, NULL, 10);
    return *tables >= 1 && *tables <= TOKEN_TABLES_MAX;
}

static bool take_expires(const char *value, struct token_line *out)
{
    return token_date_parse(value, &out->until_s);
}

static bool take_tables(const char *value, struct token_line *out)
{
    return token_tables_parse(value, &out->tables);
}

static const struct {
    const char *name;
    bool (*take)(const char *value, struct token_line *out);
} settings[] = {{"expires=", take_expires}, {"tables=", take_tables}};

enum { SETTINGS = sizeof settings / sizeof *settings };

/* What may stand behind the hash, each once. False: something else does. */
static bool parse_settings(const char **at, const char *end, struct token_line *out)
{
    bool taken[SETTINGS] = {false};
    for (struct word word; (word = next_word(at, end)).len > 0;) {
        char value[16];
        size_t i = 0, skip = 0;
        for (; i < SETTINGS; i++) {
            skip = strlen(settings[i].name);
            if (word.len > skip && memcmp(word.text, settings[i].name, skip) == 0)
                break;
        }
        if (i == SETTINGS || taken[i] || word.len - skip >= sizeof value)
            return false;
        taken[i] = true;
        memcpy(value, word.text + skip, word.len - skip);
        value[word.len - skip] = '\0';
        if (!settings[i].take(value, out))
            return false;
    }
    return true;
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
    if (!all && !name_is_table(pattern, head))
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
    struct word hash = next_word(&text, end);

    bool memory = true;

    memset(out, 0, sizeof *out);
    out->until_s = INT64_MAX;
    out->tables = TOKEN_TABLES;
    *why = NULL;
    if (memchr(pattern.text, '\0', (size_t)(end - pattern.text)))
        *why = "a NUL byte in the line";
    else if (!parse_role_word(role, &out->role))
        *why = "the second word is the role: device, viewer or operator";
    else if ((*why = parse_hash(hash, out, &memory)) != NULL)
        ;
    else if (!parse_settings(&text, end, out))
        *why = "behind the hash may stand expires=YYYY-MM-DD with a day that exists and tables=N "
               "with N from 1 to 1000000, and nothing else; `%20` stands for a blank in a pattern";
    if (!*why)
        out->pattern = decode_pattern(pattern);
    memory = memory && (*why || out->pattern);
    if (!*why && memory)
        *why = token_pattern_check(out->pattern);
    if (!*why && memory && out->certificate)
        memory = token_line_certificate(out->pattern, out->digest);
    if (!*why && memory)
        return TOKEN_LINE_USER;
    token_line_finish(out);
    return memory ? TOKEN_LINE_WRONG : TOKEN_LINE_NO_MEMORY;
}

void token_line_finish(struct token_line *line)
{
    free(line->pattern);
    free(line->slow);
    line->pattern = line->slow = NULL;
}
