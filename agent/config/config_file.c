/*
 * config_file.c - inih with line numbers.
 *
 * inih's handler is not told the line, a line too long is split, only the first syntax error is
 * reported and a section without keys is not reported at all. So lines reach inih through a reader
 * of ours that counts them, refuses what inih would misread, and sees when a line led to no call.
 */
#include "config/config_file.h"

#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/secret.h"
#include "base/text.h"
#include "config/config.h"
#include "config/file.h"
#include "config/options.h"

struct parser {
    struct studio_agent_config *config;
    const char *next, *end;
    unsigned line;
    bool expects_key;  /* the line given to inih must lead to a call of the handler */
    bool skip_section; /* its name was wrong and has been told; its keys are not judged */
    bool no_memory;
    enum secret_reach reach; /* of the file */
    unsigned *seen;          /* per option: the line that set it, 0 if none */
    config_wanted_fn *wanted;
    config_mistake_fn *tell;
    void *ctx;
    size_t mistakes;
};

static void mistake(struct parser *p, const char *what)
{
    p->mistakes++;
    p->tell(p->ctx, p->line, what);
}

static void check_led_to_key(struct parser *p)
{
    if (p->expects_key)
        mistake(p, "expected `key = value`, `[section]` or a comment");
    p->expects_key = false;
}

/* `[name]` with nothing behind it but a comment. inih ignores the rest without a word. */
static void check_section(struct parser *p, const char *text, size_t len)
{
    char name[32];
    const char *close = memchr(text, ']', len);
    p->skip_section = true;
    if (!close) {
        mistake(p, "a section line ends in ]: `[section]`");
        return;
    }
    const char *rest = close + 1;
    while (rest < text + len && (*rest == ' ' || *rest == '\t'))
        rest++;
    if (rest < text + len && *rest != ';' && *rest != '#') {
        mistake(p, "nothing may follow `[section]` on its line");
        return;
    }
    size_t name_len = (size_t)(close - text) - 1;
    if (name_len >= sizeof name)
        name_len = text_utf8_cut(text + 1, sizeof name - 1);
    memcpy(name, text + 1, name_len);
    name[name_len] = '\0';
    if (option_section_known(name)) {
        p->skip_section = false;
        return;
    }
    char what[128];
    const char *near = option_nearest_section(name);
    snprintf(what, sizeof what, "unknown section [%s]%s%s%s", name, near ? "; did you mean [" : "",
             near ? near : "", near ? "]?" : "; see studio-agent --help");
    mistake(p, what);
}

/* Judges a line before inih does. False: inih gets an empty line instead. */
static bool check_line(struct parser *p, const char *text, size_t len, size_t room)
{
    if (len == 0 || *text == ';' || *text == '#')
        return false;
    if (!text_utf8_valid(text, len)) {
        mistake(p, "not UTF-8");
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (text[i] != '\t' && text_has_control(text + i, 1)) {
            mistake(p, "a control character");
            return false;
        }
    }
    if (len > room) {
        char what[128];
        snprintf(what, sizeof what,
                 "line too long: %zu bytes, at most %zu; long values fit in the environment", len,
                 room);
        mistake(p, what);
        return false;
    }
    if (*text == '[') {
        check_section(p, text, len);
        return true;
    }
    p->expects_key = true;
    return true;
}

/* ini_reader: the next line without its leading blanks, so that it never continues another one. */
static char *read_line(char *out, int size, void *stream)
{
    struct parser *p = stream;
    check_led_to_key(p);
    if (p->next >= p->end || size < 2)
        return NULL;
    const char *text = p->next;
    const char *newline = memchr(text, '\n', (size_t)(p->end - text));
    const char *stop = newline ? newline : p->end;
    p->next = newline ? newline + 1 : p->end;
    p->line++;
    while (stop > text && strchr(" \t\r", stop[-1]) && stop[-1] != '\0')
        stop--;
    while (text < stop && (*text == ' ' || *text == '\t'))
        text++;
    size_t len = (size_t)(stop - text);
    if (!check_line(p, text, len, (size_t)size - 1))
        len = 0;
    memcpy(out, text, len);
    out[len] = '\0';
    return out;
}

/* A secret stands in a file that everybody can read. */
static void judge_secret(struct parser *p, const struct option *option)
{
    char what[192];
    const struct option *file = option_file_for(option);
    snprintf(
        what, sizeof what,
        "%s.%s is a secret, and everybody on this machine can read this file; run: chmod o-r%s%s",
        option->section, option->key, file ? ", or use " : "", file ? file->key : "");
    if (p->reach == SECRET_FORCED || (p->wanted && !p->wanted(option)))
        log_warn("config", "line %u: %s", p->line, what);
    else
        mistake(p, what);
}

