/*
 * histogram.h - how long something takes, counted in fixed buckets.
 *
 * One thread counts, any thread reads; nothing is allocated. Zeroed memory is an empty one.
 */
#ifndef AGENT_BASE_HISTOGRAM_H
#define AGENT_BASE_HISTOGRAM_H

#include <stdatomic.h>
#include <stdint.h>

enum { HISTOGRAM_BOUNDS = 16 };

/* Up to how many microseconds a bucket counts, in rising order; the one behind the last has no bound. */
extern const uint32_t histogram_bounds_us[HISTOGRAM_BOUNDS];

struct histogram {
    atomic_uint_fast64_t buckets[HISTOGRAM_BOUNDS + 1];
    atomic_uint_fast64_t sum_us;
};

/* Its one thread. A negative time counts as none. */
void histogram_observe(struct histogram *histogram, int64_t us);

struct histogram_view {
    uint64_t up_to[HISTOGRAM_BOUNDS]; /* how many took no longer than this bound */
    uint64_t count;                   /* in all */
    uint64_t sum_us;
};
/* What was counted so far. Counts fit together; the sum may be that of a moment later. */
void histogram_read(const struct histogram *histogram, struct histogram_view *out);

#endif
