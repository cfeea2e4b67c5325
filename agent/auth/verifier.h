/*
 * verifier.h - tokens checked against slow hashes by a thread of its own, so that nobody else waits for
 * them. What waits is bounded, for all and for each address.
 */
#ifndef AGENT_AUTH_VERIFIER_H
#define AGENT_AUTH_VERIFIER_H

#include <stddef.h>

#include "studio/error.h"

enum {
    VERIFIER_WAITING = 64,         /* questions */
    VERIFIER_WAITING_OF_SITE = 16, /* of one address */
    VERIFIER_HASHES = 8            /* of one question */
};

struct verifier;
struct question;

/* Which of the hashes fits, `count` if none. May ask again. */
typedef void verified_fn(void *ctx, size_t which, size_t count);

/* `wake` is called by its thread when there is something to settle. The thread starts with the first
 * question. NULL: out of memory. */
struct verifier *verifier_create(void (*wake)(void *ctx), void *ctx);
/* Its thread ends, what it has begun done; nothing is answered any more. */
void verifier_stop(struct verifier *verifier);
/* Nobody is told any more. NULL does nothing. */
void verifier_destroy(struct verifier *verifier);

/*
 * Asks for a token, which is copied and cleared, as are the hashes (up to VERIFIER_HASHES; of none the
 * answer takes as long as of one). `site` is who asks, as it is counted. Leads to one call of `done`, out of
 * verifier_settle, unless it is forgotten before. NULL: too many wait, or out of memory.
 */
struct question *verifier_ask(struct verifier *verifier, const char *site, const char *token,
                              const char *const *hashes, size_t count, verified_fn *done,
                              void *ctx);
/* `done` will not be called. */
void verifier_forget(struct verifier *verifier, struct question *question);
/* Tells all that is answered; by the thread that asks. */
void verifier_settle(struct verifier *verifier);

#endif
