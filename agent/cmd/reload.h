/* reload.h - `studio-agent reload`; as in commands.h. */
#ifndef AGENT_CMD_RELOAD_H
#define AGENT_CMD_RELOAD_H

#include "cmd/cli.h"

/* Has the agent that runs on the data directory read its tokens again, and says what came of it. */
int command_reload(const struct cli *cli, const char *const *variables);

#endif
