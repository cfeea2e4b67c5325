/* copy.h - a copy of a store, whether an agent runs on it or not; for the commands that make or read one. */
#ifndef AGENT_CMD_COPY_H
#define AGENT_CMD_COPY_H

#include <stdbool.h>

#include "store/backup.h"

/* Root acts as the owner of the directory, with its groups, so that the agent can open what is made there, and nothing is
 * read that it could not read; and as itself again. One thread at a time. */
void copy_as_owner(const char *dir);
void copy_as_caller(void);

/* Copies the store in `dir` into the empty file `fd`, which is not synced afterwards if no agent runs. A terminal is shown
 * how far it is. Errors: IO, STORE_UNUSABLE, NO_MEMORY. */
STUDIO_MUST_USE enum studio_err copy_store(const char *dir, int fd,
                                           struct store_backup_state *state,
                                           struct studio_error *error);

/* A copy to read, if an agent runs on `dir`: a file in it that has no name any more, which the caller closes. *copy
 * is -1 if none runs. Errors as above. */
STUDIO_MUST_USE enum studio_err copy_to_read(const char *dir, int *copy,
                                             struct studio_error *error);

#endif
