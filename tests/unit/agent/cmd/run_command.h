/* run_command.h - a command of studio-agent inside the test, with what it printed. */
#ifndef TESTS_UNIT_AGENT_CMD_RUN_COMMAND_H
#define TESTS_UNIT_AGENT_CMD_RUN_COMMAND_H

#include "support/cmocka_all.h"

#include <stdio.h>
#include <unistd.h>

#include "cmd/commands.h"

static char out_text[32768], err_text[32768];

/* Sends a stream into a file until restore(). */
static inline int redirect(FILE *stream, FILE *file)
{
    fflush(stream);
    int saved = dup(fileno(stream));
    assert_true(saved >= 0 && dup2(fileno(file), fileno(stream)) >= 0);
    return saved;
}

static inline void restore(FILE *stream, int saved, FILE *file, char *text, size_t cap)
{
    fflush(stream);
    assert_true(dup2(saved, fileno(stream)) >= 0);
    close(saved);
    rewind(file);
    size_t len = fread(text, 1, cap - 1, file);
    text[len] = '\0';
    fclose(file);
}

/* Runs a command line with both streams caught; its exit code. */
static inline int run_command(const char *const *argv)
{
    const char *const no_variables[] = {NULL};
    struct studio_error error;
    struct cli cli;
    int argc = 0;
    while (argv[argc])
        argc++;
    if (cli_parse(&cli, argc, argv, &error) != STUDIO_OK)
        fail_msg("%s", error.text);
    FILE *out = tmpfile(), *err = tmpfile();
    assert_true(out && err);
    int saved_out = redirect(stdout, out), saved_err = redirect(stderr, err);
    int code = command_run(&cli, no_variables);
    restore(stdout, saved_out, out, out_text, sizeof out_text);
    restore(stderr, saved_err, err, err_text, sizeof err_text);
    cli_finish(&cli);
    return code;
}

#define RUN(...) run_command((const char *const[]){"studio-agent", __VA_ARGS__, NULL})

#endif
