/*
 * handover.h - `studio-agent handover`: the agent is left to a standby on purpose. Who asks waits until the other one
 * has it.
 */
#ifndef AGENT_HANDOVER_H
#define AGENT_HANDOVER_H

#include <pthread.h>
#include <stdbool.h>

#include "base/buf.h"
#include "store/store.h"

enum handover_state { HANDOVER_NONE, HANDOVER_ASKED, HANDOVER_DONE, HANDOVER_FAILED };

struct handover {
    void (*wake)(void *ctx); /* the net thread, to call handover_wanted */
    void *ctx;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t settled;
    enum handover_state state;
    bool ended; /* nobody settles one any more */
    char to[STORE_OWNER_MAX + 1];
    const char *why; /* FAILED: a literal */
};

void handover_init(struct handover *handover, void (*wake)(void *ctx), void *ctx);
void handover_finish(struct handover *handover);

/* One other thread at a time: asks for it, and waits for what comes of it, which it appends to `answer`. False: it is
 * not the other one's. */
bool handover_ask(struct handover *handover, const char *to, struct buf *answer);

/* The net thread: is it wanted? Then `to` is whom for. */
bool handover_wanted(struct handover *handover, char to[STORE_OWNER_MAX + 1]);
/* This one has it now: the one who was meant, or another. */
void handover_taken(struct handover *handover, const char *owner);
/* It did not come about; why, in a literal. Nobody may have asked. */
void handover_fail(struct handover *handover, const char *why);
/* The same, also for whoever asks later: the agent ends. */
void handover_end(struct handover *handover);

#endif
