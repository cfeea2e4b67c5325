/* report.h - what came out, as a table and as JSON. */
#ifndef TESTS_BENCH_REPORT_H
#define TESTS_BENCH_REPORT_H

#include "bench/parts.h"

enum { ROUNDS_MAX = 15 };

struct report {
    const struct sizes *sizes;
    size_t rounds;
    bool shown[ROWS], there[SERVER_KINDS];
    double load_before, load_after;
    struct value values[ROWS][SERVER_KINDS];
    struct value against[ROWS]; /* the agent's value divided by the other build's, round by round */
};

/* Fills `values` and `against` with the medians over the rounds and their spread. */
void report_gather(struct report *report, struct column rounds[][SERVER_KINDS]);

void report_print(const struct report *report);

/* False (after saying why) when the file cannot be written. */
bool report_json(const struct report *report, const char *path);

#endif
