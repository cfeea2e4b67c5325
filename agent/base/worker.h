/*
 * worker.h - a thread of somebody's that sleeps until it is told of work: with its lock, the condition it
 * waits for, its log and its end. What the lock guards besides `stop` is the owner's.
 */
#ifndef AGENT_BASE_WORKER_H
#define AGENT_BASE_WORKER_H

#include <pthread.h>

#include "base/log.h"

/* Zeroed memory is one that was not started. Stays where it is. */
struct worker {
    pthread_mutex_t lock;
    pthread_cond_t work;
    bool stop;    /* under the lock: the thread is to return */
    bool started; /* this and the rest are worker.c's */
    pthread_t thread;
    struct log log;
    void (*run)(void *ctx);
    void *ctx;
};

/* Starts the thread: run(ctx), which logs as the caller does. False: there is none, and none to stop. */
STUDIO_MUST_USE bool worker_start(struct worker *worker, void (*run)(void *ctx), void *ctx);
/* Sets `stop`, signals `work`, waits for the end; the lock may still be used. By one thread only; without a
 * thread, or the second time, it does nothing. Nothing else is left to be freed. */
void worker_stop(struct worker *worker);

/* By the thread: sleeps so long, whatever it is told of meanwhile. True, and at once: it is to return. */
bool worker_rest(struct worker *worker, int64_t ms);

#endif
