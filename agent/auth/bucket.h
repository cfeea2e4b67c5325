/* bucket.h - a token bucket: `rate` per second, `burst` at once. Pure; rate 0 is no limit. */
#ifndef AGENT_AUTH_BUCKET_H
#define AGENT_AUTH_BUCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BUCKET_HEAVY_BYTES = 2048 /* of a message count as one more */ };

struct bucket {
    int64_t used_milli; /* thousandths of a token taken and not yet come back */
    int64_t at_ms;      /* when that was */
};

/* What a message costs: a large one as much as several, for it takes the time of several. */
static inline int64_t bucket_cost(size_t bytes)
{
    return 1 + (int64_t)(bytes / BUCKET_HEAVY_BYTES);
}

/* `cost` tokens; one that costs more than the burst waits for a full bucket. */
static inline bool bucket_take(struct bucket *bucket, int64_t cost, int64_t rate, int64_t burst,
                               int64_t now_ms)
{
    if (rate <= 0)
        return true;
    if (cost > burst)
        cost = burst;
    int64_t back = (now_ms - bucket->at_ms) * rate; /* 1 token/s is 1 thousandth per ms */
    bucket->used_milli = back < bucket->used_milli ? bucket->used_milli - back : 0;
    bucket->at_ms = now_ms;
    if (bucket->used_milli + cost * 1000 > burst * 1000)
        return false;
    bucket->used_milli += cost * 1000;
    return true;
}

#endif
