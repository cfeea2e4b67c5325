#include "program.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/secret.h"
#include "client/client_error.h"
#include "shown.h"

int program_exit_code(enum studio_err err)
{
    static const struct {
        enum studio_err err;
        int exit_code;
    } rows[] = {
        {STUDIO_OK, EXIT_CONFIRMED},
        {STUDIO_ERR_USAGE, EXIT_USAGE},
        {STUDIO_ERR_NOT_CONNECTED, EXIT_UNREACHABLE},
        {STUDIO_ERR_TIMEOUT, EXIT_UNREACHABLE},
        {STUDIO_ERR_LIMIT, EXIT_UNREACHABLE},
        {STUDIO_ERR_AUTH_MISSING, EXIT_UNAUTHENTICATED},
        {STUDIO_ERR_AUTH_CREDENTIALS, EXIT_UNAUTHENTICATED},
        {STUDIO_ERR_AUTH_TABLE, EXIT_UNAUTHENTICATED},
        {STUDIO_ERR_AUTH_REVOKED, EXIT_UNAUTHENTICATED},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (rows[i].err == err)
            return rows[i].exit_code;
    return EXIT_REFUSED;
}

void program_say(const char *fmt, ...)
{
    char line[2 * STUDIO_ERROR_TEXT_MAX];
    va_list args;

    va_start(args, fmt);
    vsnprintf(line, sizeof(line), fmt, args);
    va_end(args);
    shown_line(line, true);
    fflush(stdout); /* what was said before stays before */
    fprintf(stderr, "studio-client: %s\n", line);
}

/* What to do about an error that does not say so itself. */
static const char *advice(enum studio_err err)
{
    static const struct {
        enum studio_err err;
        const char *text;
    } rows[] = {
        {STUDIO_ERR_AUTH_CREDENTIALS, "; is it the token of this id (--table, --device or --id)? "
                                      "`studio-agent token list` shows "
                                      "the ids, `studio-agent token new ID` makes a token"},
        {STUDIO_ERR_AUTH_REVOKED, "; `studio-agent token new ID` makes another"},
        {STUDIO_ERR_AUTH_TABLE, "; an id begins with a table, as in ARO-001_dealerPC"},
        {STUDIO_ERR_RATE_LIMIT, "; limits.updates_per_second of the agent sets it"},
        {STUDIO_ERR_STORAGE, "; the agent's log says why"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (rows[i].err == err)
            return rows[i].text;
    return "";
}

int program_fail(const struct studio_error *error)
{
    program_say("%s%s", error->text, advice(error->code));
    return program_exit_code(error->code);
}

bool program_can_ask(void)
{
    return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

bool program_ask(const char *question)
{
    char answer[8];

    fflush(stdout);
    fprintf(stderr, "%s [y/N] ", question);
    fflush(stderr);
    return fgets(answer, sizeof(answer), stdin) != NULL && (answer[0] == 'y' || answer[0] == 'Y');
}

enum studio_err program_check_names(const struct args *args, const struct pairs *pairs,
                                    struct studio_error *error)
{
    const struct studio_field *meant;
    const char *name = args->custom ? NULL : pairs_mistyped(pairs, &meant);
    char question[200];

    if (name == NULL)
        return STUDIO_OK;
    snprintf(question, sizeof(question),
             "'%s' is no built-in field, did you mean %s? Set a custom field '%s'?", name,
             meant->key, name);
    if (program_can_ask() && program_ask(question))
        return STUDIO_OK;
    return client_error_usage(
        error,
        "'%s' is no built-in field, did you mean %s? Nothing was sent; --custom "
        "(in the prompt: custom {json}) sets a custom field of this name",
        name, meant->key);
}

struct studio_client *program_connect(const struct program *program, int *exit_code)
{
    struct studio_client *client;
    struct studio_error error;

    *exit_code = EXIT_CONFIRMED;
    if (studio_client_connect(&program->options, &client, &error) != STUDIO_OK)
        *exit_code = program_fail(&error);
    return client;
}

char *program_server(const struct program *program, struct studio_client *client)
{
    const char *given = program->options.server_url;

    return strchr(given, ',') != NULL ? studio_client_server(client) : strdup(given);
}

/* A server that knows no envelopes refuses `get`, takes it for an update, or says nothing. */
static bool cannot_be_asked(enum studio_err err)
{
    return program_exit_code(err) == EXIT_REFUSED || err == STUDIO_ERR_TIMEOUT;
}

/* The document that a new login brings; NULL if none does. */
static char *document_of_a_login(const struct program *program)
{
    struct studio_client_options options = program->options;
    struct studio_client *client;
    char *document = NULL;

    options.no_reconnect = true;
    options.on_push = NULL;
    options.on_state = NULL;
    if (studio_client_connect(&options, &client, NULL) == STUDIO_OK) {
        document = studio_client_greeting(client);
        studio_client_close(client);
    }
    return document;
}

enum studio_err program_status(const struct program *program, struct studio_client *client,
                               const char *table_id, char **document, struct studio_error *error)
{
    enum studio_err err = studio_client_get(client, table_id, document, error);

    if (!cannot_be_asked(err) || strcmp(table_id, program->options.table_id) != 0)
        return err;
    *document = document_of_a_login(program);
    if (*document == NULL)
        return err;
    program_say("this server cannot be asked for the status (%s); it tells it at each login, which "
                "is what follows",
                error->text);
    return STUDIO_OK;
}

/* The first line of a stream without its end. False if there is none or it is too long. */
static bool read_line(FILE *in, char out[PROGRAM_TOKEN_MAX + 1])
{
    char line[PROGRAM_TOKEN_MAX + 3]; /* with a CR, an LF and the NUL */

    if (fgets(line, sizeof(line), in) == NULL)
        return false;
    size_t len = strcspn(line, "\r\n");
    bool fits = len > 0 && len <= PROGRAM_TOKEN_MAX;
    if (fits) {
        memcpy(out, line, len);
        out[len] = '\0';
    }
    explicit_bzero(line, sizeof(line));
    return fits;
}

static enum studio_err token_from_file(const char *path, char out[PROGRAM_TOKEN_MAX + 1],
                                       struct studio_error *error)
{
    FILE *in = fopen(path, "re");

    if (in == NULL)
        return client_error_usage(error, "the token file %.200s cannot be read: %s", path,
                                  strerror(errno));
    bool ok = read_line(in, out);
    fclose(in);
    return ok ? STUDIO_OK : client_error_usage(error, "the first line of %.200s is no token", path);
}

/* Asks on the terminal itself, so that it also works with standard input from a pipe. */
static bool token_from_terminal(char out[PROGRAM_TOKEN_MAX + 1])
{
    struct termios before, silent;
    FILE *tty = isatty(STDIN_FILENO) ? fopen("/dev/tty", "r+e") : NULL;

    if (tty == NULL)
        return false;
    if (tcgetattr(fileno(tty), &before) != 0) {
        fclose(tty);
        return false;
    }
    silent = before;
    silent.c_lflag &= ~(tcflag_t)ECHO;
    fputs("Token: ", tty);
    fflush(tty);
    tcsetattr(fileno(tty), TCSAFLUSH, &silent);
    bool ok = read_line(tty, out);
    tcsetattr(fileno(tty), TCSAFLUSH, &before);
    fputc('\n', tty);
    fclose(tty);
    return ok;
}

enum studio_err program_token(const struct args *args, char out[PROGRAM_TOKEN_MAX + 1],
                              struct studio_error *error)
{
    const char *given = args->token;

    if (given == NULL && args->token_file != NULL)
        return token_from_file(args->token_file, out, error);
    if (given == NULL)
        given = getenv("STUDIO_TOKEN");
    if (given != NULL && given[0] != '\0') {
        if (strlen(given) > PROGRAM_TOKEN_MAX)
            return client_error_usage(error, "a token has at most %d characters",
                                      PROGRAM_TOKEN_MAX);
        memcpy(out, given, strlen(given) + 1);
        secret_clear(
            (char *)given); /* argv and environment are ours: nobody reads it there any more */
        return STUDIO_OK;
    }
    if (token_from_terminal(out))
        return STUDIO_OK;
    return client_error_usage(error, "a token is needed: set STUDIO_TOKEN, or give --token-file "
                                     "FILE or --token TOKEN; `studio-agent token new "
                                     "ARO-001_dealerPC` makes one");
}
