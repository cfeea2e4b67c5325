#include "auth/days.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/digest.h"
#include "auth/file_edit.h"
#include "base/buf.h"
#include "base/text.h"
#include "base/times.h"
#include "config/config.h"
#include "config/file.h"

enum {
    KEY_LEN = 16, /* of the hash: more than enough to tell lines apart */
    ROW_LEN = TIME_DAY_LEN + 1 + 2 * KEY_LEN,
    FILE_MAX = (TOKENS_MAX + 8) * (ROW_LEN + 1), /* the first line has a word on what it is */
    DAY_S = 86400
};

struct row {
    unsigned char key[KEY_LEN];
    int day;
};

struct days {
    size_t count;
    struct row rows[]; /* by key */
};

static char *path_of(const char *dir)
{
    char *path;
    return asprintf(&path, "%s/token-days", dir) < 0 ? NULL : path;
}

static enum studio_err fail_memory(struct studio_error *error)
{
    return config_fail(error, STUDIO_ERR_NO_MEMORY, "out of memory");
}

/* Of what makes a line that line: a role or an end that was changed makes no other. */
static bool make_key(const struct token_line *line, unsigned char key[KEY_LEN])
{
    unsigned char all[DIGEST_LEN + TOKEN_PATTERN_MAX], digest[DIGEST_LEN];
    size_t len = strlen(line->pattern);
    if (len > TOKEN_PATTERN_MAX)
        return false;
    memcpy(all, line->digest, DIGEST_LEN);
    memcpy(all + DIGEST_LEN, line->pattern, len);
    bool made = digest_make(all, DIGEST_LEN + len, digest);
    memcpy(key, digest, KEY_LEN);
    return made;
}

static int by_key(const void *a, const void *b)
{
    return memcmp(((const struct row *)a)->key, ((const struct row *)b)->key, KEY_LEN);
}

/* --- reading --------------------------------------------------------------------------------- */

static bool read_row(const char *text, size_t len, struct row *row)
{
    char day[TIME_DAY_LEN + 1];
    int64_t wall_s;
    if (len != ROW_LEN || text[TIME_DAY_LEN] != ' ')
        return false;
    memcpy(day, text, TIME_DAY_LEN);
    day[TIME_DAY_LEN] = '\0';
    if (!time_parse_day(day, &wall_s) ||
        !text_unhex(text + TIME_DAY_LEN + 1, 2 * (size_t)KEY_LEN, row->key, KEY_LEN))
        return false;
    row->day = (int)(wall_s / DAY_S);
    return true;
}

static struct days *parse(const char *text, size_t len)
{
    struct days *days = calloc(1, sizeof *days + (len / ROW_LEN + 1) * sizeof days->rows[0]);
    for (const char *at = text, *end = text + len; days && at < end;) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t line = (size_t)((newline ? newline : end) - at);
        days->count += read_row(at, line, &days->rows[days->count]);
        at += line + 1;
    }
    if (days)
        qsort(days->rows, days->count, sizeof days->rows[0], by_key);
    return days;
}

enum studio_err days_read(const char *dir, struct days **out, struct studio_error *error)
{
    char *path = path_of(dir), *text = NULL;
    size_t len = 0;
    *out = NULL;
    if (!path)
        return fail_memory(error);
    enum studio_err err = file_read(path, FILE_MAX, &text, &len, NULL, error);
    if (err == STUDIO_ERR_USAGE && errno == ENOENT)
        err = STUDIO_OK;
    if (err == STUDIO_OK && !(*out = parse(text ? text : "", len)))
        err = fail_memory(error);
    free(text);
    free(path);
    return err;
}

void days_free(struct days *days)
{
    free(days);
}

size_t days_count(const struct days *days)
{
    return days->count;
}

int days_find(const struct days *days, const struct token_line *line)
{
    struct row wanted = {0};
    if (!make_key(line, wanted.key))
        return 0;
    const struct row *found =
        bsearch(&wanted, days->rows, days->count, sizeof days->rows[0], by_key);
    return found ? found->day : 0;
}

/* --- writing --------------------------------------------------------------------------------- */

static void print_row(struct buf *out, const struct token_line *line, int day)
{
    unsigned char key[KEY_LEN];
    char when[TIME_S_LEN + 1], hex[2 * KEY_LEN + 1];
    if (!make_key(line, key))
        return;
    time_print_s((int64_t)day * DAY_S, when);
    text_hex(key, KEY_LEN, hex);
    buf_printf(out, "%.*s %s\n", TIME_DAY_LEN, when, hex);
}

enum studio_err days_write(const char *dir, const struct tokens *tokens, struct studio_error *error)
{
    char *path = path_of(dir);
    struct buf text;
    if (!path)
        return fail_memory(error);
    buf_init(&text, FILE_MAX);
    buf_str(&text, "# when each line of the tokens file was last used, for `studio-agent token "
                   "list`\n");
    for (size_t i = 0; i < tokens_count(tokens); i++)
        if (tokens_day(tokens, i) > 0)
            print_row(&text, tokens_at(tokens, i), tokens_day(tokens, i));
    enum studio_err err = buf_ok(&text)
                              ? file_edit_put(path, text.data, text.len, 0, FILE_EDIT_GROUP, error)
                              : fail_memory(error);
    buf_finish(&text);
    free(path);
    return err;
}
