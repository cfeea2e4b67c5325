/*
 * secret.h - what must not get about: files with a secret that others can read, and memory that is in no
 * core file and is cleared when it is given back. Any thread.
 */
#ifndef AGENT_BASE_SECRET_H
#define AGENT_BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "studio/error.h"

/* Who gets to a file besides its owner and group. */
enum secret_reach {
    SECRET_CLOSED, /* nobody: its mode says so, or that of a directory on the way to it */
    SECRET_FORCED, /* everybody, and nobody here can help that: it is mounted for reading only, or we read
                      it as one of the others ourselves, as in a container with its own user ids */
    SECRET_OPEN /* everybody, for no reason */
};
enum secret_reach secret_reach(const char *file, const struct stat *about);

/*
 * May the secret in this file be used? One that is OPEN is refused, with what to do; one that is FORCED
 * is named in the log. `option` is the one that names the file. Errors: USAGE (also: it cannot be read).
 */
STUDIO_MUST_USE enum studio_err secret_check(const char *option, const char *file,
                                             struct studio_error *error);

/* Zeroed memory that no core file has. NULL: there is none. */
void *secret_alloc(size_t size);
char *secret_dup(const char *text, size_t len);
/* Clears what secret_alloc or secret_dup gave. NULL does nothing. */
void secret_free(void *memory);

/* From now on core files of this process, and of those it starts, tell where each thread stood and have nothing of its
 * memory: libraries copy what they are given. Whoever looks for a fault takes it back, while the process
 * runs: `echo 0x33 >/proc/PID/coredump_filter`. */
void secret_empty_cores(void);

/* Clears text[0..strlen), which may be NULL. */
void secret_clear(char *text);

#endif
