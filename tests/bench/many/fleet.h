/* fleet.h - many agents as processes, each with its tables, all with one broker and one database. */
#ifndef TESTS_BENCH_MANY_FLEET_H
#define TESTS_BENCH_MANY_FLEET_H

#include <stdbool.h>
#include <stdint.h>

#include "support/pgserver.h"
#include "support/wsclient.h"

enum { FLEET_AGENTS_MAX = 1000, FLEET_TABLES_MAX = 100 };

struct fleet_options {
    unsigned agents, tables;
    const char *broker;        /* URI */
    struct pgserver *database; /* NULL: a directory each */
    const char *variable;      /* NAME=VALUE for their environment; NULL: none */
    unsigned wave;             /* so many a second are started; 0: all at once */
};

struct fleet;

/* Each listens when it returns. */
struct fleet *fleet_create(const struct fleet_options *options);
void fleet_destroy(struct fleet *fleet);

/* Each table's device comes once, so that there is the table, and goes again. */
void fleet_make_tables(struct fleet *fleet);
/* One update of table `number` (modulo all there are), by an operator's connection to its agent; waits for the
 * answer, returns its microseconds. */
int64_t fleet_update(struct fleet *fleet, uint64_t number);

/* Of all agents with their processes of connections: proportional memory in KiB, CPU so far in milliseconds. */
long fleet_pss_kib(struct fleet *fleet);
long fleet_cpu_ms(struct fleet *fleet);

#endif
