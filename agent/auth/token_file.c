/* token_file.c - users added and removed line by line; the result is checked before it is put down.
 */
#include "auth/token_file.h"
#include "auth/digest.h"
#include "auth/slow_hash.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/file_edit.h"
#include "auth/token_files.h"
#include "auth/tokens.h"
#include "base/buf.h"
#include "base/names.h"
#include "base/text.h"
#include "config/config.h"
#include "config/file.h"

enum { HASH_PREFIX_MIN = 8 };

void token_pattern_print(struct buf *out, const char *pattern)
{
    for (; *pattern; pattern++) {
        if (*pattern == ' ')
            buf_str(out, "%20");
        else
            buf_add(out, pattern, 1);
    }
}

/* Reads the file that is to be changed; one that the agent would refuse is not touched. */
static enum studio_err open_checked(struct file_edit *edit, const char *file,
                                    struct studio_error *error)
{
    enum studio_err err = file_edit_open(edit, file, TOKENS_FILE_MAX, error);
    if (err == STUDIO_OK)
        err = token_files_safe(edit->exists ? &edit->about : NULL, file, TOKENS_FOR_COMMAND, error);
    return err;
}

/* Puts down what has been made of the file, if the agent would take it. */
static enum studio_err replace_checked(struct file_edit *edit, const char *file, struct buf *text,
                                       bool may_be_empty, struct studio_error *error)
{
    struct tokens *tokens = NULL;
    if (!buf_ok(text))
        return config_fail(error, STUDIO_ERR_USAGE, "no room for the new %s", file);
    const char *data = text->data ? text->data : "";
    if (!may_be_empty) {
        enum studio_err err = tokens_parse(data, text->len, file, &tokens, error);
        if (err != STUDIO_OK)
            return err;
        tokens_destroy(tokens);
    }
    return file_edit_replace(edit, data, text->len, error);
}

enum studio_err token_make(char token[TOKEN_NEW_LEN + 1], struct studio_error *error)
{
    unsigned char random[TOKEN_NEW_LEN / 2];
    if (getentropy(random, sizeof random) != 0)
        return config_fail(error, STUDIO_ERR_IO, "the system gives no random bytes");
    text_hex(random, sizeof random, token);
    return STUDIO_OK;
}

/* `yescrypt:` of a token that was chosen, `sha256:` of a random one, or what says that there is none. */
static enum studio_err print_hash(struct buf *out, const struct token_user *user, const char *token,
                                  struct studio_error *error)
{
    unsigned char digest[DIGEST_LEN];
    char hex[DIGEST_HEX_LEN + 1], slow[SLOW_HASH_MAX + 1];
    if (user->certificate) {
        buf_str(out, "certificate");
        return STUDIO_OK;
    }
    if (!user->chosen) {
        tokens_digest(token, digest);
        text_hex(digest, sizeof digest, hex);
        buf_printf(out, "sha256:%s", hex);
        return STUDIO_OK;
    }
    if (!slow_hash_make(user->chosen, slow))
        return config_fail(error, STUDIO_ERR_NO_MEMORY, "no memory for a hash of the token");
    buf_printf(out, "yescrypt:%s", slow);
    return STUDIO_OK;
}

static enum studio_err print_line(struct buf *out, const struct token_user *user, const char *token,
                                  struct studio_error *error)
{
    token_pattern_print(out, user->pattern);
    buf_printf(out, " %s ", role_name(user->role));
    enum studio_err err = print_hash(out, user, token, error);
    if (user->expires)
        buf_printf(out, " expires=%s", user->expires);
    if (user->tables)
        buf_printf(out, " tables=%s", user->tables);
    buf_str(out, "\n");
    return err;
}

static enum studio_err check_user(const struct token_user *user, struct studio_error *error)
{
    int64_t until_s;
    const char *why = token_pattern_check(user->pattern);
    if (why)
        return config_fail(error, STUDIO_ERR_USAGE, "%s", why);
    if (user->expires && !token_date_parse(user->expires, &until_s))
        return config_fail(error, STUDIO_ERR_USAGE, "--expires is a day, YYYY-MM-DD");
    if (user->chosen && !name_is_token(user->chosen, strlen(user->chosen)))
        return config_fail(error, STUDIO_ERR_USAGE, "a token has 4 to 128 of A-Z a-z 0-9 . _ ~ -");
    return STUDIO_OK;
}

