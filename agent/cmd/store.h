/* store.h - `studio-agent store check|verify|export|import|restored`; returns an exit code. */
#ifndef AGENT_CMD_STORE_H
#define AGENT_CMD_STORE_H

#include "cmd/cli.h"

/* Export writes to standard output, import reads standard input. */
int command_store(const struct cli *cli, const char *const *variables);

#endif
