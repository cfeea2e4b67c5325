/* tokens.c - the tokens file, its lines sorted by digest: a login costs no walk over all users. */
#include "auth/tokens.h"
#include "auth/digest.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "auth/token_files.h"
#include "auth/token_line.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/text.h"
#include "config/config.h"
#include "config/file.h"

struct indexed {
    const struct token_line *line;
};

struct tokens {
    struct token_line *lines; /* in the order of the file */
    size_t count;
    size_t cap;
    struct indexed *by_digest;
    struct indexed *slow; /* those with a slow hash, in the order of the file */
    size_t slow_count;
    atomic_int *days; /* of each line */
};

void tokens_digest(const char *text, unsigned char digest[DIGEST_LEN])
{
    /* Cannot fail but for memory; then a digest no line has. */
    (void)digest_make(text, strlen(text), digest);
}

/* --- reading --------------------------------------------------------------------------------- */

/* Says how to make the file, ready to be pasted into a shell. */
static enum studio_err fail_no_users(struct studio_error *error, const char *file, const char *how)
{
    return config_fail(error, STUDIO_ERR_USAGE,
                       "the tokens file %s %s: nobody could connect. Make a first user and its "
                       "token with:\n"
                       "  studio-agent token new 'ARO-001_*' --role device --tokens '%s'",
                       file, how, file);
}

static int compare_digests(const void *a, const void *b)
{
    const struct token_line *x = ((const struct indexed *)a)->line;
    const struct token_line *y = ((const struct indexed *)b)->line;
    int order = memcmp(x->digest, y->digest, DIGEST_LEN);
    return order ? order : (x > y) - (x < y); /* then as in the file */
}

static bool index_lines(struct tokens *tokens)
{
    tokens->by_digest = calloc(tokens->count + 1, sizeof *tokens->by_digest);
    tokens->slow = calloc(tokens->count + 1, sizeof *tokens->slow);
    tokens->days = calloc(tokens->count + 1, sizeof *tokens->days);
    if (!tokens->by_digest || !tokens->slow || !tokens->days)
        return false;
    for (size_t i = 0; i < tokens->count; i++) {
        tokens->by_digest[i].line = &tokens->lines[i];
        if (tokens->lines[i].slow)
            tokens->slow[tokens->slow_count++].line = &tokens->lines[i];
    }
    qsort(tokens->by_digest, tokens->count, sizeof *tokens->by_digest, compare_digests);
    return true;
}

static bool reserve_line(struct tokens *tokens)
{
    if (tokens->count < tokens->cap)
        return true;
    size_t cap = tokens->cap ? tokens->cap * 2 : 16;
    struct token_line *lines = realloc(tokens->lines, cap * sizeof *lines);
    if (!lines)
        return false;
    tokens->lines = lines;
    tokens->cap = cap;
    return true;
}

static enum studio_err add_line(struct tokens *tokens, const char *text, size_t len,
                                const char *name, unsigned number, struct studio_error *error)
{
    const char *why = NULL;
    if (!reserve_line(tokens))
        return config_fail(error, STUDIO_ERR_NO_MEMORY, "out of memory reading %s", name);
    struct token_line *line = &tokens->lines[tokens->count];
    switch (token_line_parse(text, len, line, &why)) {
    case TOKEN_LINE_EMPTY:
        return STUDIO_OK;
    case TOKEN_LINE_WRONG:
        return config_fail(error, STUDIO_ERR_USAGE,
                           "%s:%u: %s (a line is `<id pattern> <role> sha256:<hex of the token> "
                           "[expires=YYYY-MM-DD] [tables=N]`)",
                           name, number, why);
    case TOKEN_LINE_NO_MEMORY:
        return config_fail(error, STUDIO_ERR_NO_MEMORY, "out of memory reading %s", name);
    case TOKEN_LINE_USER:
        break;
    }
    tokens->count++;
    if (tokens->count > TOKENS_MAX)
        return config_fail(error, STUDIO_ERR_USAGE, "%s: more than %d users; use patterns", name,
                           TOKENS_MAX);
    return STUDIO_OK;
}

/* The lines of a text behind those that are there. */
static enum studio_err add_text(struct tokens *tokens, const char *text, size_t len,
                                const char *name, struct studio_error *error)
{
    enum studio_err err = STUDIO_OK;
    unsigned number = 0;
    for (const char *at = text, *end = text + len; err == STUDIO_OK && at < end;) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *stop = newline ? newline : end;
        err = add_line(tokens, at, (size_t)(stop - at), name, ++number, error);
        at = stop + 1;
    }
    return err;
}

