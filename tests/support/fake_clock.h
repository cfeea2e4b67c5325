/* fake_clock.h - a clock that stands still until the test moves it. Any thread may read it. */
#ifndef TESTS_SUPPORT_FAKE_CLOCK_H
#define TESTS_SUPPORT_FAKE_CLOCK_H

#include <stdatomic.h>

#include "base/clock.h"

enum { FAKE_MONO_MS = 1000000 };
#define FAKE_WALL_MS INT64_C(1704110400000) /* 2024-01-01T12:00:00Z */

struct fake_clock {
    struct clock clock; /* hand out its address */
    atomic_int_fast64_t mono_ms, wall_ms;
};

/* Starts at FAKE_MONO_MS and FAKE_WALL_MS. */
void fake_clock_init(struct fake_clock *fake);
/* Both clocks go on by so much. */
void fake_clock_advance(struct fake_clock *fake, int64_t ms);

#endif
