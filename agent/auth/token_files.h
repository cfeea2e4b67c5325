/*
 * token_files.h - which files `auth.tokens` means, and whether they are to be trusted: itself, or where it is a directory all
 * in it whose names end in `.tokens` and do not begin with a dot, in the order of their names. Any thread.
 */
#ifndef AGENT_AUTH_TOKEN_FILES_H
#define AGENT_AUTH_TOKEN_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "studio/error.h"

/* Who wants to trust a tokens file: an agent only its own user's or root's; a command that root runs
 * for another user takes that user's. */
enum tokens_reader { TOKENS_FOR_AGENT, TOKENS_FOR_COMMAND };

/* Is a tokens file with this fstat (NULL: there is none) safe to trust? Errors: USAGE with what to do.
 */
STUDIO_MUST_USE enum studio_err token_files_safe(const struct stat *about, const char *file,
                                                 enum tokens_reader reader,
                                                 struct studio_error *error);

struct token_files {
    char **paths; /* owned */
    size_t count;
    bool directory;
};

/*
 * A directory into which others can write is refused, as is one that belongs to another user than the
 * reader may trust. A file needs not exist. Errors: USAGE, NO_MEMORY. Call token_files_finish in either case.
 */
STUDIO_MUST_USE enum studio_err token_files_list(struct token_files *files, const char *path,
                                                 enum tokens_reader reader,
                                                 struct studio_error *error);
void token_files_finish(struct token_files *files);

/* The file of them that takes a new user: in a directory `users.tokens`; free() it. NULL: no memory. */
char *token_files_new(const char *path);

#endif