/* All lines are there, or `err` says why not: takes over `tokens`. */
static enum studio_err finish(struct tokens *tokens, enum studio_err err, const char *name,
                              struct tokens **out, struct studio_error *error)
{
    if (err == STUDIO_OK && !index_lines(tokens))
        err = config_fail(error, STUDIO_ERR_NO_MEMORY, "out of memory reading %s", name);
    if (err == STUDIO_OK)
        *out = tokens;
    else
        tokens_destroy(tokens);
    return err;
}

enum studio_err tokens_parse(const char *text, size_t len, const char *name, struct tokens **out,
                             struct studio_error *error)
{
    struct tokens *tokens = calloc(1, sizeof *tokens);
    if (!tokens)
        return config_fail(error, STUDIO_ERR_NO_MEMORY, "out of memory reading %s", name);
    return finish(tokens, add_text(tokens, text, len, name, error), name, out, error);
}

static enum studio_err add_file(struct tokens *tokens, const char *file, enum tokens_reader reader,
                                struct studio_error *error)
{
    char *text = NULL;
    size_t len = 0;
    struct stat about;
    enum studio_err err = file_read(file, TOKENS_FILE_MAX, &text, &len, &about, error);
    if (err == STUDIO_ERR_USAGE && errno == ENOENT)
        return fail_no_users(error, file, "does not exist");
    if (err != STUDIO_OK)
        return err;
    err = token_files_safe(&about, file, reader, error);
    if (err == STUDIO_OK && reader == TOKENS_FOR_AGENT &&
        secret_reach(file, &about) != SECRET_CLOSED)
        log_warn("auth",
                 "everybody on this machine can read %s: it has hashes only, but those of short "
                 "tokens are soon guessed; run: chmod o-r '%s'",
                 file, file);
    if (err == STUDIO_OK)
        err = add_text(tokens, text, len, file, error);
    free(text);
    return err;
}

static enum studio_err read_for(const char *path, enum tokens_reader reader, struct tokens **out,
                                struct studio_error *error)
{
    struct token_files files;
    struct tokens *tokens = calloc(1, sizeof *tokens);
    if (!tokens)
        return config_fail(error, STUDIO_ERR_NO_MEMORY, "out of memory reading %s", path);
    enum studio_err err = token_files_list(&files, path, reader, error);
    for (size_t i = 0; err == STUDIO_OK && i < files.count; i++)
        err = add_file(tokens, files.paths[i], reader, error);
    token_files_finish(&files);
    return finish(tokens, err, path, out, error);
}

enum studio_err tokens_reread(const char *file, struct tokens **out, struct studio_error *error)
{
    return read_for(file, TOKENS_FOR_AGENT, out, error);
}

enum studio_err tokens_read(const char *file, enum tokens_reader reader, struct tokens **out,
                            struct studio_error *error)
{
    enum studio_err err = read_for(file, reader, out, error);
    if (err != STUDIO_OK || (*out)->count > 0)
        return err;
    tokens_destroy(*out);
    *out = NULL;
    return fail_no_users(error, file, "names no user");
}

void tokens_destroy(struct tokens *tokens)
{
    if (!tokens)
        return;
    for (size_t i = 0; i < tokens->count; i++)
        token_line_finish(&tokens->lines[i]);
    free(tokens->days);
    free(tokens->slow);
    free(tokens->by_digest);
    free(tokens->lines);
    free(tokens);
}

size_t tokens_count(const struct tokens *tokens)
{
    return tokens->count;
}

/* --- asking ---------------------------------------------------------------------------------- */

/* An expired line counts as if it were not there; a later one may still match. */
static bool line_alive(const struct token_line *line, int64_t wall_s)
{
    return wall_s < line->until_s;
}

