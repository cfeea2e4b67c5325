/*
 * storm.h - attacks chosen at random, alone and mixed, while writers update; the judge after each
 * round. The same seed chooses the same attacks again; what they meet is up to the machine.
 */
#ifndef TESTS_FAULT_STORM_STORM_H
#define TESTS_FAULT_STORM_STORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fault/storm/rig.h"

enum { STORM_KINDS_MAX = 32 };

struct storm_options {
    uint64_t seed;        /* 0: one of the clock */
    unsigned seconds;     /* at least */
    unsigned kills;       /* of the agent, at least */
    unsigned attacks;     /* at least; kinds come in turn, so that all have come by then */
    unsigned round_s;     /* length of a round */
    const char *kinds;    /* names of attacks by commas; NULL: all that are possible */
    const char *program;  /* NULL: studio-agent */
    const char *variable; /* NAME=VALUE for the agent's environment; NULL: none */
    unsigned sync_ms;     /* each sync of the agent takes so much longer; 0: every other
                                       round 20 */
    unsigned drain_s;     /* 0: 120; how long the last events of a round may take */
    unsigned brokers;     /* 0: 1 */
    const struct cluster_kind
        *cluster; /* three nodes of it; NULL: brokers that know nothing of each other */
    unsigned writers, tables, rate; /* 0: 50, 20, 500 per second */
    bool plain; /* one attack at a time, each on an agent that is heard to send */
    bool quiet; /* only the summary */
};

/* What one kind of attack did. */
struct storm_kind {
    const char *name;
    unsigned begun;
    uint64_t bites; /* connections it met, calls that failed or were slow; or how often it could */
};

struct storm_figures {
    uint64_t seed;
    unsigned seconds, rounds, attacks, kills, broker_kills, sync_failures;
    uint64_t behind;                  /* tables of which a cluster retained less than it had told */
    uint64_t missed[RIG_BROKERS_MAX]; /* events the subscriber at this broker was not given */
    uint64_t acked, refused, unknown, events, repeats, holes, commands, command_repeats;
    unsigned recovery_ms; /* the longest from the end of an attack to an acknowledged update */
    unsigned drain_ms;    /* the longest from the end of a round to its last event */
    unsigned slowest_ms;  /* the longest an update waited for its acknowledgement */
    size_t complaints;    /* broken promises: none is right */
    size_t found[COMPLAINT_KINDS]; /* the same by kind */
    struct storm_kind kinds[STORM_KINDS_MAX];
    size_t kind_count;
};

/* Complaints and progress go to standard error, the summary to standard output. */
struct storm_figures storm_run(const struct storm_options *options);

/* Names of all attacks, by commas. Free(). */
char *storm_kinds(void);

#endif
