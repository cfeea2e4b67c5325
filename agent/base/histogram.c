#include "base/histogram.h"

#include <stddef.h>

const uint32_t histogram_bounds_us[HISTOGRAM_BOUNDS] = {
    100,   250,    500,    1000,   2500,    5000,    10000,   25000,
    50000, 100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000};

/* With one who counts, a lock on the bus would buy nothing. */
static void add(atomic_uint_fast64_t *to, uint64_t more)
{
    uint64_t now = atomic_load_explicit(to, memory_order_relaxed);

    atomic_store_explicit(to, now + more, memory_order_relaxed);
}

void histogram_observe(struct histogram *h, int64_t us)
{
    size_t i = 0;

    if (us < 0)
        us = 0;
    while (i < HISTOGRAM_BOUNDS && us > histogram_bounds_us[i])
        i++;
    add(&h->buckets[i], 1);
    add(&h->sum_us, (uint64_t)us);
}

void histogram_read(const struct histogram *h, struct histogram_view *out)
{
    out->count = 0;
    for (size_t i = 0; i < HISTOGRAM_BOUNDS; i++) {
        out->count += atomic_load_explicit(&h->buckets[i], memory_order_relaxed);
        out->up_to[i] = out->count;
    }
    out->count += atomic_load_explicit(&h->buckets[HISTOGRAM_BOUNDS], memory_order_relaxed);
    out->sum_us = atomic_load_explicit(&h->sum_us, memory_order_relaxed);
}