/* The first of the lines sorted by digest that is not below `digest`. */
static size_t lower_bound(const struct tokens *tokens, const unsigned char *digest)
{
    size_t low = 0, high = tokens->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (memcmp(tokens->by_digest[middle].line->digest, digest, DIGEST_LEN) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_for(const struct token_line *line, const char *user_id, int64_t wall_s)
{
    return line_alive(line, wall_s) && text_match(line->pattern, user_id);
}

/* The first line with this digest for the user; NULL: there is none. */
static const struct token_line *find_line(const struct tokens *tokens, const char *user_id,
                                          const unsigned char digest[DIGEST_LEN], int64_t wall_s)
{
    for (size_t i = lower_bound(tokens, digest); i < tokens->count; i++) {
        const struct token_line *line = tokens->by_digest[i].line;
        if (memcmp(line->digest, digest, DIGEST_LEN) != 0)
            break;
        if (is_for(line, user_id, wall_s))
            return line;
    }
    return NULL;
}

static bool take_grant(const struct token_line *line, struct grant *grant)
{
    if (line)
        *grant = (struct grant){line->role, line->pattern, line->tables};
    return line != NULL;
}

/* There may be one for this id alone and one for many: the first in the file counts. */
static const struct token_line *find_certified(const struct tokens *tokens, const char *user_id,
                                               int64_t wall_s)
{
    unsigned char own[DIGEST_LEN], many[DIGEST_LEN];
    if (!token_line_certificate(user_id, own) || !token_line_certificate("*", many))
        return NULL;
    const struct token_line *line = find_line(tokens, user_id, own, wall_s);
    const struct token_line *other = find_line(tokens, user_id, many, wall_s);
    return !line || (other && other < line) ? other : line;
}

bool tokens_certified(const struct tokens *tokens, const char *user_id, int64_t wall_s,
                      struct grant *grant, unsigned char ticket[DIGEST_LEN])
{
    const struct token_line *line = find_certified(tokens, user_id, wall_s);
    if (line)
        memcpy(ticket, line->digest, DIGEST_LEN);
    return take_grant(line, grant);
}

bool tokens_still_valid(const struct tokens *tokens, const char *user_id,
                        const unsigned char ticket[DIGEST_LEN], int64_t wall_s, struct grant *grant)
{
    const struct token_line *line = find_line(tokens, user_id, ticket, wall_s), *first = NULL;
    if (line && line->certificate)
        first = find_certified(tokens, user_id, wall_s); /* NULL: out of memory */
    return take_grant(first ? first : line, grant);
}

size_t tokens_slow(const struct tokens *tokens, const char *user_id, int64_t wall_s,
                   const char *hashes[TOKENS_SLOW_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < tokens->slow_count && count < TOKENS_SLOW_MAX; i++) {
        const struct token_line *line = tokens->slow[i].line;
        if (is_for(line, user_id, wall_s))
            hashes[count++] = line->slow;
    }
    return count;
}

bool tokens_have_slow(const struct tokens *tokens)
{
    return tokens->slow_count > 0;
}

bool tokens_check(const struct tokens *tokens, const char *user_id, const char *token,
                  int64_t wall_s, struct grant *grant)
{
    unsigned char digest[DIGEST_LEN];
    bool found;
    tokens_digest(token, digest);
    const struct token_line *line = find_line(tokens, user_id, digest, wall_s);
    found = *token && line && !line->slow && take_grant(line, grant); /* a hash is no token */
    OPENSSL_cleanse(digest, sizeof digest);
    return found;
}

/* --- when they were used --------------------------------------------------------------------- */

bool tokens_use(struct tokens *tokens, const char *user_id, const unsigned char ticket[DIGEST_LEN],
                int64_t wall_s)
{
    enum { DAY_S = 86400 };
    const struct token_line *line = find_line(tokens, user_id, ticket, wall_s);
    int day = (int)(wall_s / DAY_S);
    /* A clock that was set back is believed, too. */
    return line && atomic_exchange(&tokens->days[line - tokens->lines], day) != day;
}

const struct token_line *tokens_at(const struct tokens *tokens, size_t i)
{
    return &tokens->lines[i];
}

int tokens_day(const struct tokens *tokens, size_t i)
{
    return atomic_load(&tokens->days[i]);
}

void tokens_learn_day(struct tokens *tokens, size_t i, int day)
{
    int none = 0;
    atomic_compare_exchange_strong(&tokens->days[i], &none, day);
}

void tokens_learn_days(struct tokens *tokens, const struct tokens *former)
{
    for (size_t i = 0; i < former->count; i++) {
        const struct token_line *was = &former->lines[i];
        int day = tokens_day(former, i);
        if (day == 0)
            continue;
        for (size_t at = lower_bound(tokens, was->digest); at < tokens->count; at++) {
            const struct token_line *line = tokens->by_digest[at].line;
            if (memcmp(line->digest, was->digest, DIGEST_LEN) != 0)
                break;
            if (strcmp(line->pattern, was->pattern) == 0)
                tokens_learn_day(tokens, (size_t)(line - tokens->lines), day);
        }
    }
}
