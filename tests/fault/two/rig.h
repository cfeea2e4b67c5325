/*
 * rig.h - two machines as a studio would have them: an agent on host a and one on b, a database on p
 * and its synchronous standby on s, a broker on m, and on c, here, writers and whoever listens.
 *
 * `rig` is what the storm's court looks at: everything but the agents.
 */
#ifndef TESTS_FAULT_TWO_RIG_H
#define TESTS_FAULT_TWO_RIG_H

#include <stdbool.h>
#include <stdint.h>

#include "fault/storm/rig.h"
#include "fault/two/availability.h"
#include "fault/two/database.h"
#include "fault/two/hosts.h"

enum { TWO_AGENTS = 2, TWO_PORT = 8080 };

struct two_agent {
    struct proc *proc; /* NULL: not running */
    const char *data;
    struct faults *faults; /* of its clock; NULL: a sanitizer is at work */
};

struct two {
    struct rig rig;
    struct database *database;
    struct availability *availability;
    struct two_agent agents[TWO_AGENTS]; /* on HOST_A, HOST_B */
    char *store_url, *uri;
    const char *logs;
};

struct two_options {
    unsigned writers, tables, rate;
    uint64_t seed;
    const char *logs; /* a directory for what the agents say; NULL: nowhere */
};

/* All but the agents run: two_look_after_agents starts them, once somebody listens. */
void two_open(struct two *two, const struct two_options *options);
void two_close(struct two *two);

void two_spawn_agent(struct two *two, enum host host);
/* It is gone, whoever has killed it. */
void two_bury_agent(struct two *two, enum host host);
/* SIGTERM, and it ends with 0. */
void two_stop_agent(struct two *two, enum host host);
/* Starts those that do not run. None is to end by itself: that is a complaint. */
void two_look_after_agents(struct two *two);

/* Who has the row of ownership now, by the database's clock, and which boot that is; HOST_COUNT: nobody. */
enum host two_owner(struct two *two, uint64_t *boot);
enum host two_other(enum host agent);
/* The status of GET /readyz there, 0: no answer in this time; what it says in body (may be NULL). */
int two_readyz(enum host agent, unsigned timeout_ms, char *body, size_t size);

/* Waits until one agent is ready and the other one waits for it; complains if they do not come to
 * that. Returns the owner. */
enum host two_settle(struct two *two, unsigned timeout_ms);

#endif
