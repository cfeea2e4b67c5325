/*
 * guard.h - the agent behind a door that can be closed: after guard_close no call reaches it any
 * more, even if the bridge thread hangs in the MQTT library and comes back later.
 */
#ifndef BRIDGE_GUARD_H
#define BRIDGE_GUARD_H

#include <pthread.h>

#include "bridge.h"

struct guard {
    struct bridge_source source; /* what the bridge calls; its ctx is this guard */
    struct bridge_source agent;
    pthread_rwlock_t door; /* read: a call is inside; write: closing */
    bool closed, ready;
};

STUDIO_MUST_USE enum studio_err guard_init(struct guard *g, const struct bridge_source *agent);
/* Waits for calls that are inside. Any thread but one inside. */
void guard_close(struct guard *g);
void guard_finish(struct guard *g);

#endif
