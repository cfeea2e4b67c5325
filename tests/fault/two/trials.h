/*
 * trials.h - rounds of one failure each on two machines, and the court after every one. What must hold
 * is in court.h (what was acknowledged arrives, once, in order, without a hole), audit.h (who wrote
 * it) and availability.h (who said that it is online).
 */
#ifndef TESTS_FAULT_TWO_TRIALS_H
#define TESTS_FAULT_TWO_TRIALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Zeroed: one round of each kind, as the load: 50 writers on 20 tables, 500 updates a second. */
struct trials_options {
    unsigned rounds, writers, tables, rate;
    uint64_t seed;     /* 0: made up, and printed */
    const char *kinds; /* A,B,...; NULL: all */
    unsigned most_ms;  /* no attack is longer; 0: as it is in the table */
    const char *logs;  /* a directory for what the agents say; NULL: nowhere */
    bool quiet;
};

enum { TRIALS_KINDS_MAX = 24, TRIALS_TIMES_MAX = 128 };

/* Milliseconds of several rounds. */
struct trial_times {
    unsigned count;
    unsigned ms[TRIALS_TIMES_MAX];
};

struct trial_kind {
    const char *name;
    bool planned;
    unsigned rounds, moved;
    struct trial_times takeover; /* from the failure to the first answer of the new owner */
    struct trial_times outage;   /* the longest time without any answer */
    struct trial_times online;   /* until the broker has the new owner's `online` */
    struct trial_times refused;  /* of a minority: until it is told */
    struct trial_times unready;  /* of a minority: until /readyz says so */
};

struct trials_figures {
    size_t complaints;
    unsigned rounds, seconds;
    uint64_t acked, refused, unknown, commands, events, boots;
    size_t repeats, holes, lost, conjured;
    struct trial_kind kinds[TRIALS_KINDS_MAX];
    size_t kind_count;
};

/* Can there be such machines here: root, namespaces, PostgreSQL? To be asked once, before all. Afterwards
 * this program is in a network of its own. */
bool trials_possible(void);
/* Names of all kinds, A,B,...; free() */
char *trials_kinds(void);

struct trials_figures trials_run(const struct trials_options *options);

void trials_print(const struct trials_figures *figures, uint64_t seed, FILE *out);

#endif
