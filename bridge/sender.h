/*
 * sender.h - what goes out over the publishing connection: whose turn it is, and who is told how it
 * ended. What each kind of traffic sends, and what becomes of it, is in its own file (control, outbox,
 * retained, answers, replays). Bridge thread.
 *
 * A connection that ends gives back what was in flight, the newest first; each traffic knows what that
 * means for it.
 */
#ifndef BRIDGE_SENDER_H
#define BRIDGE_SENDER_H

#include "answers.h"
#include "base/backoff.h"
#include "control.h"
#include "outbox.h"
#include "replays.h"
#include "retained.h"
#include "share.h"
#include "window.h"

enum {
    SENDER_OVERDUE_MS = 30000, /* for an acknowledgement */
    SENDER_WIPED_MS = 1000,    /* of quiet after retained messages were wiped, all come again */
    SENDER_WIPING_MS = 30000,  /* but then at the latest */
    SENDER_AGAIN_MS = 10000    /* and not again before */
};

/* Where other threads hand over what is to be sent. */
struct sender_inlets {
    struct feed *feed;
    struct mirror *mirror;
    struct answers *answers;
    struct replays *replays;
};

struct sender_options {
    struct window_options window;
    struct control_options control;
    const struct bridge_source *source;
    struct sender_inlets in;
    uint64_t acked, parked;
    int64_t spread_ms; /* over which all that is retained comes again */
    backoff_random_fn *random;
    void *random_ctx;
};

struct sender {
    const struct clock *clock;
    struct window window;
    struct share share;
    struct control control;
    struct outbox outbox;
    struct retained retained;
    struct sender_inlets in;
    backoff_random_fn *random;
    void *random_ctx;
    bool up;
    bool leaving;               /* only answers and the farewell go out from now on */
    int64_t wiped_ms, again_ms; /* first heard of wiping; all comes again; INT64_MAX: not */
    int64_t last_again_ms;
};

STUDIO_MUST_USE enum studio_err sender_init(struct sender *s, const struct sender_options *options);
void sender_finish(struct sender *s);

/* A connection is up: `presence` is that of its will, `broker` its name (lives as long). */
void sender_up(struct sender *s, const struct link_limits *limits, const char *broker,
               const struct announce_presence *presence);
/* It ended; `hung_up`: by the broker, over what we sent it, for all we know. True: that is known now, and
 * will not be sent again. */
bool sender_down(struct sender *s, bool hung_up);
/* One message in flight ended (link.h, LINK_DONE). */
void sender_done(struct sender *s, unsigned slot, int reason);
/* A watched topic was read (link.h, LINK_HEARD). */
void sender_heard(struct sender *s, bool same, bool wiped);
/* A message to itself is back (link.h, LINK_ECHO). */
void sender_echoed(struct sender *s, bool same);
/* All that is retained goes out again. */
void sender_again(struct sender *s);
/* Nothing new goes out but answers and then, when told to, this last state (a literal). */
void sender_leave(struct sender *s, const char *state);
/* Nothing is in flight and no answer waits. */
bool sender_drained(const struct sender *s);
/* Publishes the farewell now, whatever is still in flight; it ended. */
void sender_say_farewell(struct sender *s);
bool sender_farewell_done(const struct sender *s);

/* When the broker will count as lost because it does not acknowledge; INT64_MAX: nothing waits for it. */
int64_t sender_overdue_ms(const struct sender *s);

/* Sends all that may go now. Returns when it wants to be called again at the latest. */
int64_t sender_step(struct sender *s);

/* Events not acknowledged; the watermark; what is parked. */
uint64_t sender_backlog(const struct sender *s);
uint64_t sender_acked(const struct sender *s);
/* outbox_waiting_since now; may read the store. */
int64_t sender_waiting_since(struct sender *s);
struct bridge_parked sender_parked(const struct sender *s);

#endif
