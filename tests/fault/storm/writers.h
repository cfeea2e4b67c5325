/*
 * writers.h - many WebSocket clients that update without pause, reconnect when they are cut off,
 * and note what became of each update. All on one thread of their own.
 *
 * Writer i sets the custom field `w<i>` of its table to 1, 2, 3, ... : an update is known by
 * (writer, value), is sent once and never again. One is in flight per writer. On demand some of the
 * numbers are sent as an exception instead, its data `<i>:<value>`.
 */
#ifndef TESTS_FAULT_STORM_WRITERS_H
#define TESTS_FAULT_STORM_WRITERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WRITERS_HOSTS_MAX = 2 };

struct writers_options {
    uint16_t port;
    /* Addresses, each writer tries them in turn; all NULL: 127.0.0.1. */
    const char *hosts[WRITERS_HOSTS_MAX];
    /* Who gets no document for so long, no answer for up to four times as long, tries the next one; 0:
     * without an answer that is a complaint. */
    unsigned patience_ms;
    unsigned writers, tables;
    unsigned rate;       /* updates per second of all together, about */
    unsigned exceptions; /* of 100 messages so many are exceptions */
    uint64_t seed;
};

enum write_outcome {
    WRITE_ACKED,   /* answered `updated` or `received` */
    WRITE_REFUSED, /* answered `Storage unavailable` */
    WRITE_UNKNOWN  /* the connection ended first: it may or may not have been applied */
};

struct write_note {
    unsigned writer;
    enum write_outcome outcome;
    unsigned host; /* sent there, of writers_options */
    uint64_t value;
    int64_t sent_ms, done_ms;
};

struct writers_figures {
    uint64_t acked, refused, unknown;
    int64_t last_ack_ms;                     /* when the last was answered; 0: never */
    int64_t slowest_ms;                      /* longest time to an acknowledgement */
    unsigned connected;                      /* now, welcome received */
    int64_t first_ack_ms[WRITERS_HOSTS_MAX]; /* by each host, since writers_mark; 0: none yet */
    int64_t gap_ms; /* longest time without any acknowledgement, since writers_mark */
};

struct writers;

/* Paused at first. */
struct writers *writers_create(const struct writers_options *options);
void writers_destroy(struct writers *writers);

void writers_resume(struct writers *writers);
/* Sends nothing more and waits until every answer is there or its connection has ended; false at
 * the deadline (a now_ms value). */
bool writers_pause(struct writers *writers, int64_t deadline);
/* While paused: one update of every writer, acknowledged (refused ones are tried again with the
 * next value). False at the deadline. */
bool writers_once(struct writers *writers, int64_t deadline);

struct writers_figures writers_figures(struct writers *writers);
/* From now on: first_ack_ms, gap_ms and slowest_ms. */
void writers_mark(struct writers *writers);

/* While paused: what became of each update since the last call. Lives until the next call. */
const struct write_note *writers_notes(struct writers *writers, size_t *count);
/* While paused: the value a writer has sent last; after writers_once an update. */
uint64_t writers_last(struct writers *writers, unsigned writer);
/* Things that must never happen (an unexpected answer, none at all), a line each; NULL: none.
 * Free(). */
char *writers_complaints(struct writers *writers);

/* `ST-07`, the table of a writer. */
void writers_table(const struct writers_options *options, unsigned writer, char out[16]);

#endif
