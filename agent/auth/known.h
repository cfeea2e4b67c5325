/*
 * known.h - logins whose slow hash was checked already: thousands that come back at once are let in at once.
 * Remembers under a key of this process, not the tokens; in memory of base/secret.h. One thread.
 */
#ifndef AGENT_AUTH_KNOWN_H
#define AGENT_AUTH_KNOWN_H

#include <stdbool.h>

#include "auth/digest.h"
#include "protocol/userid.h"

struct known;

/* For some 16,000 of them, then an older one is forgotten. NULL: no memory, or no random bytes. */
struct known *known_create(void);
/* NULL does nothing. */
void known_destroy(struct known *known);

/* This login was let in by the line with this ticket (tokens.h). */
void known_add(struct known *known, const struct credentials *credentials,
               const unsigned char ticket[DIGEST_LEN]);
/* False: not known. The line may be gone meanwhile: ask the tokens. */
bool known_find(const struct known *known, const struct credentials *credentials,
                unsigned char ticket[DIGEST_LEN]);

#endif
