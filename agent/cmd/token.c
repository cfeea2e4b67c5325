/*
 * token.c - users from the command line. What a script wants (the token, the list) goes to
 * standard output, what a person should know to standard error.
 */
#include "cmd/token.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "auth/broker_lines.h"
#include "auth/days.h"
#include "auth/digest.h"
#include "auth/token_file.h"
#include "auth/tokens.h"
#include "auth/user_files.h"
#include "base/buf.h"
#include "base/names.h"
#include "base/text.h"
#include "base/times.h"
#include "config/config.h"

enum {
    HASH_SHOWN = 12,  /* hexadecimal digits in a list */
    CHOSEN_MAX = 256, /* bytes of a line with a token */
    DAY_S = 86400
};

/* Where the tokens are, and the directory of the agent that reads them. */
struct target {
    const char *file;
    const char *data;
    const char *root;       /* of its topics */
    const char *user_files; /* of a broker beside it; NULL: none */
    const char *broker;     /* NULL: there is none */
    const char *logins[2];  /* its own there, separated by commas; NULL: none */
    const char *config;     /* the file all of it stands in; NULL: not in one, or not all */
};

/* A table for each file, which begins with its first row. */
struct listing {
    const char *title; /* printed before the first */
    const char *path;  /* the one file, or the directory they are in */
    struct days *days; /* when they were last used; NULL: not known */
    char *file;        /* of the last row; owned */
};

static int fail_with(const struct studio_error *error)
{
    cli_complain(error->text);
    return error->code == STUDIO_ERR_USAGE ? STUDIO_EXIT_USAGE : STUDIO_EXIT_FAILED;
}

static void print_day(int64_t wall_s, char out[TIME_S_LEN + 1])
{
    time_print_s(wall_s, out);
    out[TIME_DAY_LEN] = '\0';
}

/* "never", or the last day a line is good for. */
static void print_expiry(const struct token_line *line, char out[TIME_S_LEN + 1])
{
    if (line->until_s == INT64_MAX)
        snprintf(out, TIME_S_LEN + 1, "never");
    else
        print_day(line->until_s - 1, out);
}

/* The last day it was used, as far as is known. */
static void print_last(const struct days *days, const struct token_line *line,
                       char out[TIME_S_LEN + 1])
{
    int day = days ? days_find(days, line) : 0;
    if (day == 0)
        snprintf(out, TIME_S_LEN + 1, "-");
    else
        print_day((int64_t)day * DAY_S, out);
}

/* The file is named where there may be several. */
static void begin_table(struct listing *listing, const char *file)
{
    if (listing->file && strcmp(listing->file, file) == 0)
        return;
    if (!listing->file)
        fputs(listing->title, stdout);
    if (strcmp(listing->path, file) != 0)
        printf("%s%s:\n", listing->file ? "\n" : "", file);
    printf("%4s  %-8s  %-*s  %-10s  %-10s  %s\n", "line", "role", HASH_SHOWN, "hash", "expires",
           "last used", "id");
    free(listing->file);
    listing->file = strdup(file); /* without memory there is one heading more */
}

static void print_user(void *ctx, const char *file, unsigned number, const struct token_line *line)
{
    struct listing *listing = ctx;
    char hex[DIGEST_HEX_LEN + 1], expiry[TIME_S_LEN + 1], last[TIME_S_LEN + 1];
    struct buf pattern;
    bool expired = line->until_s <= (int64_t)time(NULL);
    begin_table(listing, file);
    buf_init(&pattern, SIZE_MAX);
    token_pattern_print(&pattern, line->pattern);
    text_hex(line->digest, DIGEST_LEN, hex);
    print_expiry(line, expiry);
    print_last(listing->days, line, last);
    printf("%4u  %-8s  %-*.*s  %-10s  %-10s  %s%s", number, role_name(line->role), HASH_SHOWN,
           HASH_SHOWN, line->certificate ? "certificate" : hex, expiry, last,
           buf_ok(&pattern) ? pattern.data : line->pattern, expired ? "  (expired)" : "");
    if (line->tables != TOKEN_TABLES)
        printf("  tables=%u", line->tables);
    if (line->slow)
        fputs("  yescrypt", stdout);
    putchar('\n');
    buf_finish(&pattern);
}

