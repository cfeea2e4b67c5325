/*
 * lock.h - the data directory and the lock that keeps a second agent out of it. Any thread.
 */
#ifndef AGENT_STORE_LOCK_H
#define AGENT_STORE_LOCK_H

#include "studio/error.h"

#define STORE_LOCK "lock"

/* Makes the directory if missing and locks it; *fd_out holds the lock until closed. */
enum studio_err lock_take(const char *dir, int *fd_out, struct studio_error *error);
void lock_release(int fd);
/* `dir/name`; NULL without memory. free() it. */
char *lock_path(const char *dir, const char *name);
/* Makes a file durable; of a directory, renames and new files in it. 0 or -1 with errno. */
int lock_sync(const char *path);

#endif
