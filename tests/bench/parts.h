/* parts.h - the measurements: each fills some rows of one column. */
#ifndef TESTS_BENCH_PARTS_H
#define TESTS_BENCH_PARTS_H

#include "bench/rows.h"

/* What one round gave for one server. */
struct column {
    bool has[ROWS];
    double value[ROWS];
};

struct part {
    enum row first;
    unsigned rows;
    unsigned servers; /* a bit for each kind it makes sense for */
    unsigned arg;     /* window, rate, or which of the sizes */
    void (*measure)(struct column *column, enum server_kind kind, const struct part *part,
                    const struct sizes *sizes);
};

extern const struct part parts[];
/* siege.c: `arg` is a siege_kind. */
void measure_siege(struct column *column, enum server_kind kind, const struct part *part,
                   const struct sizes *sizes);
void column_set(struct column *column, unsigned row, double value);
extern const size_t part_count;

#endif
