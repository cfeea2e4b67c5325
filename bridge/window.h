/*
 * window.h - the messages in flight on the publishing connection, and the way to put one more there.
 * Bridge thread.
 *
 * The window is ours: never more in flight than the broker's Receive Maximum (and WINDOW_MAX), but for
 * the last words of a connection. Whose message a slot carries, its traffic knows; it is told when
 * the message ends, one way or the other. What a broker may hang up on goes out alone (poison.h).
 */
#ifndef BRIDGE_WINDOW_H
#define BRIDGE_WINDOW_H

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "bridge_source.h"
#include "carry.h"
#include "link.h"
#include "poison.h"
#include "share.h"
#include "studio/error.h"
#include "topics.h"

enum {
    WINDOW_MAX = 100, /* above ~200 the library's linear lists cost more than they bring */
    /* Retained ones have this part of the window while events come, so that little is before an event
     * wherever messages wait: here, in the connection's process, in the network, in the broker. */
    WINDOW_RETAINED_PART = 4,
    WINDOW_EVENTS_MS = 1000 /* after one they "come" */
};

/* One message in flight. */
struct slot {
    bool used;
    enum traffic traffic;
    void *owner;     /* the traffic's own */
    uint64_t key;    /* the traffic's own: seq of an event, which word of control */
    uint64_t order;  /* slots taken later have a higher one */
    int64_t sent_ms; /* handed to the link */
    size_t size;     /* of payload and correlation data */
    char topic[TOPIC_MAX];
};

/* How a message ended, beside the broker's reasons. */
enum {
    WINDOW_LOST = -1,  /* with its connection */
    WINDOW_POISON = -2 /* the broker hangs up on it: parked */
};

struct window_options {
    struct link *link;
    const struct clock *clock;
    const struct topics *topics;
    const char *epoch;
};

struct window {
    struct window_options o;
    unsigned limit, in_flight, retained_in_flight;
    int64_t event_ms; /* an event was sent last */
    struct slot slots[LINK_SLOTS];
    unsigned free[LINK_SLOTS];
    unsigned free_count;
    uint64_t order; /* of the newest slot */
    struct buf text;
    struct poison poison;
    struct carry carry;
    uint64_t parked[TRAFFIC_COUNT]; /* by hanging up: messages */
    /* This connection: */
    struct link_limits limits;
    const char *broker;
    int64_t up_ms;
    bool answered;                /* anything yet */
    int64_t stalled_ms;           /* the library took nothing: not before this */
    bool alone;                   /* a suspect is in flight, with nothing beside it */
    enum traffic waiting;         /* whose suspect waits until nothing is in flight; or COUNT */
    bool leaving;                 /* the last words, as they come */
    struct log_limit refused_log; /* what the broker refuses, of all traffic */
};

enum window_sent {
    WINDOW_SENT,
    WINDOW_TOO_LARGE, /* for this broker, for good */
    WINDOW_PARKED,    /* this broker hangs up on it */
    WINDOW_STALLED    /* the library takes nothing, there is no slot, or it is to go alone: later */
};

void window_init(struct window *w, const struct window_options *options);
void window_finish(struct window *w);
/* A connection to `broker` (lives as long) is up; nothing is in flight. */
void window_up(struct window *w, const struct link_limits *limits, const char *broker);
/* Only last words from now on, beside whatever is in flight. */
void window_leave(struct window *w);
/* Room for one more within the limit; and within their part, if it is a retained one. */
bool window_has_room(const struct window *w);
bool window_retained_may(const struct window *w, int64_t now_ms);
/* Whose turn it is, of those with wants[traffic]: one that waits to send alone, or by its share. */
enum traffic window_turn(struct window *w, struct share *share, const bool wants[TRAFFIC_COUNT]);
/* An empty buffer for the payload to be sent next; its content lives until the next call. */
struct buf *window_text(struct window *w);
/* Nothing can be sent for a moment (no memory). */
void window_stall(struct window *w);
/* Hands a message to the link, also beyond the limit. */
STUDIO_MUST_USE enum window_sent window_publish(struct window *w, enum traffic traffic, void *owner,
                                                uint64_t key, struct link_message *message);
/* The same for a subscription (link.h). */
STUDIO_MUST_USE enum window_sent window_subscribe(struct window *w, enum traffic traffic,
                                                  uint64_t key, const char *const *filters,
                                                  size_t count, enum link_watch watch,
                                                  const char *own);
/* The message in this slot ended (link.h, LINK_DONE): empties it and tells whose it was. False: there
 * was none. */
bool window_done(struct window *w, unsigned number, int reason, struct slot *was);
/* Empties the slot taken last; for the end of a connection. False: nothing is in flight. */
bool window_give_back(struct window *w, struct slot *was);
/* The broker hung up with this in flight (`alone`: and nothing else). True: it hangs up on it, and it is
 * parked; said in the log. */
bool window_suspect(struct window *w, const struct slot *was, bool alone);
/* When the message in flight for longest was sent, -1 if none is. */
int64_t window_sent_ms(const struct window *w);
/* The slot with the lowest key of that traffic, NULL if it has none in flight. */
const struct slot *window_lowest(const struct window *w, enum traffic traffic);

/* What was parked by hanging up, but for the events: those are outbox.h's to count. */
void window_parked(const struct window *w, struct bridge_parked *out);

/* The text of a PUBACK reason that will not change by trying again, else NULL. */
const char *window_for_good(int reason);
/* Says that something on this topic is above the broker's Maximum Packet Size. */
void window_log_too_large(struct window *w, const char *topic);

#endif
