/*
 * link_held.h - the commands of a connection that were handed over and whose acknowledgement the
 * broker does not have yet, in order of arrival. Any thread; it knows no library.
 *
 * A command leaves from the head when both are true: the library wants to acknowledge it (asked) and
 * the agent has carried it out or refused it (decided). At most LINK_COMMANDS_MAX are undecided, and
 * HELD_RING behind one that is: the reading thread waits for room before it reads another.
 */
#ifndef BRIDGE_LINK_HELD_H
#define BRIDGE_LINK_HELD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "studio/error.h"

enum { HELD_RING = 1024, HELD_NONE = -1 };

struct held {
    pthread_mutex_t lock;
    pthread_cond_t room; /* CLOCK_MONOTONIC */
    struct held_command {
        int msgid; /* 0: QoS 0, nothing to acknowledge */
        bool asked, decided;
    } ring[HELD_RING];
    uint64_t first;     /* token of the head */
    uint64_t next;      /* token of the next to arrive */
    unsigned undecided; /* of those between */
    bool closed;        /* no room any more */
};

void held_init(struct held *h);
void held_finish(struct held *h);

/* A command is here; tells its token. False: the ring is full, there was no room. */
STUDIO_MUST_USE bool held_add(struct held *h, int msgid, uint64_t *token);
/* The library wants to acknowledge it. False: it is none of these. */
STUDIO_MUST_USE bool held_ask(struct held *h, int msgid);
/* Carried out or refused. An unknown token does nothing. */
void held_decide(struct held *h, uint64_t token);
/* The message id to acknowledge next, HELD_NONE if the head is not ready. It is gone from here. */
int held_take(struct held *h);
/* The head is decided: it is ready to be taken, or will be as soon as the library asks. */
bool held_decided(struct held *h);
/* Waits up to `ms` until another command may be read; false: not yet. */
bool held_wait_room(struct held *h, int64_t ms);
/* From now on there is no room. */
void held_close(struct held *h);
bool held_empty(struct held *h);

#endif
