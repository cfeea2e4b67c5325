/* backup.h - `studio-agent backup FILE`; as in commands.h. */
#ifndef AGENT_CMD_BACKUP_H
#define AGENT_CMD_BACKUP_H

#include "cmd/cli.h"

/* Copies the store into a new file, whether an agent runs on it or not. The file has its name when it is whole and
 * on the disk, not before; one that is there is not overwritten. */
int command_backup(const struct cli *cli, const char *const *variables);

#endif
