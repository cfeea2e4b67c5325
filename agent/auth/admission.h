/*
 * admission.h - who is let in: credentials, and the limits on connections and failures
 * (protocol sections 3.1, 6 and 7). Net thread only.
 */
#ifndef AGENT_AUTH_ADMISSION_H
#define AGENT_AUTH_ADMISSION_H

#include "auth/digest.h"
#include "auth/last_used.h"
#include "auth/tokens.h"
#include "base/clock.h"
#include "protocol/userid.h"

struct admission;

struct admission_options {
    const struct clock *clock;
    size_t connections; /* that have authenticated */
    size_t connections_per_id;
    unsigned failures_per_minute; /* per address and per table without a delay; 0 = no delay */
    void (*wake)(void *ctx);      /* any thread: admission_settle is to be called */
    void *ctx;
    struct last_used *used; /* told of whose token is used; NULL: nobody */
};

enum { ADMISSION_OVERFLOW = 256 }; /* sockets over the limit, so that their peers can be told so */

/* Takes over `tokens`. NULL: out of memory, or no random bytes; and the tokens are not taken. */
struct admission *admission_create(const struct admission_options *options, struct tokens *tokens);
void admission_destroy(struct admission *admission);

/* A connection has authenticated, or such a one is gone. */
void admission_enter(struct admission *admission);
void admission_leave(struct admission *admission);

/* What came of an admission_ask; valid during the call. */
struct admitted {
    enum studio_err err; /* AUTH_CREDENTIALS; LIMIT: too many wait to be checked */
    const struct credentials *credentials;
    struct grant grant;               /* OK */
    unsigned char ticket[DIGEST_LEN]; /* OK: for admission_still_valid */
    int64_t told_ms; /* AUTH_CREDENTIALS: told at this time of the monotonic clock; 0: at once */
};
typedef void admitted_fn(void *ctx, const struct admitted *admitted);
struct admission_wait;

/*
 * May this user come in? `address` is the peer's. The right token is let in whatever went before, and so is
 * who is `certified` where a line says that this is enough. One whose
 * hash is slow is checked by a thread of its own, then `done` is called out of admission_settle; else it
 * has been called on return, and what is returned is NULL. A refusal waits longer with each failure of this
 * address and of this table in the last minute, to 5 s; and where slow hashes are about, a second first,
 * the same for every id, whether it has one or not.
 */
struct admission_wait *admission_ask(struct admission *admission, const char *address,
                                     const struct credentials *credentials, admitted_fn *done,
                                     void *ctx);
/* Somebody who is no user has given a wrong secret of `what`: counted as a failure of that table is. When he is to be
 * told, as in struct admitted. */
int64_t admission_wrong(struct admission *admission, const char *address, const char *what);
/* `done` will not be called. */
void admission_forget(struct admission *admission, struct admission_wait *wait);
void admission_settle(struct admission *admission);
/* From now on nobody is checked, and nothing wakes any more. NULL does nothing. */
void admission_stop(struct admission *admission);
/* Is there room for one more? */
bool admission_has_room(const struct admission *admission);
/* May an id that has so many connections open another? */
bool admission_opens(const struct admission *admission, size_t connections);

/* The new tokens count from now on; takes them over and gives back the old ones. */
struct tokens *admission_reload(struct admission *admission, struct tokens *tokens);
/* Grows with every reload and every new UTC day: connections let in before are to be checked again.
 */
unsigned admission_generation(struct admission *admission);
bool admission_still_valid(struct admission *admission, const char *user_id,
                           const unsigned char ticket[DIGEST_LEN], enum role role);
/* Has this second of the wall clock come? */
bool admission_is_over(const struct admission *admission, int64_t wall_s);

#endif
