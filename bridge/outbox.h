/*
 * outbox.h - the events: in order of seq, each sent until a broker has acknowledged it (promise 1),
 * one refused for good is parked (promise 6). Bridge thread.
 *
 * What follows the watermark is in flight (window.h), waits to be sent again after a passing refusal,
 * or has not been sent (feed.h). A connection that ends forgets what was in flight; the next one
 * starts from the lowest event that is not acknowledged.
 */
#ifndef BRIDGE_OUTBOX_H
#define BRIDGE_OUTBOX_H

#include "announce.h"
#include "bridge_source.h"
#include "feed.h"
#include "window.h"

enum {
    OUTBOX_RETRY_MS = 1000, /* after a passing refusal */
    OUTBOX_PARKED_RECENT = 64
};

struct outbox {
    const struct bridge_source *source;
    struct window *window;
    struct feed *feed;
    uint64_t acked; /* the watermark: every event up to it is acknowledged or parked */
    uint64_t acked_told;
    struct feed_list retry; /* refused in passing, in order */
    int64_t retry_ms;
    uint64_t parked; /* in all */
    uint64_t parked_recent[OUTBOX_PARKED_RECENT];
    unsigned parked_at;
    struct {              /* the oldest event that waits */
        uint64_t seq;     /* 0: none */
        int64_t since_ms; /* when it came; none of those behind it came earlier. 0: not known yet */
    } oldest;
};

/* Everything up to `acked` is done, `parked` events are parked. */
STUDIO_MUST_USE enum studio_err outbox_init(struct outbox *o, const struct bridge_source *source,
                                            struct window *window, struct feed *feed,
                                            uint64_t acked, uint64_t parked);
void outbox_finish(struct outbox *o);

void outbox_up(struct outbox *o);
/* The connection ended, all that was in flight has been given back. */
void outbox_down(struct outbox *o);

/* An event may go now. */
bool outbox_ready(struct outbox *o, int64_t now_ms);
/* Sends the next one, or passes over it. False: not now. */
bool outbox_send(struct outbox *o, int64_t now_ms);
/* An event in flight ended (link.h, LINK_DONE; window.h); takes its reference over. */
void outbox_done(struct outbox *o, struct studio_event *event, int reason, int64_t now_ms);
/* When outbox_ready may change by time alone; INT64_MAX: never. */
int64_t outbox_deadline(const struct outbox *o, int64_t now_ms);

/* Moves the watermark as far as events are done: everything before the lowest one that is in flight, to be
 * sent again, or not sent yet. Once for all that ended in a turn. */
void outbox_advance(struct outbox *o);
/* Tells the agent the watermark, if it moved: the store writes it with its next commit. */
void outbox_tell_acked(struct outbox *o);
uint64_t outbox_backlog(const struct outbox *o);
/* When the oldest event that waits came, by the monotonic clock; 0: none waits. May read the store. */
int64_t outbox_waiting_since(struct outbox *o, int64_t now_ms);
/* What `health` says of the events; out->now_ms is set. */
void outbox_health(struct outbox *o, int64_t now_ms, struct announce_health *out);

#endif
