#include "prompt.h"

#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "base/text.h"
#include "client/client_error.h"
#include "client/client_update.h"
#include "studio/status.h"

enum { WORD_MAX = 100 };

static const char blanks[] = " \t\r\n";

/* How the rest of a command's line is read. */
enum rest_kind { REST_NONE, REST_MAYBE, REST_TEXT, REST_JSON, REST_PAIRS };

static const struct command_row {
    const char *name;
    enum prompt_kind kind;
    enum rest_kind rest;
    const char *usage;
    const char *what;
} commands[] = {
    {"status", PROMPT_STATUS, REST_MAYBE, "status, get [TABLE]", "show the table's status"},
    {"get", PROMPT_STATUS, REST_MAYBE, NULL, NULL},
    {"set", PROMPT_UPDATE, REST_PAIRS, "set KEY=VALUE...",
     "one update, custom fields too: set sdp=up dealer='Ann B.'; set is optional"},
    {"custom", PROMPT_JSON, REST_JSON, "custom {json}",
     "send any JSON object, as in custom {\"shift\": 3}"},
    {"exception", PROMPT_EXCEPTION, REST_TEXT, "exception CODE",
     "report an exception, as in exception NO BALL DETECT"},
    {"help", PROMPT_HELP, REST_NONE, "help, ?", "this text"},
    {"?", PROMPT_HELP, REST_NONE, NULL, NULL},
    {"quit", PROMPT_QUIT, REST_NONE, "quit", "leave (also exit, or Ctrl-D)"},
    {"exit", PROMPT_QUIT, REST_NONE, NULL, NULL},
    {"watch", PROMPT_SHELL, REST_MAYBE, NULL, NULL},
    {"demo", PROMPT_SHELL, REST_MAYBE, NULL, NULL},
    {"interactive", PROMPT_SHELL, REST_MAYBE, NULL, NULL},
};
enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static const struct command_row *find_command(const char *word)
{
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcasecmp(word, commands[i].name) == 0)
            return &commands[i];
    return NULL;
}

/* Cuts the first word off, NUL-terminates it; *rest is what follows, without blanks before it. */
static char *cut_word(char *text, char **rest)
{
    char *word = text + strspn(text, blanks);
    char *end = word + strcspn(word, blanks);

    *rest = end;
    if (*end != '\0') {
        *end = '\0';
        *rest = end + 1;
        *rest += strspn(*rest, blanks);
    }
    return word;
}

/* Copies the first word; of a longer one what fits. */
static void first_of(const char *line, char out[WORD_MAX + 1])
{
    line += strspn(line, blanks);
    size_t len = strcspn(line, blanks);
    len = len > WORD_MAX ? text_utf8_cut(line, WORD_MAX) : len;
    memcpy(out, line, len);
    out[len] = '\0';
}

/* One of KEY=VALUE, or the name of a built-in field. */
static bool is_field(const char *word)
{
    return strchr(word, '=') != NULL || update_field(word) != NULL;
}

static void trim_end(char *text)
{
    size_t len = strlen(text);

    while (len > 0 && strchr(blanks, text[len - 1]) != NULL)
        text[--len] = '\0';
}

/* Every word a line may begin with; NULL after the last. */
static const char *first_word(size_t n)
{
    if (n < COMMANDS)
        return commands[n].name;
    n -= COMMANDS;
    if (n < studio_field_count)
        return studio_fields[n].key;
    n -= studio_field_count;
    for (size_t i = 0; i < studio_field_count; i++)
        if (studio_fields[i].alias != NULL && n-- == 0)
            return studio_fields[i].alias;
    return NULL;
}

static enum studio_err unknown_word(const char *word, struct studio_error *error)
{
    const char *words[COMMANDS + 2 * STUDIO_FIELDS_MAX];
    size_t count = 0;

    while (first_word(count) != NULL) {
        words[count] = first_word(count);
        count++;
    }
    const char *near = text_nearest(word, words, count);
    return client_error_usage(error, "unknown word '%.40s'%s%s (help lists them)", word,
                              near != NULL ? ", did you mean " : "", near != NULL ? near : "");
}

/* Cuts `text` into words in place. Quotes keep blanks together: ' goes, " stays for it makes JSON.
 * *open: a quote has no end. */
static size_t cut_words(char *text, const char *words[PROMPT_WORDS_MAX + 1], bool *open)
{
    size_t count = 0;

    *open = false;
    for (text += strspn(text, blanks); *text != '\0'; text += strspn(text, blanks)) {
        char *out = text, quote = '\0';
        if (count <= PROMPT_WORDS_MAX)
            words[count++] = text;
        for (; *text != '\0' && (quote != '\0' || strchr(blanks, *text) == NULL); text++) {
            bool opens = quote == '\0' && (*text == '\'' || *text == '"');
            bool closes = quote != '\0' && *text == quote;
            if ((opens || closes) && *text == '\'') {
                quote = opens ? *text : '\0';
                continue;
            }
            if (opens || closes)
                quote = opens ? *text : '\0';
            else if (quote == '"' && *text == '\\' && text[1] != '\0')
                *out++ = *text++;
            *out++ = *text;
        }
        *open = *open || quote != '\0';
        if (*text != '\0')
            text++;
        *out = '\0';
    }
    return count;
}

static enum studio_err parse_update(const struct studio_values *lists, char *text,
                                    struct prompt_line *out, struct studio_error *error)
{
    const char *words[PROMPT_WORDS_MAX + 1];
    bool open;
    size_t count = cut_words(text, words, &open);

