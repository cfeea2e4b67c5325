/*
 * token.c - users from the command line. What a script wants (the token, the list) goes to
 * standard output, what a person should know to standard error.
 */
#include "cmd/token.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "auth/broker_lines.h"
#include "auth/digest.h"
#include "auth/token_file.h"
#include "auth/tokens.h"
#include "auth/user_files.h"
#include "base/buf.h"
#include "base/names.h"
#include "base/text.h"
#include "cmd/user_table.h"
#include "config/config.h"

enum { CHOSEN_MAX = 256 }; /* bytes of a line with a token */

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

static int fail_with(const struct studio_error *error)
{
    cli_complain(error->text);
    return error->code == STUDIO_ERR_USAGE ? STUDIO_EXIT_USAGE : STUDIO_EXIT_FAILED;
}

static int token_list(const struct cli *cli, const struct target *target)
{
    struct studio_error error;
    struct user_table table;
    (void)cli;
    user_table_begin(&table, "", target->file, target->data);
    enum studio_err err = token_file_each(target->file, user_table_print, &table, &error);
    user_table_end(&table);
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
            USER_TABLE_HASH, user->chosen ? "HASH" : hex, target->config ? "-c" : "--data",
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

/* What was revoked: the lines of one pattern, or those of one token, which may be of several. */
struct revoked {
    struct user_table table;
    struct buf patterns; /* each once, with its NUL */
};

static void note_revoked(void *ctx, const char *file, unsigned number,
                         const struct token_line *line)
{
    struct revoked *revoked = ctx;
    struct buf *patterns = &revoked->patterns;
    size_t at = 0;
    while (at < patterns->len && strcmp(patterns->data + at, line->pattern) != 0)
        at += strlen(patterns->data + at) + 1;
    if (at == patterns->len)
        buf_add(patterns, line->pattern, strlen(line->pattern) + 1);
    user_table_print(&revoked->table, file, number, line);
}

struct same_pattern {
    const char *pattern;
    size_t lines; /* it still has */
};

static void count_same(void *ctx, const char *file, unsigned number, const struct token_line *line)
{
    struct same_pattern *same = ctx;
    (void)file;
    (void)number;
    same->lines += strcmp(line->pattern, same->pattern) == 0;
}

static void say_still_good(const char *id)
{
    fprintf(stderr,
            "if the broker has a login %s, it is still good: take it out of its password file "
            "(Mosquitto: mosquitto_passwd -D FILE %s) and of its access list\n",
            id, id);
}

/* The login at the broker, which `user add` has made of it; `left` users are. */
static int take_login(const struct target *target, size_t left, const char *id)
{
    struct studio_error error;
    struct same_pattern same = {.pattern = id};
    const char *dir = target->user_files;
    bool removed = false;
    if (!name_is_client(id, strlen(id)) || is_in_list(id, target->logins[0]) ||
        is_in_list(id, target->logins[1]))
        return STUDIO_EXIT_OK;
    if (!dir) {
        say_still_good(id);
        return STUDIO_EXIT_OK;
    }
    enum studio_err err = STUDIO_OK;
    if (left > 0) /* a file without any is a mistake */
        err = token_file_each(target->file, count_same, &same, &error);
    if (err == STUDIO_OK && same.lines > 0) {
        fprintf(stderr,
                "the broker's files in %s keep %s, who has another line: if the password there is "
                "the token that was revoked, studio-agent user add %s makes a new one\n",
                dir, id, id);
        return STUDIO_EXIT_OK;
    }
    if (err == STUDIO_OK)
        err = user_files_remove(dir, id, &removed, &error);
    if (err != STUDIO_OK) {
        say_still_good(id);
        return fail_with(&error);
    }
    if (removed)
        fprintf(stderr, "the broker's files in %s have %s no more: systemctl reload mosquitto\n",
                dir, id);
    return STUDIO_EXIT_OK;
}

/* The files are looked at without mqtt.broker, too, which may stand in the unit of the agent. */
static int revoke_at_broker(const struct target *target, size_t left, const struct buf *patterns)
{
    int code = STUDIO_EXIT_OK;
    if (!target->broker && !target->user_files)
        return code;
    for (size_t at = 0; at < patterns->len; at += strlen(patterns->data + at) + 1) {
        const int its = take_login(target, left, patterns->data + at);
        code = its == STUDIO_EXIT_OK ? code : its;
    }
    if (buf_ok(patterns))
        return code;
    cli_complain("out of memory: not all of them were looked for at the broker");
    return STUDIO_EXIT_FAILED;
}

static int token_revoke(const struct cli *cli, const struct target *target)
{
    struct studio_error error;
    struct revoked revoked;
    size_t left = 0;
    if (cli->word_count < 2) {
        cli_complain("token revoke needs an id pattern or a hash of `studio-agent token list`");
        return STUDIO_EXIT_USAGE;
    }
    buf_init(&revoked.patterns, SIZE_MAX);
    user_table_begin(&revoked.table, "revoked:\n", target->file, target->data);
    enum studio_err err = token_file_revoke(target->file, cli->words[1], cli->certificate,
                                            note_revoked, &revoked, &left, &error);
    user_table_end(&revoked.table);
    int code =
        err == STUDIO_OK ? revoke_at_broker(target, left, &revoked.patterns) : fail_with(&error);
    buf_finish(&revoked.patterns);
    if (err == STUDIO_OK && left == 0)
        fputs("no user is left; an agent does not start without one\n", stderr);
    if (err == STUDIO_OK)
        say_reload(target);
    return code;
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
