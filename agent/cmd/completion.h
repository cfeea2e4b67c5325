/* completion.h - completes the command line in bash: what cli_parse takes, no more and no less. */
#ifndef AGENT_CMD_COMPLETION_H
#define AGENT_CMD_COMPLETION_H

#include <stdio.h>

void completion_print(FILE *out);

#endif
