/*
 * tokens.h - who may do what: the tokens file of protocol section 6.
 *
 * A struct tokens is read once and never changes; a reload makes a new one and swaps it.
 */
#ifndef AGENT_AUTH_TOKENS_H
#define AGENT_AUTH_TOKENS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/role.h"
#include "auth/token_files.h"
#include "auth/token_line.h"
#include "studio/error.h"

enum {
    TOKENS_FILE_MAX = 16 << 20, /* bytes */
    TOKENS_MAX = 1 << 17,       /* users */
    TOKENS_SLOW_MAX = 8         /* slow hashes an id is tried with: of the first lines for it */
};

struct tokens;

/*
 * Reads and checks the whole file; of a directory all its files (token_files.h), as if they were one.
 * `error` (never NULL) names file, line and what to do. Refused: missing or empty, a symbolic link, writable by others (group or world, or owned by neither root nor
 * this user), a line that is not `<id pattern> <role> sha256:<64 hex>|yescrypt:$y$<...>|certificate [expires=YYYY-MM-DD]
 * [tables=N]`; '#' starts a comment line; `%20` in a pattern is a blank. Errors: USAGE, NO_MEMORY.
 */
STUDIO_MUST_USE enum studio_err tokens_read(const char *file, enum tokens_reader reader,
                                            struct tokens **out, struct studio_error *error);
/* The same for a running agent: here a file that names no user is right, everybody was revoked. */
STUDIO_MUST_USE enum studio_err tokens_reread(const char *file, struct tokens **out,
                                              struct studio_error *error);
/* The same as tokens_reread from memory; `name` stands for the file in messages. */
STUDIO_MUST_USE enum studio_err tokens_parse(const char *text, size_t len, const char *name,
                                             struct tokens **out, struct studio_error *error);
void tokens_destroy(struct tokens *tokens);
size_t tokens_count(const struct tokens *tokens);

/*
 * What the first line with a fast hash (sha256:) grants whose pattern matches `user_id` and whose hash is that
 * of `token`, if it has not expired at `wall_s`. An empty token matches nothing. How long it takes tells at most
 * something about hashes, and nobody can aim a token at a hash. False: no such line.
 */
bool tokens_check(const struct tokens *tokens, const char *user_id, const char *token,
                  int64_t wall_s, struct grant *grant);

/*
 * What the first line without a token (`certificate`) grants whose pattern matches `user_id`, and the ticket of it. For one
 * whose certificate names him. False: no such line.
 */
bool tokens_certified(const struct tokens *tokens, const char *user_id, int64_t wall_s,
                      struct grant *grant, unsigned char ticket[32]);

/* The slow hashes (yescrypt:) of which one may be that of the user's token, in the order of the file: they
 * live as long as the tokens, and are to be checked where nobody waits (auth/verifier.h). */
size_t tokens_slow(const struct tokens *tokens, const char *user_id, int64_t wall_s,
                   const char *hashes[TOKENS_SLOW_MAX]);
/* Is there any? */
bool tokens_have_slow(const struct tokens *tokens);

/* What the line grants by whose ticket a connection was let in, if it still would be (revocation, expiry); of lines
 * without a token, as at a login, the first.
 * The ticket is what tokens_digest gives for its token, or for the slow hash of it, or what tokens_certified gave. */
bool tokens_still_valid(const struct tokens *tokens, const char *user_id,
                        const unsigned char ticket[32], int64_t wall_s, struct grant *grant);
void tokens_digest(const char *text, unsigned char digest[32]);

/*
 * On which day, in UTC and counted from 1970, each line last let somebody in; 0: on none that is known. The one thing
 * of a struct tokens that changes: any thread may ask while one uses them.
 */
/* This user is let in, or stays, by the line with this ticket. True: the first use of the line that day. */
bool tokens_use(struct tokens *tokens, const char *user_id, const unsigned char ticket[32],
                int64_t wall_s);
/* Line i of tokens_count, in the order of the file. */
const struct token_line *tokens_at(const struct tokens *tokens, size_t i);
int tokens_day(const struct tokens *tokens, size_t i);
/* Learned from elsewhere; a line that has a day keeps its own. */
void tokens_learn_day(struct tokens *tokens, size_t i, int day);
/* All that `former` knows of lines that are the same in both. */
void tokens_learn_days(struct tokens *tokens, const struct tokens *former);

#endif
