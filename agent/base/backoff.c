#include "backoff.h"

unsigned backoff_next(struct backoff *backoff, uint32_t random)
{
    unsigned span = 2 * BACKOFF_MIN_MS;

    for (unsigned i = 0; i < backoff->tries && span < BACKOFF_MAX_MS; i++)
        span *= 2;
    if (span >= BACKOFF_MAX_MS)
        span = BACKOFF_MAX_MS;
    else
        backoff->tries++;
    return span / 2 + random % (span / 2 + 1);
}

void backoff_ended(struct backoff *backoff, int64_t ready_ms)
{
    if (ready_ms >= BACKOFF_STABLE_MS)
        backoff->tries = 0;
}