static void listing_begin(struct listing *listing, const char *title, const struct target *target)
{
    struct studio_error error;
    *listing = (struct listing){.title = title, .path = target->file};
    if (days_read(target->data, &listing->days, &error) != STUDIO_OK)
        fprintf(stderr, "when they were last used is not known: %s\n", error.text);
}

static void listing_end(struct listing *listing)
{
    days_free(listing->days);
    free(listing->file);
}

static int token_list(const struct cli *cli, const struct target *target)
{
    struct studio_error error;
    struct listing listing;
    (void)cli;
    listing_begin(&listing, "", target);
    enum studio_err err = token_file_each(target->file, print_user, &listing, &error);
    listing_end(&listing);
    return err == STUDIO_OK ? STUDIO_EXIT_OK : fail_with(&error);
}

/* How a running agent learns of a change. */
static void say_reload(const struct target *target)
{
    fprintf(stderr, "a running agent takes it with: studio-agent reload %s %s\n",
            target->config ? "-c" : "--data", target->config ? target->config : target->data);
}

/* A line of standard input, on a terminal asked for and not shown. False: there is none, or it is too
 * long. */
static bool read_chosen(char out[CHOSEN_MAX + 1])
{
    struct termios before, silent;
    bool asks = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &before) == 0;
    if (asks) {
        silent = before;
        silent.c_lflag &= ~(tcflag_t)ECHO;
        fputs("Token: ", stderr);
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    }
    setvbuf(stdin, NULL, _IONBF, 0); /* nothing of it is left in a buffer */
    bool there = fgets(out, CHOSEN_MAX + 1, stdin) != NULL;
    size_t len = there ? strcspn(out, "\r\n") : 0;
    there = there && (out[len] || feof(stdin));
    if (there)
        out[len] = '\0';
    if (asks) {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
        fputc('\n', stderr);
    }
    return there;
}

/* Prints what a script wants of a new user: with which token it comes. */
typedef int print_fn(const struct target *target, const struct token_user *user, const char *token);

static int print_token(const struct target *target, const struct token_user *user,
                       const char *token)
{
    (void)target;
    if (!user->chosen && !user->certificate)
        printf("%s\n", token);
    return STUDIO_EXIT_OK;
}

/* So that a second try leaves no line of the first behind. */
static void say_undo(const struct target *target, const struct token_user *user, const char *token)
{
    unsigned char digest[DIGEST_LEN];
    char hex[DIGEST_HEX_LEN + 1];
    tokens_digest(token, digest);
    text_hex(digest, DIGEST_LEN, hex);
    fprintf(stderr,
            "the broker does not know the user; before another try: studio-agent token revoke "
            "%.*s %s %s%s\n",
            HASH_SHOWN, user->chosen ? "HASH" : hex, target->config ? "-c" : "--data",
            target->config ? target->config : target->data,
            user->chosen ? ", with the hash that `token list` shows of the line" : "");
}

/* And tells the broker. */
static int tell_broker(const struct target *target, const struct token_user *user,
                       const char *token)
{
    struct studio_error error;
    const struct broker_login told = {.name = user->pattern,
                                      .password = token,
                                      .role = user->role,
                                      .chosen = user->chosen != NULL};
    (void)print_token(target, user, token);
    if (user_files_put(target->user_files, &told, target->root, &error) == STUDIO_OK) {
        fprintf(stderr, "the broker's files in %s have the user, too: systemctl reload mosquitto\n",
                target->user_files);
        return STUDIO_EXIT_OK;
    }
    const int code = fail_with(&error);
    say_undo(target, user, token);
    return code;
}

/* And what the broker is to be told. */
static int print_lines(const struct target *target, const struct token_user *user,
                       const char *token)
{
    struct buf lines;
    buf_init(&lines, SIZE_MAX);
    if (!user->chosen)
        buf_printf(&lines, "# The token of %s, for WebSocket and HTTP:\n%s\n", user->pattern,
                   token);
    buf_str(&lines, "# For the broker's password file (Mosquitto's); the password is the token:\n");
    bool random = broker_password_line(&lines, user->pattern, token, user->chosen != NULL);
    buf_str(&lines, "# For the broker's access list:\n");
    broker_access_lines(&lines, user->pattern, user->role, target->root);
    bool whole = random && buf_ok(&lines);
    if (whole)
        fputs(lines.data, stdout);
    else
        cli_complain("the user is added, but there is no memory to print the broker's lines");
    buf_finish(&lines);
    return whole ? STUDIO_EXIT_OK : STUDIO_EXIT_FAILED;
}

