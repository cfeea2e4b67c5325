/* support.h - `studio-agent support [FILE]`; as in commands.h. */
#ifndef AGENT_CMD_SUPPORT_H
#define AGENT_CMD_SUPPORT_H

#include "cmd/cli.h"

/* Writes what somebody who helps wants to know into a new file, or to standard output: one text, so that it can be
 * read before it is given away. No secret is in it: what is secret is not printed, and what of it might stand in
 * a log is taken out. */
int command_support(const struct cli *cli, const char *const *variables);

#endif
