/*
 * load.h - the load generator: any number of WebSocket clients (raw sockets, one epoll) that write,
 * watch or only stay, and optionally a listener at the broker.
 *
 * One for all servers, so that what differs is the server. How each is spoken to is wire.h's.
 */
#ifndef TESTS_BENCH_LOAD_H
#define TESTS_BENCH_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "bench/histogram.h"
#include "bench/wire.h"

enum load_role {
    LOAD_WRITER,     /* table B-<n> of its own */
    LOAD_IDLE,       /* says nothing; a hundred share one table */
    LOAD_FAN_WRITER, /* writes table FAN-001 */
    LOAD_SUBSCRIBER, /* watches table FAN-001 */
    LOAD_BOARD,      /* shows all tables, as the dashboard does */
};

struct load_plan {
    double seconds;
    unsigned window; /* updates in flight on each writer; 0: at `rate` */
    double rate;     /* updates per second over all writers */
    bool cold;       /* measure from the first update on */
    bool scraped;    /* its metrics are asked for every second meanwhile */
};

struct load_result {
    double seconds;                   /* until the last update had its answer and its event */
    uint64_t answers, events;         /* seen in these seconds */
    double cpu_seconds;               /* of the server */
    struct histogram answer, arrival; /* from sending to the answer, to the broker's subscriber */
};

/* Changes to the watched table, one at a time. */
struct load_changes {
    uint64_t changes, pushes;
    double cpu_seconds;
    struct histogram last; /* from sending a change until the last watcher has it */
};

struct load_storm {
    double seconds;   /* until all are ready */
    uint64_t refused; /* attempts that the server ended; each was made again */
};

struct load;

/* For the server with this process id on this port of 127.0.0.1. */
struct load *load_create(uint16_t port, pid_t pid, const struct wire *wire);
void load_destroy(struct load *load);

/* Connects so many more; returns when all of them are ready. */
void load_connect(struct load *load, enum load_role role, size_t count);

/* Subscribes to the change events; to be called before load_run. */
void load_listen(struct load *load, uint16_t broker_port);

/* Half a second to warm up (unless cold), then the measurement, until the last answer and event. */
void load_run(struct load *load, const struct load_plan *plan, struct load_result *result);

/* With a LOAD_FAN_WRITER and LOAD_SUBSCRIBERs connected. */
void load_changes(struct load *load, double seconds, struct load_changes *result);

/* Updates with this window until so many have been answered. */
void load_fill(struct load *load, unsigned window, uint64_t count);

/* Tables T-<first> and on: for each a login, one update with a custom field, its answer, goodbye; 64
 * at a time. */
void load_tables(struct load *load, size_t first, size_t count);

/* Closes the LOAD_IDLE clients, and connects them again all at once, each from an address of its own
 * as they would have in a network. */
void load_reconnect(struct load *load, struct load_storm *result);

/* Serves the connections until the server is at rest (a minute at most). */
void load_settle(struct load *load);

/* Of a process and its children: the CPU time they have taken, in seconds; the memory they hold, in
 * bytes, what they share counted once. */
double load_cpu(pid_t pid);
double load_memory(pid_t pid);

#endif