/* Adds the user, whose token is asked for if it is to be a chosen one. */
static int add_user(const struct cli *cli, const struct target *target, struct token_user user,
                    print_fn *print)
{
    struct studio_error error;
    char token[TOKEN_NEW_LEN + 1], chosen[CHOSEN_MAX + 1];
    if (cli->password && cli->certificate) {
        cli_complain("--password and --certificate: a line has one of them");
        return STUDIO_EXIT_USAGE;
    }
    if (cli->password && !read_chosen(chosen)) {
        cli_complain("--password: the token is read from standard input, one line");
        return STUDIO_EXIT_USAGE;
    }
    user.chosen = cli->password ? chosen : NULL;
    user.certificate = cli->certificate;
    enum studio_err err = token_file_add(target->file, &user, token, &error);
    int code =
        err == STUDIO_OK ? print(target, &user, user.chosen ? chosen : token) : fail_with(&error);
    explicit_bzero(chosen, sizeof chosen);
    explicit_bzero(token, sizeof token);
    if (err != STUDIO_OK)
        return code;
    fprintf(stderr, "added to %s: %s as %s; %s\n", target->file, user.pattern, role_name(user.role),
            user.certificate ? "a certificate with this id lets in (auth.certificate_user)"
                             : "keep this token, only its hash is stored");
    say_reload(target);
    return code;
}

/* The user of this command line: words[1] and the flags. */
static int new_user(const struct cli *cli, const struct target *target, print_fn *print)
{
    enum role role = ROLE_DEVICE;
    int64_t until_s;
    unsigned tables;
    if (cli->role && !role_parse(cli->role, &role)) {
        cli_complain("--role is device, viewer or operator");
        return STUDIO_EXIT_USAGE;
    }
    if (cli->expires && token_date_parse(cli->expires, &until_s) &&
        until_s <= (int64_t)time(NULL)) {
        cli_complain("--expires lies in the past");
        return STUDIO_EXIT_USAGE;
    }
    if (cli->tables && !token_tables_parse(cli->tables, &tables)) {
        cli_complain("--tables is a number from 1 to 1000000");
        return STUDIO_EXIT_USAGE;
    }
    return add_user(
        cli, target,
        (struct token_user){
            .pattern = cli->words[1], .role = role, .expires = cli->expires, .tables = cli->tables},
        print);
}

static int token_new(const struct cli *cli, const struct target *target)
{
    if (cli->word_count < 2) {
        cli_complain("token new needs an id or pattern: studio-agent token new ARO-001_dealerPC");
        return STUDIO_EXIT_USAGE;
    }
    return new_user(cli, target, print_token);
}

static bool is_in_list(const char *id, const char *list)
{
    const size_t len = strlen(id);
    for (; list && *list; list += strcspn(list, ",")) {
        list += strspn(list, ", ");
        if (strcspn(list, ", ") == len && memcmp(list, id, len) == 0)
            return true;
    }
    return false;
}

static int user_add(const struct cli *cli, const struct target *target)
{
    const char *id = cli->word_count == 2 ? cli->words[1] : "";
    if (strcmp(cli->words[0], "add") != 0 || !name_is_client(id, strlen(id)) ||
        token_pattern_check(id)) {
        cli_complain(
            "user add needs an id that is a login of the broker, too, of A-Z a-z 0-9 _ . @ "
            "-: studio-agent user add ARO-001_dealerPC");
        return STUDIO_EXIT_USAGE;
    }
    if (is_in_list(id, target->logins[0]) || is_in_list(id, target->logins[1])) {
        cli_complain("user add: this is the login of the agent itself at the broker "
                     "(mqtt.username, mqtt.command_username): take another id");
        return STUDIO_EXIT_USAGE;
    }
    return new_user(cli, target, target->user_files ? tell_broker : print_lines);
}

/* All lines of a pattern are revoked, or the one of a hash. */
struct revoked {
    struct listing listing;
    char pattern[TOKEN_PATTERN_MAX + 1];
    size_t left; /* that have the pattern as well */
};

static void note_revoked(void *ctx, const char *file, unsigned number,
                         const struct token_line *line)
{
    struct revoked *revoked = ctx;
    snprintf(revoked->pattern, sizeof revoked->pattern, "%s", line->pattern);
    print_user(&revoked->listing, file, number, line);
}

