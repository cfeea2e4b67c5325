/* doctor.h - `studio-agent doctor`; as in commands.h. */
#ifndef AGENT_CMD_DOCTOR_H
#define AGENT_CMD_DOCTOR_H

#include "cmd/cli.h"

/* Looks at all an agent of this configuration needs, whether it runs or not, changes nothing, and says of each whether it
 * is right and what to do next. Exit code 1: something is wrong. */
int command_doctor(const struct cli *cli, const char *const *variables);

#endif
