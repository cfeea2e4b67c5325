/* inquiry.h - a question of another thread that the net thread answers, since it owns what is asked about. */
#ifndef AGENT_INQUIRY_H
#define AGENT_INQUIRY_H

#include <pthread.h>
#include <stdbool.h>

#include "base/buf.h"

/* Appends the answer. Net thread. */
typedef void inquiry_fn(void *ctx, struct buf *answer);

struct inquiry {
    void (*wake)(void *ctx); /* the net thread, to call inquiry_take */
    void *ctx;               /* of this and of what answers */
    pthread_mutex_t lock;    /* guards what follows */
    pthread_cond_t taken;
    bool running;
    inquiry_fn *fn; /* NULL: nothing is asked */
    struct buf *answer;
};

void inquiry_init(struct inquiry *q, void (*wake)(void *ctx), void *ctx);
void inquiry_finish(struct inquiry *q);

/* The net thread begins and ends to run. */
void inquiry_running(struct inquiry *q, bool running);
/* The net thread answers what is asked, if something is. */
void inquiry_take(struct inquiry *q);

/* One other thread at a time: waits for the answer. False: the net thread does not run, or not any more. */
bool inquiry_ask(struct inquiry *q, inquiry_fn *fn, struct buf *answer);

#endif
