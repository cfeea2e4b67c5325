/* token.h - `studio-agent token ...` and `studio-agent user add`; as in commands.h. */
#ifndef AGENT_CMD_TOKEN_H
#define AGENT_CMD_TOKEN_H

#include "cmd/cli.h"

int command_token(const struct cli *cli, const char *const *variables);
int command_user(const struct cli *cli, const char *const *variables);

#endif
