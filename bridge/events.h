/*
 * events.h - the bounded queue between the MQTT library's threads and the bridge thread, and the
 * one place the bridge thread sleeps.
 */
#ifndef BRIDGE_EVENTS_H
#define BRIDGE_EVENTS_H

#include <pthread.h>

#include "link.h"
#include "studio/error.h"

/* Each link has at most LINK_SLOTS acknowledgements under way and a handful of other records. */
enum { EVENTS_MAX = LINK_COUNT * (LINK_SLOTS + 24) };

struct events {
    pthread_mutex_t lock;
    pthread_cond_t cond; /* CLOCK_MONOTONIC */
    struct link_event *ring;
    size_t head, count;
    bool woken;
    bool overflow; /* a record was dropped: what it said is lost with its connection */
};

STUDIO_MUST_USE enum studio_err events_init(struct events *e);
void events_finish(struct events *e);

/* Any thread. Never blocks for long; wakes the bridge thread. */
void events_push(struct events *e, const struct link_event *event);
/* Any thread: something else happened. */
void events_wake(struct events *e);

/* Bridge thread. Takes the oldest record, false if there is none. */
bool events_take(struct events *e, struct link_event *out);
/* True once after records had to be dropped. */
bool events_overflowed(struct events *e);
/* Sleeps until there is a record, a wake or `timeout_ms` have passed. */
void events_wait(struct events *e, int64_t timeout_ms);

#endif
