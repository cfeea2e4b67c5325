/* store_command.h - `studio-agent store check|export|import|restored`; returns an exit code. */
#ifndef AGENT_CMD_STORE_COMMAND_H
#define AGENT_CMD_STORE_COMMAND_H

#include "cmd/cli.h"

/* Export writes to standard output, import reads standard input. */
int store_command(const struct cli *cli, const char *const *variables);

#endif
