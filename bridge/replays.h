/*
 * replays.h - kept events once more for who asks: by seq, or the changes of a table by rev (protocol
 * section 4). Any thread hands a request over, the bridge thread does the rest.
 *
 * A replay reads the store in pages of REPLAY_PAGE and never has more than REPLAY_IN_FLIGHT messages
 * under way, so a million events cost neither memory nor the others' time. It ends with its
 * connection: who sees no `end` asks again. One per client: a newer request takes its place.
 */
#ifndef BRIDGE_REPLAYS_H
#define BRIDGE_REPLAYS_H

#include <pthread.h>

#include "answers.h"
#include "feed.h"
#include "model/replay.h"
#include "window.h"

enum {
    REPLAYS_MAX = 8,
    REPLAYS_WAITING = 16, /* requests not started yet */
    REPLAY_PAGE = 64,
    REPLAY_IN_FLIGHT = 8,
    REPLAY_RETRY_MS = 1000
};

/* A request on its way to the bridge thread. */
struct replay_request {
    struct reply *to; /* topic and correlation of what is sent, and who asks */
    struct studio_replay ask;
};

/* One replay under way. */
struct replay {
    struct replay_request request; /* to: NULL in a free place */
    uint64_t next;                 /* seq to read next */
    uint64_t last;                 /* seq */
    uint64_t count;                /* sent */
    bool read_all, ended, no_memory;
    struct feed_list page;
};

struct replays {
    const struct bridge_source *source;
    const char *epoch;
    struct answers *answers; /* where errors go */
    bool ready;
    pthread_mutex_t lock; /* guards the requests that wait */
    struct replay_request waiting[REPLAYS_WAITING];
    size_t waiting_count;
    /* Bridge thread: */
    struct replay list[REPLAYS_MAX];
    size_t turn;
    unsigned in_flight;
    int64_t retry_ms; /* the store could not be read: not before this */
};

STUDIO_MUST_USE enum studio_err replays_init(struct replays *r, const struct bridge_source *source,
                                             const char *epoch, struct answers *answers);
void replays_finish(struct replays *r);

/* Any thread. Takes `to` over: made by reply_create with a client and without a payload. False: too
 * many wait, `to` stays the caller's. */
STUDIO_MUST_USE bool replays_put(struct replays *r, struct reply *to,
                                 const struct studio_replay *ask);

/* Bridge thread, all below. Starts what was asked for; `committed` is the newest event there is. */
void replays_start(struct replays *r, uint64_t committed);
/* The connection ended, and all replays with it. */
void replays_down(struct replays *r);
bool replays_ready(const struct replays *r, int64_t now_ms);
/* Sends the next message of one of them. False: not now. */
bool replays_send(struct replays *r, struct window *w, int64_t now_ms);
/* One in flight ended (link.h, LINK_DONE). */
void replays_done(struct replays *r);
/* When replays_ready may change by time alone; INT64_MAX: never. */
int64_t replays_deadline(const struct replays *r, int64_t now_ms);

#endif
