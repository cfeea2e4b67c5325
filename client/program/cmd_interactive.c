/* studio-client interactive: a prompt on a terminal, line by line from a pipe. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <editline/readline.h>

#include "program.h"
#include "prompt.h"

enum { HISTORY_LINES = 500 };

struct dialogue {
    const struct studio_values *lists;
    struct studio_client *client;
    bool terminal;
    char *history; /* path; NULL: not kept */
    int exit_code; /* of the first line that failed */
};

/* --- completion: readline's callbacks carry no context --- */

static const struct studio_values *completing_lists;
static const char *completing_line;
static size_t completing_start;

static char *next_candidate(const char *prefix, int state)
{
    static size_t n;

    if (state == 0)
        n = 0;
    const char *word =
        prompt_candidate(completing_lists, completing_line, completing_start, prefix, n++);
    return word != NULL ? strdup(word) : NULL;
}

static char **complete(const char *prefix, int start, int end)
{
    (void)end;
    rl_attempted_completion_over = 1; /* no file names */
    completing_line = rl_line_buffer;
    completing_start = (size_t)start;
    return rl_completion_matches(prefix, next_candidate);
}

/* --- history --- */

static void history_open(struct dialogue *dialogue)
{
    const char *home = getenv("HOME");

    completing_lists = dialogue->lists;
    rl_readline_name = "studio-client";
    rl_attempted_completion_function = complete;
    using_history();
    stifle_history(HISTORY_LINES);
    if (home == NULL || asprintf(&dialogue->history, "%s/.studio_client_history", home) < 0) {
        dialogue->history = NULL;
        return;
    }
    /* Made here so that it is nobody else's to read; libedit would leave that to the umask. */
    int fd = open(dialogue->history, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0)
        close(fd);
    (void)read_history(dialogue->history); /* empty the first time */
}

static void history_keep(const struct dialogue *dialogue, const char *line)
{
    const HIST_ENTRY *last =
        history_length > 0 ? history_get(history_base + history_length - 1) : NULL;

    if (line[strspn(line, " \t")] == '\0' || (last != NULL && strcmp(last->line, line) == 0))
        return;
    add_history(line);
    if (dialogue->history != NULL)
        (void)write_history(dialogue->history); /* a prompt works without a history as well */
}

/* --- lines --- */

/* The next line without its end, to be free()d; NULL at the end of the input. */
static char *read_a_line(const struct dialogue *dialogue)
{
    if (dialogue->terminal) {
        char *line = readline("studio> ");
        if (line != NULL)
            history_keep(dialogue, line);
        return line;
    }
    char *line = NULL;
    size_t cap = 0;
    ssize_t len = getline(&line, &cap, stdin);
    if (len < 0) {
        free(line);
        return NULL;
    }
    if (len > 0 && line[len - 1] == '\n')
        line[len - 1] = '\0';
    return line;
}

static enum studio_err show_status(struct studio_client *client, struct studio_error *error)
{
    char *document;
    enum studio_err err = studio_client_get(client, NULL, &document, error);

    if (err == STUDIO_OK)
        puts(document);
    free(document);
    return err;
}

static enum studio_err send_json(struct studio_client *client, const char *json,
                                 struct studio_error *error)
{
    char *answer;
    enum studio_err err = studio_client_send_json(client, json, &answer, error);

    if (err == STUDIO_OK && answer != NULL)
        puts(answer);
    free(answer);
    return err;
}

static enum studio_err confirm(enum studio_err err, const char *word)
{
    if (err == STUDIO_OK)
        puts(word);
    return err;
}

static enum studio_err carry_out(const struct dialogue *dialogue, const struct prompt_line *line,
                                 struct studio_error *error)
{
    struct studio_client *client = dialogue->client;

    switch (line->kind) {
    case PROMPT_UPDATE:
        return confirm(studio_client_update(client, line->fields, line->count, error), "updated");
    case PROMPT_EXCEPTION:
        return confirm(studio_client_exception(client, line->text, error), "received");
    case PROMPT_JSON:
        return send_json(client, line->text, error);
    case PROMPT_STATUS:
        return show_status(client, error);
    case PROMPT_HELP:
        prompt_help(dialogue->lists, stdout);
        break;
    case PROMPT_EMPTY:
    case PROMPT_QUIT:
        break;
    }
    return STUDIO_OK;
}

/* False when it was the last one. A line that is refused does not stop those after it. */
static bool run_line(struct dialogue *dialogue, char *text)
{
    struct prompt_line line;
    struct studio_error error;
    enum studio_err err = prompt_parse(dialogue->lists, text, &line, &error);

    if (err == STUDIO_OK)
        err = carry_out(dialogue, &line, &error);
    fflush(stdout);
    if (err != STUDIO_OK) {
        int exit_code = program_fail(&error);
        if (dialogue->exit_code == EXIT_CONFIRMED)
            dialogue->exit_code = exit_code == EXIT_USAGE ? EXIT_REFUSED : exit_code;
    }
    return line.kind != PROMPT_QUIT;
}

/* On the client's thread. The prompt is not drawn again: the next key does that. */
static void say_state(void *ctx, enum studio_client_state state, const char *why)
{
    (void)ctx;
    if (state == STUDIO_CLIENT_WAITING)
        fprintf(stderr, "\n[%s; connecting again]\n", why);
}

int cmd_interactive(struct program *program)
{
    struct dialogue dialogue = {.lists = &program->lists,
                                .terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO)};
    int exit_code;

    program->options.no_reconnect = false;
    program->options.on_state = say_state;
    dialogue.client = program_connect(program, &exit_code);
    if (dialogue.client == NULL)
        return exit_code;
    if (dialogue.terminal) {
        history_open(&dialogue);
        printf("Connected to %s, table %s. help lists what can be typed, Tab completes.\n",
               program->options.server_url, program->options.table_id);
    }
    char *line;
    bool more = true;
    while (more && (line = read_a_line(&dialogue)) != NULL) {
        more = run_line(&dialogue, line);
        free(line);
    }
    if (dialogue.terminal && more)
        putchar('\n'); /* after Ctrl-D */
    free(dialogue.history);
    studio_client_close(dialogue.client);
    return dialogue.terminal ? EXIT_CONFIRMED : dialogue.exit_code;
}
