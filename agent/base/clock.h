/* clock.h - the only way time enters: a small table of functions, faked in unit tests. */
#ifndef AGENT_BASE_CLOCK_H
#define AGENT_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

struct clock {
    int64_t (*mono_us)(
        void *ctx); /* microseconds, never steps; deadlines, limits, how long it took */
    int64_t (*wall_ms)(void *ctx); /* milliseconds since 1970 UTC, may step; time stamps only */
    void *ctx;
};

/* The machine's clocks. Lives for ever; any thread. */
const struct clock *clock_system(void);

/* A clock that stands still during a turn of a loop: one reading for all that is done in it. The wall clock
 * goes on. One thread. */
struct clock_turn {
    struct clock clock; /* to be handed on; refers to this memory */
    const struct clock *real;
    int64_t mono_us;
};
void clock_turn_init(struct clock_turn *t, const struct clock *real);
/* A turn begins. */
void clock_turn_begin(struct clock_turn *t);

/* Milliseconds of this machine's that go on while it sleeps, and never step: for how long something that others
 * measure, too, can still be ours. */
int64_t clock_boot(void);

/* So many milliseconds from now, for timed waits on CLOCK_MONOTONIC. ms >= 0. */
struct timespec clock_after(int64_t ms);

static inline int64_t clock_earlier(int64_t a_ms, int64_t b_ms)
{
    return a_ms < b_ms ? a_ms : b_ms;
}

static inline int64_t clock_mono_us(const struct clock *c)
{
    return c->mono_us(c->ctx);
}

/* The same in milliseconds. */
static inline int64_t clock_mono(const struct clock *c)
{
    return clock_mono_us(c) / 1000;
}

static inline int64_t clock_wall(const struct clock *c)
{
    return c->wall_ms(c->ctx);
}

#endif
