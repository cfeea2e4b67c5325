/* ask.h - `studio-agent reload`, `republish` and `handover`; as in commands.h. */
#ifndef AGENT_CMD_ASK_H
#define AGENT_CMD_ASK_H

#include "cmd/cli.h"

/* Has the agent that runs on the data directory read its tokens again, or publish everything retained
 * again, and says what came of it. */
int command_ask(const struct cli *cli, const char *const *variables);

#endif
