/* token_commands.h - `studio-agent token ...` and `studio-agent reload`; as in commands.h. */
#ifndef AGENT_CMD_TOKEN_COMMANDS_H
#define AGENT_CMD_TOKEN_COMMANDS_H

#include "cmd/cli.h"

int command_token(const struct cli *cli, const char *const *variables);
int command_reload(const struct cli *cli, const char *const *variables);

#endif
