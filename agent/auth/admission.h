/*
 * admission.h - who is let in: credentials, and the limits on connections and failures
 * (protocol sections 3.1, 6 and 7). Net thread only.
 */
#ifndef AGENT_AUTH_ADMISSION_H
#define AGENT_AUTH_ADMISSION_H

#include "auth/tokens.h"
#include "base/clock.h"
#include "protocol/userid.h"

struct admission;

struct admission_options {
    const struct clock *clock;
    size_t connections; /* that have authenticated */
    size_t connections_per_id;
    unsigned failures_per_minute; /* per address and per table without a delay; 0 = no delay */
};

enum { ADMISSION_OVERFLOW = 256 }; /* sockets over the limit, so that their peers can be told so */

/* Takes over `tokens`. NULL: out of memory, and the tokens are not taken. */
struct admission *admission_create(const struct admission_options *options, struct tokens *tokens);
void admission_destroy(struct admission *admission);

/* A connection has authenticated, or such a one is gone. */
void admission_enter(struct admission *admission);
void admission_leave(struct admission *admission);

/*
 * May this user connect? `address` is the peer's, `connections` how many of this id there are
 * already. The right token is let in whatever went before. Errors: LIMIT (too many of them, or in all),
 * AUTH_CREDENTIALS: to be told after admission_delay.
 */
STUDIO_MUST_USE enum studio_err admission_check(struct admission *admission, const char *address,
                                                const struct credentials *credentials,
                                                size_t connections, struct grant *grant);
/* How long who has just failed waits for the refusal: grows with the failures of this address and of
 * this table in the last minute, to 5 s. */
int64_t admission_delay(struct admission *admission, const char *address, const char *table_id);

/* The new tokens count from now on; takes them over and gives back the old ones. */
struct tokens *admission_reload(struct admission *admission, struct tokens *tokens);
/* Grows with every reload and every new UTC day: connections let in before are to be checked again.
 */
unsigned admission_generation(struct admission *admission);
bool admission_still_valid(struct admission *admission, const char *user_id,
                           const unsigned char digest[32], enum role role);

#endif