    out->kind = PROMPT_UPDATE;
    if (open)
        return client_error_usage(error, "a quote has no end");
    if (count > PROMPT_WORDS_MAX)
        return client_error_usage(error, "at most %d fields fit one update", PAIRS_MAX);
    return pairs_parse(lists, words, count, &out->pairs, error);
}

void prompt_finish(struct prompt_line *line)
{
    pairs_finish(&line->pairs);
}

bool prompt_is_secret(const char *line, const char *token)
{
    static const char *const signs[] = {"token", "password", "secret", "bearer"};

    for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++)
        if (strcasestr(line, signs[i]) != NULL)
            return true;
    return token != NULL && token[0] != '\0' && strstr(line, token) != NULL;
}

enum studio_err prompt_parse(const struct studio_values *lists, char *line, struct prompt_line *out,
                             struct studio_error *error)
{
    char *rest;

    memset(out, 0, sizeof(*out));
    trim_end(line);
    char first[WORD_MAX + 1];
    first_of(line, first);
    if (first[0] == '\0' || first[0] == '#')
        return STUDIO_OK;
    const struct command_row *command = find_command(first);
    if (command == NULL)
        return is_field(first) ? parse_update(lists, line, out, error) : unknown_word(first, error);

    (void)cut_word(line, &rest);
    out->kind = command->kind;
    out->text = rest;
    if (command->kind == PROMPT_SHELL)
        return client_error_usage(error, "%s is a word of the shell: studio-client %s",
                                  command->name, command->name);
    if (command->rest == REST_NONE && rest[0] != '\0')
        return client_error_usage(error, "%s takes nothing after it", command->name);
    if ((command->rest == REST_TEXT || command->rest == REST_JSON || command->rest == REST_PAIRS) &&
        rest[0] == '\0')
        return client_error_usage(error, "usage: %s", command->usage);
    if (command->rest == REST_JSON && (rest[0] != '{' || !json_check(rest, strlen(rest), NULL)))
        return client_error_usage(error, "this is not one JSON object: %.200s", rest);
    if (command->rest == REST_PAIRS)
        return parse_update(lists, rest, out, error);
    return STUDIO_OK;
}

/* The n-th value of the field, as it is typed: a flag's are on and off. */
static const char *field_value(const struct studio_values *lists, const struct studio_field *field,
                               size_t n)
{
    static const char *const flags[] = {"on", "off"};

    if (field->kind == STUDIO_KIND_FLAG)
        return n < sizeof(flags) / sizeof(flags[0]) ? flags[n] : NULL;
    return studio_value_name(lists, field->kind, n);
}

/* Where the fields begin: behind `set`, if that stands before line[start]. */
static size_t after_set(const char *line, size_t start)
{
    size_t at = strspn(line, blanks), end = at + strcspn(line + at, blanks);

    return end - at == 3 && end < start && strncasecmp(line + at, "set", 3) == 0 ? end : 0;
}

/* The word before line[start], if the words before it are whole pairs; else NULL. */
static const struct studio_field *field_before(const char *line, size_t start)
{
    const struct studio_field *field = NULL;
    size_t at = after_set(line, start);

    for (;;) {
        at += strspn(line + at, blanks);
        if (at >= start)
            return field;
        size_t len = strcspn(line + at, blanks);
        char word[STUDIO_CUSTOM_NAME_MAX + 1];
        if (field != NULL) {
            field = NULL; /* its value */
        } else {
            if (len >= sizeof(word))
                return NULL;
            memcpy(word, line + at, len);
            word[len] = '\0';
            field = update_field(word);
            if (field == NULL)
                return NULL;
        }
        at += len;
    }
}

static bool starts_command(const char *line, size_t start)
{
    char word[16];
    size_t at = strspn(line, blanks), len = strcspn(line + at, blanks);

    if (at >= start || len >= sizeof(word))
        return false;
    memcpy(word, line + at, len);
    word[len] = '\0';
    return find_command(word) != NULL;
}

const char *prompt_candidate(const struct studio_values *lists, const char *line, size_t start,
                             const char *prefix, size_t n)
{
    const struct studio_field *field = field_before(line, start);
    bool first = strspn(line, blanks) >= start;

    if (after_set(line, start) == 0 && starts_command(line, start))
        return NULL;
    for (size_t i = 0;; i++) {
        const char *word = field != NULL            ? field_value(lists, field, i)
                           : first                  ? first_word(i)
                           : i < studio_field_count ? studio_fields[i].key
                                                    : NULL;
        if (word == NULL)
            return NULL;
        if (strncasecmp(word, prefix, strlen(prefix)) == 0 && n-- == 0)
            return word;
    }
}

void prompt_help(const struct studio_values *lists, FILE *out)
{
    for (size_t i = 0; i < studio_field_count; i++) {
        const struct studio_field *field = &studio_fields[i];
        char name[STUDIO_CUSTOM_NAME_MAX + 1];
        snprintf(name, sizeof(name), "%s%s%s", field->key, field->alias != NULL ? ", " : "",
                 field->alias != NULL ? field->alias : "");
        fprintf(out, "  %-26s", name);
        for (size_t n = 0; field_value(lists, field, n) != NULL; n++)
            fprintf(out, "%s%s", n > 0 ? "|" : "", field_value(lists, field, n));
        fprintf(out, "   %s\n", field->what);
    }
    for (size_t i = 0; i < COMMANDS; i++)
        if (commands[i].usage != NULL)
            fprintf(out, "  %-26s%s\n", commands[i].usage, commands[i].what);
    fputs("Several pairs on one line are one update: sdp up roulette down\n", out);
}
