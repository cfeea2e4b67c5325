/*
 * token_file.h - changing the tokens file: a user more, a user less. Readers see the old file or
 * the new one, never a part: written beside it, synced, renamed. One change at a time (a lock on
 * the directory); comments and other lines stay as they are.
 */
#ifndef AGENT_AUTH_TOKEN_FILE_H
#define AGENT_AUTH_TOKEN_FILE_H

#include "auth/token_line.h"
#include "studio/error.h"

enum { TOKEN_NEW_LEN = 40 }; /* hexadecimal digits of a fresh token: 160 random bits */

/* Makes one. Errors: IO (the system gives no random bytes). */
STUDIO_MUST_USE enum studio_err token_make(char token[TOKEN_NEW_LEN + 1],
                                           struct studio_error *error);

/* A user to be added. */
struct token_user {
    const char *pattern;
    enum role role;
    const char *expires; /* YYYY-MM-DD; NULL: never */
    const char *tables;  /* a number; NULL: as usual */
    const char *chosen;  /* the token, kept as a slow hash; NULL: a fresh random one */
    bool certificate;    /* none of both: a certificate that names him lets him in */
};

/*
 * Appends a user; in a directory to the file token_files_new names. A fresh token is stored nowhere but in `token`. The file (mode 0600) and its directory
 * (0700) are made if missing. Errors: USAGE (pattern, date, a token that cannot be one, a file that is not as
 * it should be), IO, NO_MEMORY.
 */
STUDIO_MUST_USE enum studio_err token_file_add(const char *file, const struct token_user *user,
                                               char token[TOKEN_NEW_LEN + 1],
                                               struct studio_error *error);

/* Told of each user; `line` is valid during the call. */
typedef void token_file_user_fn(void *ctx, const char *file, unsigned number,
                                const struct token_line *line);

/* All users in the order of the file, or the files of a directory. Errors: USAGE, NO_MEMORY. */
STUDIO_MUST_USE enum studio_err token_file_each(const char *path, token_file_user_fn *tell,
                                                void *ctx, struct studio_error *error);

/*
 * Removes the users with this pattern (exactly), `certificate`: only their lines without a token; or, if there is none,
 * the one whose hash starts with `which` (8 or more hexadecimal digits). In all files of a directory; tells of each
 * removed. *left is how many remain.
 * Errors: USAGE (also: nobody like that, or a prefix of several hashes), IO, NO_MEMORY.
 */
STUDIO_MUST_USE enum studio_err token_file_revoke(const char *path, const char *which,
                                                  bool certificate, token_file_user_fn *tell,
                                                  void *ctx, size_t *left,
                                                  struct studio_error *error);

/* A pattern as it stands in the file, with %20 for blanks. */
struct buf;
void token_pattern_print(struct buf *out, const char *pattern);

#endif
