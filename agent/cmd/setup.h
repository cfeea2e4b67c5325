/* setup.h - the command `setup`: a first configuration that is safe, out of what there is on this machine. */
#ifndef AGENT_CMD_SETUP_H
#define AGENT_CMD_SETUP_H

#include "cmd/cli.h"

int command_setup(const struct cli *cli, const char *const *variables);

#endif
