#include "delay.h"

void delay_init(struct delay *b, delay_random_fn *random, void *random_ctx)
{
    *b = (struct delay){.random = random, .random_ctx = random_ctx, .step_ms = DELAY_FIRST_MS};
}

int64_t delay_next(struct delay *b)
{
    int64_t wait =
        b->step_ms + (int64_t)(b->random(b->random_ctx) % (uint32_t)(b->step_ms / 2 + 1));

    b->step_ms = b->step_ms * 2 > DELAY_MAX_MS ? DELAY_MAX_MS : b->step_ms * 2;
    return wait > DELAY_MAX_MS ? DELAY_MAX_MS : wait;
}

void delay_ended(struct delay *b, int64_t lasted_ms)
{
    if (lasted_ms >= DELAY_STABLE_MS)
        b->step_ms = DELAY_FIRST_MS;
}
