/*
 * client_servers.h - the addresses a client may find its server at: each is tried in turn, without a pause, and
 * only when all have been is it time to wait. Which one serves is known by trying. Pure; one thread at a time.
 *
 * A round begins with the address in use and goes on around the list; it is over when as many attempts have
 * failed as there are addresses. A connection that held begins a new one, one that was made and lost at once
 * does not: two servers that let in and drop are not asked any faster than one.
 */
#ifndef CLIENT_CLIENT_SERVERS_H
#define CLIENT_CLIENT_SERVERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "studio/error.h"
#include "url.h"

enum {
    SERVERS_MAX = 8,
    /* Who says in how many seconds it may be asked again is not waited for longer than that, nor for less. */
    SERVERS_RETRY_MIN_S = 5,
    SERVERS_RETRY_MAX_S = 60
};

struct servers {
    struct url urls[SERVERS_MAX];
    struct studio_error whys[SERVERS_MAX]; /* what each has said in this round */
    size_t count, at;                      /* `at` is in use */
    size_t failed;                         /* attempts of this round */
    unsigned retry_s; /* the least that one of this round has asked for; 0: none has */
};

/* Takes `URL[,URL...]` apart; blanks around a comma do not matter. Errors: USAGE, naming the part. */
STUDIO_MUST_USE enum studio_err servers_parse(const char *text, struct servers *out,
                                              struct studio_error *error);

const struct url *servers_now(const struct servers *servers);
/* One of them speaks TLS. */
bool servers_any_tls(const struct servers *servers);

/* The connection that ends now had held. */
void servers_held(struct servers *servers);

/* The one in use does not serve, as *why says; `retry_s` is what its answer asked for, 0: nothing. Another one is
 * in use from now on. True: it is to be tried at once. False: all have been tried, and *why says what each said,
 * as long as there are several. */
STUDIO_MUST_USE bool servers_failed(struct servers *servers, struct studio_error *why,
                                    unsigned retry_s);

/* How long to wait after such a round, where `backoff_ms` would be waited otherwise: no longer than a server that
 * answers has asked for. `random` is any number. Begins the next round. */
int64_t servers_pause(struct servers *servers, unsigned backoff_ms, uint32_t random);

/* Says in an error who has said it, if there are several. */
void servers_sign(const struct servers *servers, struct studio_error *why);

#endif
