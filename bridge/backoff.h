/*
 * backoff.h - how long to wait before the next attempt: exponential, with jitter, forgotten only
 * after a connection that lasted. Pure; one thread at a time.
 */
#ifndef BRIDGE_BACKOFF_H
#define BRIDGE_BACKOFF_H

#include <stdint.h>

enum { BACKOFF_FIRST_MS = 500, BACKOFF_MAX_MS = 30000, BACKOFF_STABLE_MS = 10000 };

/* Any 32 bits; injected so that tests know what comes. */
typedef uint32_t backoff_random_fn(void *ctx);

struct backoff {
    backoff_random_fn *random;
    void *random_ctx;
    int64_t step_ms; /* the next wait before jitter */
};

void backoff_init(struct backoff *b, backoff_random_fn *random, void *random_ctx);

/* The wait after a failure: the step and up to half of it on top, never above BACKOFF_MAX_MS. The
 * step doubles each time. */
int64_t backoff_next(struct backoff *b);

/* A connection ended after `lasted_ms`: a stable one makes the next wait short again. */
void backoff_ended(struct backoff *b, int64_t lasted_ms);

#endif
