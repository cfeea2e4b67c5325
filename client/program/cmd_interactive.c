/* studio-client interactive: a prompt on a terminal, line by line from a pipe. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include <wchar.h>

#include <editline/readline.h>

#include "base/text.h"
#include "client/client_error.h"
#include "program.h"
#include "prompt.h"
#include "shown.h"

enum { HISTORY_LINES = 500 };

static const char replacement[] = "\xef\xbf\xbd"; /* U+FFFD */

struct dialogue {
    const struct program *program;
    struct studio_client *client;
    bool terminal;
    int interrupt_fd; /* readable after Ctrl-C, while a line is typed */
    char *history;    /* path; NULL: not kept */
    int exit_code;    /* of the first line that failed */
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

/* --- typing --- */

enum { CLEAR_LINE = 'U' & 0x1f, REPLACEMENT = 0xfffd };

static int typing_interrupt_fd = -1;

/* Waits for a key: false after Ctrl-C. Other signals are libedit's, who has its own handlers. */
static bool wait_for_key(void)
{
    struct pollfd fds[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                           {.fd = typing_interrupt_fd, .events = POLLIN}};
    struct signalfd_siginfo taken;

    while (poll(fds, 2, -1) < 0)
        if (errno != EINTR)
            return true;
    return fds[1].revents == 0 || read(typing_interrupt_fd, &taken, sizeof(taken)) < 0;
}

/* libedit's way to a character. Its own reads by the locale and drops what that cannot encode; here
 * it is UTF-8, and what is not becomes U+FFFD, which refuses the line. Ctrl-C clears the line. */
static int next_character(FILE *in)
{
    char bytes[4];
    wchar_t character;
    (void)in;

    for (size_t len = 0; len < sizeof(bytes);) {
        if (len == 0 && !wait_for_key())
            return CLEAR_LINE;
        ssize_t n = read(STDIN_FILENO, bytes + len, 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        mbstate_t from_start = {0};
        size_t used = mbrtowc(&character, bytes, ++len, &from_start);
        if (used == 0 || used == 1 || (used != (size_t)-1 && used != (size_t)-2 && used == len))
            return (int)character;
        if (used == (size_t)-1)
            break;
    }
    return REPLACEMENT;
}

/* Ctrl-C is for the line only while one is typed; it ends the program that waits for an answer. */
static char *type_a_line(const struct dialogue *dialogue)
{
    sigset_t interrupt;

    sigemptyset(&interrupt);
    sigaddset(&interrupt, SIGINT);
    typing_interrupt_fd = dialogue->interrupt_fd;
    sigprocmask(SIG_BLOCK, &interrupt, NULL);
    char *line = readline("studio> ");
    sigprocmask(SIG_UNBLOCK, &interrupt, NULL);
    return line;
}

/* --- history --- */

/* An earlier version kept them. */
static void forget_secrets(const struct dialogue *dialogue)
{
    bool forgotten = false;

    for (int i = history_length - 1; i >= 0; i--) {
        const HIST_ENTRY *entry = history_get(history_base + i);
        if (entry == NULL || !prompt_is_secret(entry->line, dialogue->program->options.token))
            continue;
        HIST_ENTRY *removed = remove_history(i);
        if (removed == NULL)
            continue;
        free((void *)(uintptr_t)removed->line);
        free(removed);
        forgotten = true;
    }
    if (forgotten)
        (void)write_history(dialogue->history);
}

static void history_open(struct dialogue *dialogue)
{
    const char *home = getenv("HOME");

    completing_lists = &dialogue->program->lists;
    rl_getc_function = next_character;
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
    forget_secrets(dialogue);
}

static void history_keep(const struct dialogue *dialogue, const char *line)
{
    const HIST_ENTRY *last =
        history_length > 0 ? history_get(history_base + history_length - 1) : NULL;

    if (line[strspn(line, " \t")] == '\0' ||
        prompt_is_secret(line, dialogue->program->options.token) ||
        (last != NULL && strcmp(last->line, line) == 0))
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
        char *line = type_a_line(dialogue);
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

static enum studio_err show_status(const struct dialogue *dialogue, const char *table_id,
                                   struct studio_error *error)
{
    char *document;
    if (table_id[0] == '\0')
        table_id = dialogue->program->options.table_id;
    enum studio_err err =
        program_status(dialogue->program, dialogue->client, table_id, &document, error);

    if (err == STUDIO_OK)
        shown_puts(document);
    free(document);
    return err;
}

static enum studio_err send_json(struct studio_client *client, const char *json,
                                 struct studio_error *error)
{
    char *answer;
    enum studio_err err = studio_client_send_json(client, json, &answer, error);

    if (err == STUDIO_OK && answer != NULL)
        shown_puts(answer);
    free(answer);
    return err;
}

static enum studio_err confirm(enum studio_err err, const char *word)
{
    if (err == STUDIO_OK)
        puts(word);
    return err;
}

static enum studio_err send_update(const struct dialogue *dialogue, const struct pairs *pairs,
                                   struct studio_error *error)
{
    enum studio_err err = program_check_names(&dialogue->program->args, pairs, error);

    if (err != STUDIO_OK)
        return err;
    return confirm(studio_client_update(dialogue->client, pairs->fields, pairs->count, error),
                   "updated");
}

static enum studio_err carry_out(const struct dialogue *dialogue, const struct prompt_line *line,
                                 struct studio_error *error)
{
    struct studio_client *client = dialogue->client;

    switch (line->kind) {
    case PROMPT_UPDATE:
        return send_update(dialogue, &line->pairs, error);
    case PROMPT_EXCEPTION:
        return confirm(studio_client_exception(client, line->text, error), "received");
    case PROMPT_JSON:
        return send_json(client, line->text, error);
    case PROMPT_STATUS:
        return show_status(dialogue, line->text, error);
    case PROMPT_HELP:
        prompt_help(&dialogue->program->lists, stdout);
        break;
    case PROMPT_SHELL:
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
    /* Before the line is taken apart in place. */
    bool readable = text_utf8_valid(text, strlen(text)) &&
                    !(dialogue->terminal && strstr(text, replacement) != NULL);
    enum studio_err err = prompt_parse(&dialogue->program->lists, text, &line, &error);

    if (!readable)
        err =
            client_error_usage(&error, "the line holds what is not UTF-8, nothing was sent; is the "
                                       "terminal set to UTF-8?");
    else if (err == STUDIO_OK)
        err = carry_out(dialogue, &line, &error);
    prompt_finish(&line);
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
    if (state != STUDIO_CLIENT_WAITING)
        return;
    if (isatty(STDERR_FILENO))
        fputc('\n', stderr); /* not behind what is being typed */
    program_say("%s; connecting again", why);
}

int cmd_interactive(struct program *program)
{
    struct dialogue dialogue = {.program = program,
                                .terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO)};
    int exit_code;

    program->options.no_reconnect = false;
    program->options.on_state = say_state;
    dialogue.client = program_connect(program, &exit_code);
    if (dialogue.client == NULL)
        return exit_code;
    if (dialogue.terminal) {
        sigset_t interrupt;
        sigemptyset(&interrupt);
        sigaddset(&interrupt, SIGINT);
        dialogue.interrupt_fd = signalfd(-1, &interrupt, SFD_CLOEXEC | SFD_NONBLOCK);
        history_open(&dialogue);
        char *server = program_server(program, dialogue.client);
        printf("Connected to %s, table %s. help lists what can be typed, Tab completes, Ctrl-C "
               "clears the line, quit leaves.\n",
               server != NULL ? server : "it", program->options.table_id);
        free(server);
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
