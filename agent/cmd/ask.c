/* ask.c - the commands that a running agent carries out. */
#include "cmd/ask.h"

#include <stdio.h>

#include "config/config.h"
#include "control.h"

enum { ANSWER_MAX = 8192 };

static int ask(const char *data, const char *command)
{
    struct studio_error error;
    struct buf answer;
    bool ok = false;

    buf_init(&answer, ANSWER_MAX);
    if (control_ask(data, command, &ok, &answer, &error) != STUDIO_OK)
        cli_complain(error.text);
    else if (!ok)
        cli_complain(buf_ok(&answer) && answer.data ? answer.data : "it failed");
    else
        printf("%s\n", answer.data);
    buf_finish(&answer);
    return ok ? STUDIO_EXIT_OK : STUDIO_EXIT_FAILED;
}

int command_ask(const struct cli *cli, const char *const *variables)
{
    struct studio_agent_config config;
    struct studio_error error;
    int code = STUDIO_EXIT_USAGE;

    config_init(&config);
    if (cli_configure(cli, variables, &config, &error) == STUDIO_OK)
        code = ask(config.data, cli->command == CLI_REPUBLISH  ? "republish"
                                : cli->command == CLI_HANDOVER ? "handover"
                                                               : "reload");
    else
        cli_complain(error.text);
    config_finish(&config);
    return code;
}