static enum studio_err add_to(const char *file, const struct token_user *user,
                              char token[TOKEN_NEW_LEN + 1], struct studio_error *error)
{
    struct file_edit edit;
    struct buf text;
    enum studio_err err;

    buf_init(&text, TOKENS_FILE_MAX);
    err = open_checked(&edit, file, error);
    if (err == STUDIO_OK)
        err = token_make(token, error);
    if (err == STUDIO_OK) {
        buf_add(&text, edit.text, edit.len);
        if (edit.len > 0 && edit.text[edit.len - 1] != '\n')
            buf_str(&text, "\n");
        err = print_line(&text, user, token, error);
    }
    if (err == STUDIO_OK)
        err = replace_checked(&edit, file, &text, false, error);
    buf_finish(&text);
    file_edit_close(&edit);
    return err;
}

enum studio_err token_file_add(const char *path, const struct token_user *user,
                               char token[TOKEN_NEW_LEN + 1], struct studio_error *error)
{
    enum studio_err err = check_user(user, error);
    if (err != STUDIO_OK)
        return err;
    char *file = token_files_new(path);
    if (!file)
        return config_fail(error, STUDIO_ERR_NO_MEMORY, "out of memory");
    err = add_to(file, user, token, error);
    free(file);
    return err;
}

/* Walks over the lines of a file that tokens_parse has accepted. `line` is finished after each
 * call; `whole` is the line with its newline. */
struct walk_line {
    unsigned number;
    const char *whole;
    size_t whole_len;
    bool user;
    struct token_line line;
};
typedef void walk_fn(void *ctx, const struct walk_line *line);

static enum studio_err walk(const char *text, size_t len, walk_fn *fn, void *ctx)
{
    struct walk_line at = {0};
    for (const char *start = text, *end = text + len; start < end; start += at.whole_len) {
        const char *newline = memchr(start, '\n', (size_t)(end - start));
        const char *why;
        size_t body = (size_t)((newline ? newline : end) - start);
        at.number++;
        at.whole = start;
        at.whole_len = body + (newline ? 1 : 0);
        enum token_line_kind kind = token_line_parse(start, body, &at.line, &why);
        if (kind == TOKEN_LINE_NO_MEMORY)
            return STUDIO_ERR_NO_MEMORY;
        at.user = kind == TOKEN_LINE_USER;
        fn(ctx, &at);
        if (at.user)
            token_line_finish(&at.line);
    }
    return STUDIO_OK;
}

struct each {
    token_file_user_fn *tell;
    void *ctx;
    const char *file;
};

static void tell_user(void *ctx, const struct walk_line *at)
{
    const struct each *each = ctx;
    if (at->user)
        each->tell(each->ctx, each->file, at->number, &at->line);
}

/* Each file that the path means, until one fails. */
typedef enum studio_err file_fn(void *ctx, const char *file, struct studio_error *error);

static enum studio_err each_file(const char *path, file_fn *fn, void *ctx,
                                 struct studio_error *error)
{
    struct token_files files;
    enum studio_err err = token_files_list(&files, path, TOKENS_FOR_COMMAND, error);
    for (size_t i = 0; err == STUDIO_OK && i < files.count; i++)
        err = fn(ctx, files.paths[i], error);
    token_files_finish(&files);
    return err;
}

static enum studio_err tell_file(void *ctx, const char *file, struct studio_error *error)
{
    struct each *each = ctx;
    char *text = NULL;
    size_t len = 0;
    enum studio_err err = file_read(file, TOKENS_FILE_MAX, &text, &len, NULL, error);
    each->file = file;
    if (err == STUDIO_OK && walk(text, len, tell_user, each) != STUDIO_OK)
        err = config_fail(error, STUDIO_ERR_NO_MEMORY, "out of memory reading %s", file);
    free(text);
    return err;
}

enum studio_err token_file_each(const char *path, token_file_user_fn *tell, void *ctx,
                                struct studio_error *error)
{
    struct each each = {tell, ctx, NULL};
    struct tokens *tokens = NULL;
    /* First the whole as the agent reads it, so that a list never hides a mistake. */
    enum studio_err err = tokens_read(path, TOKENS_FOR_COMMAND, &tokens, error);
    if (err != STUDIO_OK)
        return err;
    tokens_destroy(tokens);
    return each_file(path, tell_file, &each, error);
}

struct revoke {
    const char *which;
    bool certificate; /* only lines without a token */
    bool by_hash;
    size_t hits;
    bool several; /* the prefix fits more than one hash */
    unsigned char first[DIGEST_LEN];
    struct buf text;      /* what stays of a file */
    size_t left, in_file; /* users that stay; hits in the file */
    struct each each;
};

static bool fits(const struct revoke *revoke, const struct token_line *line)
{
    char hex[DIGEST_HEX_LEN + 1];
    if (!revoke->by_hash)
        return (line->certificate || !revoke->certificate) &&
               strcmp(line->pattern, revoke->which) == 0;
    if (line->certificate)
        return false; /* what stands for its hash nobody is shown */
    text_hex(line->digest, DIGEST_LEN, hex);
    return strncmp(hex, revoke->which, strlen(revoke->which)) == 0;
}

