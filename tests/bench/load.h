/*
 * load.h - the load generator: any number of WebSocket clients (RFC 6455, raw sockets, one epoll)
 * that write, watch or only stay, and optionally a listener at the broker.
 *
 * One for all servers, so that what differs is the server. It knows the protocol as far as all of
 * them speak it: authentication by address, the document first, flat updates, answers in order.
 */
#ifndef TESTS_BENCH_LOAD_H
#define TESTS_BENCH_LOAD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "bench/histogram.h"

enum load_role {
    LOAD_WRITER,     /* table B-<n> of its own */
    LOAD_IDLE,       /* says nothing; a hundred share one table */
    LOAD_FAN_WRITER, /* writes table FAN-001 */
    LOAD_SUBSCRIBER, /* watches table FAN-001 */
};

struct load_plan {
    double seconds;
    unsigned window; /* updates in flight on each writer; 0: at `rate` */
    double rate;     /* updates per second over all writers */
};

struct load_result {
    double seconds;
    uint64_t answers, pushes, events; /* seen in these seconds */
    double cpu_seconds;               /* of the server */
    struct histogram answer;          /* from sending to answer */
    struct histogram arrival;         /* from answer to event at the broker's subscriber */
};

struct load;

/* For the server with this process id on this port of 127.0.0.1. */
struct load *load_create(uint16_t port, pid_t pid);
void load_destroy(struct load *load);

/* Connects so many more; returns when all of them have their document. */
void load_connect(struct load *load, enum load_role role, size_t count);

/* Subscribes to the change events; to be called before load_run. */
void load_listen(struct load *load, uint16_t broker_port);

/* Half a second to warm up, then the measurement, then waits for what is still out. */
void load_run(struct load *load, const struct load_plan *plan, struct load_result *result);

/* Serves the connections until the server is at rest (a minute at most). */
void load_settle(struct load *load);

/* The CPU time the process has taken, in seconds, and its resident memory, in bytes. */
double load_cpu(pid_t pid);
double load_memory(pid_t pid);

#endif
