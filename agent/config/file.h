/* file.h - a small file read whole, with a bound. Any thread. */
#ifndef AGENT_CONFIG_FILE_H
#define AGENT_CONFIG_FILE_H

#include <stddef.h>
#include <sys/stat.h>

#include "studio/error.h"

/*
 * Reads a regular file of at most `max` bytes into *text, NUL-terminated, free() it. `about` (may
 * be NULL) gets the fstat of what was read. `error` says what is wrong with it; errno is kept for
 * the caller (ENOENT). Errors: USAGE, NO_MEMORY.
 */
STUDIO_MUST_USE enum studio_err file_read(const char *path, size_t max, char **text, size_t *len,
                                          struct stat *about, struct studio_error *error);

#endif