static void count_hit(void *ctx, const struct walk_line *at)
{
    struct revoke *revoke = ctx;
    if (!at->user || !fits(revoke, &at->line))
        return;
    if (revoke->hits++ == 0)
        memcpy(revoke->first, at->line.digest, DIGEST_LEN);
    else if (memcmp(revoke->first, at->line.digest, DIGEST_LEN) != 0)
        revoke->several = true;
}

static void keep_others(void *ctx, const struct walk_line *at)
{
    struct revoke *revoke = ctx;
    if (at->user && fits(revoke, &at->line)) {
        revoke->in_file++;
        return;
    }
    revoke->left += at->user;
    buf_add(&revoke->text, at->whole, at->whole_len);
}

static void tell_hit(void *ctx, const struct walk_line *at)
{
    const struct revoke *revoke = ctx;
    if (at->user && fits(revoke, &at->line))
        revoke->each.tell(revoke->each.ctx, revoke->each.file, at->number, &at->line);
}

static bool is_hash_prefix(const char *text)
{
    size_t len = strlen(text);
    return len >= HASH_PREFIX_MIN && len <= DIGEST_HEX_LEN &&
           strspn(text, "0123456789abcdef") == len;
}

/* A file that is changed is one the agent would take. */
static enum studio_err open_whole(struct file_edit *edit, const char *file,
                                  struct studio_error *error)
{
    struct tokens *tokens = NULL;
    enum studio_err err = open_checked(edit, file, error);
    if (err == STUDIO_OK)
        err = tokens_parse(edit->text, edit->len, file, &tokens, error);
    if (err == STUDIO_OK)
        tokens_destroy(tokens);
    return err;
}

static enum studio_err walk_in(const struct file_edit *edit, walk_fn *fn, struct revoke *revoke,
                               const char *file, struct studio_error *error)
{
    revoke->each.file = file;
    if (walk(edit->text, edit->len, fn, revoke) == STUDIO_OK)
        return STUDIO_OK;
    return config_fail(error, STUDIO_ERR_NO_MEMORY, "out of memory reading %s", file);
}

static enum studio_err count_in(void *ctx, const char *file, struct studio_error *error)
{
    struct file_edit edit;
    enum studio_err err = open_whole(&edit, file, error);
    if (err == STUDIO_OK)
        err = walk_in(&edit, count_hit, ctx, file, error);
    file_edit_close(&edit);
    return err;
}

/* Decides whether `which` is a pattern or a hash. */
static enum studio_err choose(struct revoke *revoke, const char *path, struct studio_error *error)
{
    enum studio_err err = each_file(path, count_in, revoke, error);
    if (err == STUDIO_OK && revoke->hits == 0 && !revoke->certificate &&
        is_hash_prefix(revoke->which)) {
        revoke->by_hash = true;
        err = each_file(path, count_in, revoke, error);
    }
    if (err != STUDIO_OK)
        return err;
    if (revoke->hits == 0)
        return config_fail(error, STUDIO_ERR_USAGE,
                           "no line of %s has this id pattern or hash; `studio-agent token list` "
                           "shows them",
                           path);
    if (revoke->by_hash && revoke->several)
        return config_fail(error, STUDIO_ERR_USAGE,
                           "several hashes start like this; give more digits");
    return STUDIO_OK;
}

static enum studio_err remove_in(void *ctx, const char *file, struct studio_error *error)
{
    struct revoke *revoke = ctx;
    struct file_edit edit;
    size_t before = revoke->left;
    buf_init(&revoke->text, TOKENS_FILE_MAX);
    revoke->in_file = 0;
    enum studio_err err = open_whole(&edit, file, error);
    if (err == STUDIO_OK)
        err = walk_in(&edit, keep_others, revoke, file, error);
    if (err == STUDIO_OK && revoke->in_file > 0) {
        err = replace_checked(&edit, file, &revoke->text, revoke->left == before, error);
        if (err == STUDIO_OK)
            (void)walk(edit.text, edit.len, tell_hit, revoke); /* done is done, told or not */
    }
    buf_finish(&revoke->text);
    file_edit_close(&edit);
    return err;
}

enum studio_err token_file_revoke(const char *path, const char *which, bool certificate,
                                  token_file_user_fn *tell, void *ctx, size_t *left,
                                  struct studio_error *error)
{
    struct revoke revoke = {.which = which, .certificate = certificate, .each = {tell, ctx, NULL}};
    enum studio_err err = choose(&revoke, path, error);
    if (err == STUDIO_OK)
        err = each_file(path, remove_in, &revoke, error);
    *left = revoke.left;
    return err;
}
