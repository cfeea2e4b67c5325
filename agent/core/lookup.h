/*
 * lookup.h - the reader's thread: reads of the store for the net thread, which never waits for a disk.
 *
 * The net thread submits jobs; they are carried out one after the other, in that order, on a thread
 * that owns a reader of the store; those done are taken by the net thread after a wake, many at once.
 */
#ifndef AGENT_CORE_LOOKUP_H
#define AGENT_CORE_LOOKUP_H

#include <stdbool.h>

struct lookup;
struct store_reader;

enum { LOOKUP_MAX = 1024 /* jobs submitted and not yet taken */ };

/* Embedded in what wants to know something; belongs to the submitter, and lives until `done` was
 * called or the lookup is stopped. */
struct lookup_job {
    /* On the reader's thread, which alone touches meanwhile what the job writes to. */
    void (*read)(struct lookup_job *job, struct store_reader *reader);
    /* Afterwards on the net thread, in lookup_take. May submit the same job again. */
    void (*done)(struct lookup_job *job);
    struct lookup_job *next; /* the lookup's */
};

/* Starts the thread, which owns `reader` until lookup_stop. `wake(ctx)` is called on it when jobs are
 * done. NULL: no memory or no thread. */
struct lookup *lookup_create(struct store_reader *reader, void (*wake)(void *ctx), void *ctx);
/* Ends the thread after the job under way; the others will not be carried out, and none becomes
 * `done`. Net thread. */
void lookup_stop(struct lookup *lookup);
/* Stops it if need be. NULL does nothing. */
void lookup_destroy(struct lookup *lookup);

/* Net thread. False: full, try again after lookup_take. */
bool lookup_submit(struct lookup *lookup, struct lookup_job *job);
/* Net thread: calls `done` of each job that came back, in the order they were submitted. */
void lookup_take(struct lookup *lookup);

#endif
