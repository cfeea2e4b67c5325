#include "base/clock.h"

#include <stddef.h>

static int64_t read_us(clockid_t id)
{
    struct timespec now;
    (void)clock_gettime(id, &now); /* cannot fail for these two clocks */
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int64_t system_mono_us(void *ctx)
{
    (void)ctx;
    return read_us(CLOCK_MONOTONIC);
}

static int64_t system_wall_ms(void *ctx)
{
    (void)ctx;
    return read_us(CLOCK_REALTIME) / 1000;
}

const struct clock *clock_system(void)
{
    static const struct clock system_clock = {system_mono_us, system_wall_ms, NULL};
    return &system_clock;
}

static int64_t turn_mono_us(void *ctx)
{
    return ((const struct clock_turn *)ctx)->mono_us;
}

static int64_t turn_wall_ms(void *ctx)
{
    return clock_wall(((const struct clock_turn *)ctx)->real);
}

void clock_turn_init(struct clock_turn *t, const struct clock *real)
{
    *t = (struct clock_turn){.clock = {turn_mono_us, turn_wall_ms, t}, .real = real};
    clock_turn_begin(t);
}

void clock_turn_begin(struct clock_turn *t)
{
    t->mono_us = clock_mono_us(t->real);
}

int64_t clock_boot(void)
{
    struct timespec now;

    clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct timespec clock_after(int64_t ms)
{
    enum { SECOND_NS = 1000000000 };
    struct timespec at;
    (void)clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += ms / 1000;
    at.tv_nsec += (long)(ms % 1000) * 1000000;
    if (at.tv_nsec >= SECOND_NS) {
        at.tv_nsec -= SECOND_NS;
        at.tv_sec++;
    }
    return at;
}
