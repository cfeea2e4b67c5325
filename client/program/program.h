/* program.h - what the commands of studio-client share. */
#ifndef CLIENT_PROGRAM_PROGRAM_H
#define CLIENT_PROGRAM_PROGRAM_H

#include "args.h"
#include "pairs.h"
#include "studio/client.h"
#include "studio/status.h"

/* Exit codes, protocol section 7. */
enum program_exit {
    EXIT_CONFIRMED = 0,
    EXIT_REFUSED = 1,
    EXIT_USAGE = 2,
    EXIT_UNREACHABLE = 3,
    EXIT_UNAUTHENTICATED = 4
};

struct program {
    struct args args;
    const char *table_id;                 /* the one the command is about */
    struct studio_values lists;           /* with those of the arguments */
    struct studio_client_options options; /* from the arguments; commands add callbacks */
};

/* Each is one row of the table of commands (commands.h); returns an exit code. */
typedef int program_command_fn(struct program *program);
program_command_fn cmd_demo, cmd_interactive, cmd_set, cmd_get, cmd_watch, cmd_exception,
    cmd_custom, cmd_history, cmd_events;

/* The exit code an error stands for. */
int program_exit_code(enum studio_err err);

/* Says the error on standard error, with what to do about it, and returns its exit code. */
int program_fail(const struct studio_error *error);

/* One line for people on standard error; harmless to a terminal whatever is in it. */
void program_say(const char *fmt, ...) STUDIO_PRINTF(1, 2);

/* True when there is somebody to ask: both ends of the conversation are a terminal. */
bool program_can_ask(void);
/* Asks for y or n on the terminal; anything but y is no. */
bool program_ask(const char *question);

/* Custom fields that may have been meant for built-in ones: asks on a terminal, else an error unless
 * --custom was given. Errors: USAGE naming both. */
STUDIO_MUST_USE enum studio_err program_check_names(const struct args *args,
                                                    const struct pairs *pairs,
                                                    struct studio_error *error);

/* Connects; on failure says why, and *exit_code is what to return. */
struct studio_client *program_connect(const struct program *program, int *exit_code);

/* Where it is connected, for people: what --url names, or which of several; to be free()d. NULL: memory is short. */
char *program_server(const struct program *program, struct studio_client *client);

/* The document of the table the command is about, to be free()d. A server that cannot be asked sends
 * one at each login: then it is that of a new one, and a line says so. */
STUDIO_MUST_USE enum studio_err program_status(const struct program *program,
                                               struct studio_client *client, const char *table_id,
                                               char **document, struct studio_error *error);

enum { PROGRAM_TOKEN_MAX = 128 };

/* The token: --token, --token-file, STUDIO_TOKEN, or typed on the terminal without echo.
 * Errors: USAGE naming the ways to give it. */
STUDIO_MUST_USE enum studio_err program_token(const struct args *args,
                                              char out[PROGRAM_TOKEN_MAX + 1],
                                              struct studio_error *error);

#endif