static void count_left(void *ctx, const char *file, unsigned number, const struct token_line *line)
{
    struct revoked *revoked = ctx;
    (void)file;
    (void)number;
    revoked->left += strcmp(line->pattern, revoked->pattern) == 0;
}

/* The login at the broker, which `user add` has made of it. */
static int revoke_at_broker(const struct target *target, struct revoked *revoked)
{
    struct studio_error error;
    const char *id = revoked->pattern, *dir = target->user_files;
    bool removed;
    if (!target->broker || !name_is_client(id, strlen(id)) || is_in_list(id, target->logins[0]) ||
        is_in_list(id, target->logins[1]))
        return STUDIO_EXIT_OK;
    if (!dir) {
        fprintf(stderr,
                "if the broker has a login %s, it is still good: take it out of its password file "
                "(Mosquitto: mosquitto_passwd -D FILE %s) and of its access list\n",
                id, id);
        return STUDIO_EXIT_OK;
    }
    if (token_file_each(target->file, count_left, revoked, &error) != STUDIO_OK)
        return fail_with(&error);
    if (revoked->left > 0) {
        fprintf(stderr,
                "the broker's files in %s keep %s, who has another line: if the password there is "
                "the token that was revoked, studio-agent user add %s makes a new one\n",
                dir, id, id);
        return STUDIO_EXIT_OK;
    }
    if (user_files_remove(dir, id, &removed, &error) != STUDIO_OK)
        return fail_with(&error);
    if (removed)
        fprintf(stderr, "the broker's files in %s have %s no more: systemctl reload mosquitto\n",
                dir, id);
    return STUDIO_EXIT_OK;
}

static int token_revoke(const struct cli *cli, const struct target *target)
{
    struct studio_error error;
    struct revoked revoked = {.left = 0};
    size_t left = 0;
    if (cli->word_count < 2) {
        cli_complain("token revoke needs an id pattern or a hash of `studio-agent token list`");
        return STUDIO_EXIT_USAGE;
    }
    listing_begin(&revoked.listing, "revoked:\n", target);
    enum studio_err err = token_file_revoke(target->file, cli->words[1], cli->certificate,
                                            note_revoked, &revoked, &left, &error);
    listing_end(&revoked.listing);
    if (err != STUDIO_OK)
        return fail_with(&error);
    if (left == 0)
        fputs("no user is left; an agent does not start without one\n", stderr);
    say_reload(target);
    return revoke_at_broker(target, &revoked);
}

static const struct {
    const char *name;
    size_t words_max;
    int (*run)(const struct cli *cli, const struct target *target);
} actions[] = {{"new", 2, token_new}, {"list", 1, token_list}, {"revoke", 2, token_revoke}};

static int run_action(const struct cli *cli, const struct target *target)
{
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
        if (strcmp(actions[i].name, cli->words[0]) == 0 && cli->word_count <= actions[i].words_max)
            return actions[i].run(cli, target);
    }
    cli_complain("token new PATTERN, token list, or token revoke HASH|PATTERN");
    return STUDIO_EXIT_USAGE;
}

/* Runs it on the files that the command line means. */
static int run_on_target(const struct cli *cli, const char *const *variables,
                         int (*run)(const struct cli *cli, const struct target *target))
{
    struct studio_agent_config config;
    struct studio_error error;
    char *file = NULL;
    int code;
    config_init(&config);
    enum studio_err err = cli_configure(cli, variables, &config, &error);
    if (err == STUDIO_OK && !(file = config_tokens_path(&config)))
        err = config_fail(&error, STUDIO_ERR_NO_MEMORY, "out of memory");
    if (err == STUDIO_OK)
        code = run(cli, &(struct target){file,
                                         config.data,
                                         config.topic_root,
                                         config.user_files,
                                         config.broker,
                                         {config.username, config.command_username},
                                         cli->setting_count == 0 ? cli->file : NULL});
    else
        code = fail_with(&error);
    free(file);
    config_finish(&config);
    return code;
}

int command_token(const struct cli *cli, const char *const *variables)
{
    if (cli->word_count > 0)
        return run_on_target(cli, variables, run_action);
    cli_complain("token new PATTERN, token list, or token revoke HASH|PATTERN");
    return STUDIO_EXIT_USAGE;
}

int command_user(const struct cli *cli, const char *const *variables)
{
    if (cli->word_count > 0)
        return run_on_target(cli, variables, user_add);
    cli_complain("user add ID");
    return STUDIO_EXIT_USAGE;
}