/* ini_handler: nonzero always, mistakes have been told. */
static int take_key(void *user, const char *section, const char *key, const char *value)
{
    struct parser *p = user;
    struct studio_error error;
    char name[256];
    p->expects_key = false;
    if (p->skip_section)
        return 1;
    if (!*section) {
        mistake(p, "a key before the first `[section]`");
        return 1;
    }
    const struct option *option = option_find(section, key);
    if (option && p->seen[option_index(option)]) {
        char what[128];
        snprintf(what, sizeof what, "%s.%s is set twice; the first is on line %u", section, key,
                 p->seen[option_index(option)]);
        mistake(p, what);
        return 1;
    }
    if (option)
        p->seen[option_index(option)] = p->line;
    snprintf(name, sizeof name, "%s.%s", section, key);
    enum studio_err err = studio_agent_config_set(p->config, name, value, &error);
    if (err == STUDIO_OK && option && option->secret && *value && p->reach != SECRET_CLOSED)
        judge_secret(p, option);
    if (err == STUDIO_ERR_NO_MEMORY)
        p->no_memory = true;
    else if (err != STUDIO_OK && option && p->wanted && !p->wanted(option))
        log_warn("config", "line %u is left out: %s", p->line, error.text);
    else if (err != STUDIO_OK)
        mistake(p, error.text);
    return 1;
}

/* `p` is filled but for where it is. */
static enum studio_err parse(struct parser *p, const char *text, size_t len, size_t *mistakes)
{
    static const char bom[] = "\xEF\xBB\xBF";
    p->next = text + (len >= 3 && memcmp(text, bom, 3) == 0 ? 3 : 0);
    p->end = text + len;
    p->seen = calloc(option_count, sizeof *p->seen);
    if (!p->seen)
        return STUDIO_ERR_NO_MEMORY;
    int result = ini_parse_stream(read_line, p, take_key, p);
    free(p->seen);
    *mistakes = p->mistakes;
    return p->no_memory || result == -2 ? STUDIO_ERR_NO_MEMORY : STUDIO_OK;
}

enum studio_err config_parse(struct studio_agent_config *config, const char *text, size_t len,
                             config_wanted_fn *wanted, config_mistake_fn *tell, void *ctx,
                             size_t *mistakes)
{
    struct parser p = {.config = config, .wanted = wanted, .tell = tell, .ctx = ctx};
    return parse(&p, text, len, mistakes);
}

enum studio_err config_parse_file(struct studio_agent_config *config, const char *file,
                                  config_wanted_fn *wanted, config_mistake_fn *tell, void *ctx,
                                  size_t *mistakes, struct studio_error *error)
{
    struct parser p = {.config = config, .wanted = wanted, .tell = tell, .ctx = ctx};
    struct stat about;
    char *text;
    size_t len;
    enum studio_err err = file_read(file, CONFIG_FILE_MAX, &text, &len, &about, error);
    if (err != STUDIO_OK)
        return err;
    p.reach = secret_reach(file, &about);
    err = parse(&p, text, len, mistakes);
    explicit_bzero(text, len);
    free(text);
    if (err != STUDIO_OK)
        return config_fail(error, err, "out of memory reading %s", file);
    return STUDIO_OK;
}

struct first {
    unsigned line;
    char what[STUDIO_ERROR_TEXT_MAX];
};

static void keep_first(void *ctx, unsigned line, const char *what)
{
    struct first *first = ctx;
    if (first->line)
        return;
    first->line = line;
    snprintf(first->what, sizeof first->what, "%s", what);
}

enum studio_err config_read(struct studio_agent_config *config, const char *file,
                            config_wanted_fn *wanted, struct studio_error *error)
{
    struct first first = {0};
    size_t mistakes = 0;
    enum studio_err err =
        config_parse_file(config, file, wanted, keep_first, &first, &mistakes, error);
    if (err != STUDIO_OK || mistakes == 0)
        return err;
    if (mistakes == 1)
        return config_fail(error, STUDIO_ERR_USAGE, "%s:%u: %s", file, first.line, first.what);
    return config_fail(error, STUDIO_ERR_USAGE,
                       "%s:%u: %s (and %zu more; `studio-agent check -c %s` lists all)", file,
                       first.line, first.what, mistakes - 1, file);
}

enum studio_err studio_agent_config_read(struct studio_agent_config *config, const char *file,
                                         struct studio_error *error)
{
    return config_read(config, file, NULL, error);
}
