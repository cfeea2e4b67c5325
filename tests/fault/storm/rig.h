/*
 * rig.h - what the storm rages over: one agent, one to three brokers or the nodes of a cluster behind proxies,
 * the writers and a commander.
 */
#ifndef TESTS_FAULT_STORM_RIG_H
#define TESTS_FAULT_STORM_RIG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "fault/storm/cluster.h"
#include "fault/storm/commander.h"
#include "fault/storm/wiretap.h"
#include "fault/storm/writers.h"
#include "support/broker.h"
#include "support/faults.h"
#include "support/port.h"
#include "support/proxy.h"

enum { RIG_BROKERS_MAX = WIRETAP_BROKERS_MAX };

/* What can be found broken, by the check that finds it. */
enum complaint {
    COMPLAINT_LOST,       /* acknowledged, and no event */
    COMPLAINT_CONJURED,   /* refused, and an event */
    COMPLAINT_TWICE,      /* one message, two events */
    COMPLAINT_BEFORE,     /* a writer's message came before one it sent earlier */
    COMPLAINT_MISSING,    /* a number without an event that no broker can have lost */
    COMPLAINT_SENT_LATE,  /* an event sent after a later one */
    COMPLAINT_HEARD_LATE, /* an event delivered after a later one */
    COMPLAINT_BYTES,      /* one number, two events */
    COMPLAINT_CHANGES,    /* revisions and old values that do not follow from each other */
    COMPLAINT_DOCUMENTS, /* what is retained is not what the agent has, or not what it should have */
    COMPLAINT_TIME,      /* something that did not happen in time */
    COMPLAINT_AGENT,     /* its start, its end, its answers */
    COMPLAINT_KINDS
};

struct rig_options {
    const char *program;                /* of the agent, in $STUDIO_BIN */
    const char *variable;               /* NAME=VALUE for its environment; NULL: none */
    unsigned brokers;                   /* 1 to 3 */
    const struct cluster_kind *cluster; /* they are its nodes; NULL: a Mosquitto each, on its own */
    bool commands;                      /* a commander, too */
    struct writers_options writers;     /* `port` is set by the rig */
};

struct rig {
    struct rig_options o;
    const char *data;
    struct port port;        /* of the agent, the same over all starts */
    const char *host;        /* its address; NULL: 127.0.0.1 */
    struct cluster *cluster; /* NULL: none */
    struct broker *brokers[RIG_BROKERS_MAX];
    struct proxy *proxies[RIG_BROKERS_MAX];
    bool broker_paused[RIG_BROKERS_MAX];
    int64_t broker_killed_ms[RIG_BROKERS_MAX]; /* when last; 0: never */
    bool broker_forgot;  /* one was killed in this round: it may have lost what it took */
    struct wiretap *tap; /* one order over all brokers; NULL: nobody listens */
    unsigned sync_ms;    /* each sync takes so much longer */
    bool slow_disk;      /* much longer, for now */
    bool writes_fail;
    struct faults *faults; /* NULL: a sanitizer is at work */
    struct proc *agent;    /* NULL: not running */
    bool agent_paused;
    pid_t paused_link; /* of the agent; 0: none */
    bool expect_exit;  /* an exit with code 1 is in order now */
    bool expect_death; /* and so is any other end: a library does not get memory */
    struct writers *writers;
    struct commander *commander; /* NULL: none */
    unsigned starts, failed_starts, deaths;
    char *store_url; /* with STUDIO_STORE=postgres: for its environment */
    char *uris;
    FILE *complaints;
    size_t complaint_count;
    size_t found[COMPLAINT_KINDS];
};

void rig_open(struct rig *rig, const struct rig_options *options);
void rig_close(struct rig *rig);

/* Lets the storm rage on for so long. */
void rig_nap(unsigned ms);

/* A broken promise, with a sentence. */
void rig_complain(struct rig *rig, enum complaint kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Beside the complaints: the end of the agent's log, if it runs. */
void rig_show_log(struct rig *rig);
/* The version of MQTT that tests speak to its brokers, as mqttclient_options has it. */
int rig_mqtt_version(const struct rig *rig);
/* How long syncs take is as the rig says again. */
void rig_set_sync_delay(struct rig *rig);

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
