/* histogram.h - times in nanoseconds, counted in buckets of at most 1.6 % width. */
#ifndef TESTS_BENCH_HISTOGRAM_H
#define TESTS_BENCH_HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_BUCKETS = 64 * 40 };

/* Zeroed is empty. */
struct histogram {
    uint64_t total;
    uint64_t count[HISTOGRAM_BUCKETS];
};

/* Negative is counted as 0, over an hour as an hour. */
void histogram_add(struct histogram *histogram, int64_t ns);

/* The time, in milliseconds, within which this share (0 to 1) lies; 0 when empty. */
double histogram_ms(const struct histogram *histogram, double share);

#endif
