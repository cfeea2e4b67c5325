/* histogram.c - buckets: the highest set bit and the six below it. */
#include "bench/histogram.h"

#include <stddef.h>

static size_t bucket(uint64_t ns)
{
    if (ns < 128)
        return (size_t)ns;
    unsigned shift = (unsigned)(63 - __builtin_clzll(ns)) - 6;
    size_t index = 64 * (size_t)shift + (size_t)(ns >> shift);
    return index < HISTOGRAM_BUCKETS ? index : HISTOGRAM_BUCKETS - 1;
}

/* The lowest time of a bucket. */
static uint64_t lowest(size_t index)
{
    if (index < 128)
        return index;
    size_t shift = index / 64 - 1;
    return (uint64_t)(index - 64 * shift) << shift;
}

void histogram_add(struct histogram *h, int64_t ns)
{
    h->count[bucket(ns > 0 ? (uint64_t)ns : 0)]++;
    h->total++;
}

double histogram_ms(const struct histogram *h, double share)
{
    uint64_t wanted = (uint64_t)((double)h->total * share), seen = 0;
    if (h->total == 0)
        return 0;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += h->count[i];
        if (seen > wanted || seen == h->total)
            return (double)lowest(i) / 1e6;
    }
    return 0;
}
