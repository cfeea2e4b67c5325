#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "client/client_error.h"

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

int program_fail(const struct studio_error *error)
{
    fflush(stdout); /* what was said before stays before */
    fprintf(stderr, "studio-client: %s\n", error->text);
    return program_exit_code(error->code);
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
    memset(line, 0, sizeof(line));
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
        return STUDIO_OK;
    }
    if (token_from_terminal(out))
        return STUDIO_OK;
    return client_error_usage(error, "a token is needed: set STUDIO_TOKEN, or give --token-file "
                                     "FILE or --token TOKEN");
}
