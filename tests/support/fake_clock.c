#include "support/fake_clock.h"

static int64_t mono(void *ctx)
{
    struct fake_clock *fake = ctx;

    return atomic_load(&fake->mono_ms) * 1000;
}

static int64_t wall(void *ctx)
{
    struct fake_clock *fake = ctx;

    return atomic_load(&fake->wall_ms);
}

void fake_clock_init(struct fake_clock *fake)
{
    fake->clock = (struct clock){mono, wall, fake};
    atomic_init(&fake->mono_ms, FAKE_MONO_MS);
    atomic_init(&fake->wall_ms, FAKE_WALL_MS);
}

void fake_clock_advance(struct fake_clock *fake, int64_t ms)
{
    atomic_fetch_add(&fake->mono_ms, ms);
    atomic_fetch_add(&fake->wall_ms, ms);
}
