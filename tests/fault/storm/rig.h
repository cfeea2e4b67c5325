/*
 * rig.h - what the storm rages over: one agent, one or two brokers behind proxies, the writers.
 */
#ifndef TESTS_FAULT_STORM_RIG_H
#define TESTS_FAULT_STORM_RIG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "fault/storm/wiretap.h"
#include "fault/storm/writers.h"
#include "support/broker.h"
#include "support/faults.h"
#include "support/port.h"
#include "support/proxy.h"

enum { RIG_BROKERS_MAX = 2 };

struct rig_options {
    const char *program;            /* of the agent, in $STUDIO_BIN */
    const char *variable;           /* NAME=VALUE for its environment; NULL: none */
    unsigned brokers;               /* 1 or 2 */
    struct writers_options writers; /* `port` is set by the rig */
};

struct rig {
    struct rig_options o;
    const char *data;
    struct port port; /* of the agent, the same over all starts */
    struct broker *brokers[RIG_BROKERS_MAX];
    struct proxy *proxies[RIG_BROKERS_MAX];
    bool broker_paused[RIG_BROKERS_MAX];
    bool broker_forgot;  /* one was killed in this round: it may have lost what it took */
    struct wiretap *tap; /* one order over all brokers */
    bool slow_disk;
    struct faults *faults; /* NULL: a sanitizer is at work */
    struct proc *agent;    /* NULL: not running */
    bool agent_paused;
    bool expect_exit;  /* an exit with code 1 is in order now */
    bool expect_death; /* and so is any other end: a library does not get memory */
    struct writers *writers;
    unsigned starts, failed_starts, deaths;
    char *uris;
    FILE *complaints;
    size_t complaint_count;
};

void rig_open(struct rig *rig, const struct rig_options *options);
void rig_close(struct rig *rig);

/* A broken promise, with a sentence. */
void rig_complain(struct rig *rig, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Starts the agent and waits until it listens. False: it ended again, which is in order (and said
 * so by the caller's `may_fail`) or a complaint. */
bool rig_start_agent(struct rig *rig, bool may_fail);
/* Starts it without waiting. */
void rig_spawn_agent(struct rig *rig);
void rig_kill_agent(struct rig *rig);
/* SIGTERM: complains unless it ends with 0 within the 5 s of the contract. */
void rig_stop_agent(struct rig *rig);
/* Notices an agent that has ended by itself; true if one has. Its end is a complaint unless
 * expect_exit. */
bool rig_agent_gone(struct rig *rig);

#endif
