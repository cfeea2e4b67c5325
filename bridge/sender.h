/*
 * sender.h - what goes out over an established connection, and in which order: what the agent says
 * of itself first, then events, retained state, replies and replays by their shares. Bridge thread.
 *
 * The window is ours: never more messages in flight than the broker's Receive Maximum (and 100).
 * A connection that ends forgets what was in flight; the next one starts from the lowest event that
 * is not acknowledged, and with all retained topics.
 */
#ifndef BRIDGE_SENDER_H
#define BRIDGE_SENDER_H

#include "announce.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "feed.h"
#include "intake.h"
#include "link.h"
#include "mirror.h"
#include "replay.h"
#include "share.h"
#include "topics.h"
#include "window.h"

/* What is said once per connection or by the clock, in this order. */
enum control {
    CONTROL_BIRTH,
    CONTROL_WATCH,
    CONTROL_INFO,
    CONTROL_HEALTH,
    CONTROL_FAREWELL,
    CONTROL_COUNT
};

enum {
    SENDER_HEALTH_MS = 10000,
    SENDER_HEALTH_EXPIRY_S = 30,
    SENDER_RETRY_MS = 1000,    /* after a passing refusal */
    SENDER_BIRTH_MS = 1000,    /* between two births of one connection */
    SENDER_OVERDUE_MS = 30000, /* for an acknowledgement */
    SENDER_CAREFUL = 1,        /* connections in a row that ended on the same event: look closer */
    SENDER_SUSPECT = 3,        /* and then it is the event */
    SENDER_PARKED_RECENT = 64
};

struct sender_options {
    const struct topics *topics;
    const struct bridge_source *source;
    const struct clock *clock;
    struct link *link;
    const char *epoch;
    const char *info;               /* payload of `info` */
    struct intake *intake;          /* where answers and replay requests come from */
    uint64_t (*ignored)(void *ctx); /* messages ignored so far, for health; NULL: none */
    void *ignored_ctx;
    uint64_t acked, committed, parked;
};

struct sender {
    struct sender_options o;
    struct mirror *mirror;
    struct feed feed;
    struct window window;
    struct share share;
    struct buf text; /* the payload being printed */

    /* This connection: */
    bool up;
    bool leaving; /* only answers and the farewell go out from now on */
    bool farewell_said;
    struct link_limits limits;
    const char *broker;
    struct announce_presence presence;
    struct buf birth;
    const char *farewell; /* the state to say last */
    bool farewell_done;
    unsigned due; /* bits of enum control */
    int64_t due_ms[CONTROL_COUNT];
    int64_t stalled_ms; /* the library took nothing: not before this */

    struct feed_list retry; /* events refused in passing, in order */
    int64_t retry_ms;
    int64_t retained_ms; /* no retained messages before this */

    struct reply_list again; /* answers that were in flight when a connection ended */
    struct replays replays;

    uint64_t undelivered; /* lowest event given back without an answer; 0 none */
    uint64_t suspect;     /* the oldest event in flight when the last connection ended */
    unsigned suspect_count;
    uint64_t careful_until; /* events up to here go one at a time, with nothing beside them */
    uint64_t parked;
    uint64_t parked_recent[SENDER_PARKED_RECENT];
    unsigned parked_at;
    uint64_t acked_told;
    struct log_limit refused_log, birth_log;
};

STUDIO_MUST_USE enum studio_err sender_init(struct sender *s, const struct sender_options *options);
void sender_finish(struct sender *s);

/* A connection is up: `presence` is that of its will, `broker` its name (lives as long). */
void sender_up(struct sender *s, const struct link_limits *limits, const char *broker,
               const struct announce_presence *presence);
void sender_down(struct sender *s);
/* One message in flight ended (link.h, LINK_DONE). */
void sender_done(struct sender *s, unsigned slot, int reason);
/* The own availability topic was read. */
void sender_heard(struct sender *s, bool same);
/* Nothing new goes out but answers and then, when drained, this last state (a literal). */
void sender_leave(struct sender *s, const char *state);
/* Nothing is in flight and no answer waits. */
bool sender_drained(const struct sender *s);
/* Publishes the farewell now, whatever is still in flight. */
void sender_say_farewell(struct sender *s);

/* When the broker will count as lost because it does not acknowledge; INT64_MAX: nothing waits for it. */
int64_t sender_overdue_ms(const struct sender *s);

/* Sends all that may go now. Returns when it wants to be called again at the latest. */
int64_t sender_step(struct sender *s);

uint64_t sender_backlog(const struct sender *s);

#endif
