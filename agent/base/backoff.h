/* backoff.h - how long to wait before connecting again: doubling, with jitter. Pure. */
#ifndef AGENT_BASE_BACKOFF_H
#define AGENT_BASE_BACKOFF_H

#include <stdint.h>

enum { BACKOFF_MIN_MS = 500, BACKOFF_MAX_MS = 30000, BACKOFF_STABLE_MS = 10000 };

/* Where the random numbers of a state machine come from: any 32 bits; tests know what comes. */
typedef uint32_t backoff_random_fn(void *ctx);

struct backoff {
    unsigned tries; /* since the last stable connection */
};

/* The next delay: a random point in the upper half of a span that doubles from 1 s to 30 s, so that
 * a thousand clients of a restarted server do not come back in step. `random` is any number. */
unsigned backoff_next(struct backoff *backoff, uint32_t random);

/* A connection ended that had been ready for ready_ms. One that held counts as a success; one that
 * was accepted and dropped does not, else a server that drops at once would be hammered. */
void backoff_ended(struct backoff *backoff, int64_t ready_ms);

#endif
