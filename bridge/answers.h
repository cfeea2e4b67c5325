/*
 * answers.h - the answers to commands on their way to who asked: in order, over the next connection if
 * one ends before they are acknowledged; one a broker hangs up on once more on the default topic. Any thread hands them over, the bridge thread sends.
 */
#ifndef BRIDGE_ANSWERS_H
#define BRIDGE_ANSWERS_H

#include <pthread.h>
#include <stdint.h>

#include "reply.h"
#include "window.h"

struct answers {
    pthread_mutex_t lock; /* guards the list */
    struct reply_list list;
    bool ready;
    uint64_t number; /* of the newest */
};

STUDIO_MUST_USE enum studio_err answers_init(struct answers *a);
void answers_finish(struct answers *a);

/* Any thread. Takes the answer over; false (and it is gone) when too many wait. */
bool answers_put(struct answers *a, struct reply *reply);
bool answers_waiting(struct answers *a);

/* Bridge thread. Sends the oldest. False: not now. */
bool answers_send(struct answers *a, struct window *w);
/* One in flight ended (link.h, LINK_DONE); takes it over. */
void answers_done(struct answers *a, struct window *w, struct reply *reply, int reason);

#endif
