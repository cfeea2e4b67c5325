/* random.h - numbers that a printed seed repeats (splitmix64). */
#ifndef TESTS_FAULT_STORM_RANDOM_H
#define TESTS_FAULT_STORM_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

static inline uint64_t random_next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* From..to, both included. */
static inline unsigned random_between(uint64_t *state, unsigned from, unsigned to)
{
    return from + (unsigned)(random_next(state) % (to - from + 1u));
}

static inline bool random_chance(uint64_t *state, unsigned percent)
{
    return random_between(state, 1, 100) <= percent;
}

#endif
