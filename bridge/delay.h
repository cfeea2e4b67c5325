/*
 * delay.h - how long to wait before the next attempt: exponential, with jitter, forgotten only
 * after a connection that lasted. Pure; one thread at a time.
 */
#ifndef BRIDGE_DELAY_H
#define BRIDGE_DELAY_H

#include <stdint.h>

enum { DELAY_FIRST_MS = 500, DELAY_MAX_MS = 30000, DELAY_STABLE_MS = 10000 };

/* Any 32 bits; injected so that tests know what comes. */
typedef uint32_t delay_random_fn(void *ctx);

struct delay {
    delay_random_fn *random;
    void *random_ctx;
    int64_t step_ms; /* the next wait before jitter */
};

void delay_init(struct delay *b, delay_random_fn *random, void *random_ctx);

/* The wait after a failure: the step and up to half of it on top, never above DELAY_MAX_MS. The
 * step doubles each time. */
int64_t delay_next(struct delay *b);

/* A connection ended after `lasted_ms`: a stable one makes the next wait short again. */
void delay_ended(struct delay *b, int64_t lasted_ms);

#endif
