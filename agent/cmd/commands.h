/* commands.h - what the program does besides serving: help, check, tokens. Each returns an exit
 * code. */
#ifndef AGENT_CMD_COMMANDS_H
#define AGENT_CMD_COMMANDS_H

#include "cmd/cli.h"

/* Everything but CLI_RUN. Prints to standard output, what goes wrong to standard error. */
int command_run(const struct cli *cli, const char *const *variables);

#endif
