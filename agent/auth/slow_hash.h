/*
 * slow_hash.h - salted and slow hashes (yescrypt, by libcrypt) of tokens that a person chose: who gets to
 * see one guesses some tens of them a second, not billions. Any thread.
 */
#ifndef AGENT_AUTH_SLOW_HASH_H
#define AGENT_AUTH_SLOW_HASH_H

#include <stdbool.h>
#include <stddef.h>

enum { SLOW_HASH_MAX = 255 /* bytes of its text */ };

/* Is text[0..len) one, `$y$` and what follows, that can be computed here? */
bool slow_hash_valid(const char *text, size_t len);
/* With a salt of its own. False: no random bytes or no memory. */
bool slow_hash_make(const char *token, char out[SLOW_HASH_MAX + 1]);
/* Is it that of the token? Takes about 0.1 s of the processor, and 16 MiB of memory meanwhile. */
bool slow_hash_fits(const char *hash, const char *token);

#endif
