#include "backoff.h"

void backoff_init(struct backoff *b, backoff_random_fn *random, void *random_ctx)
{
    *b = (struct backoff){.random = random, .random_ctx = random_ctx, .step_ms = BACKOFF_FIRST_MS};
}

int64_t backoff_next(struct backoff *b)
{
    int64_t wait =
        b->step_ms + (int64_t)(b->random(b->random_ctx) % (uint32_t)(b->step_ms / 2 + 1));

    b->step_ms = b->step_ms * 2 > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : b->step_ms * 2;
    return wait > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : wait;
}

void backoff_ended(struct backoff *b, int64_t lasted_ms)
{
    if (lasted_ms >= BACKOFF_STABLE_MS)
        b->step_ms = BACKOFF_FIRST_MS;
}
