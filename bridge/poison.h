/*
 * poison.h - what a broker hangs up on instead of answering: suspected, set apart, parked. All
 * traffic of the publishing connection (promise 6). Bridge thread.
 *
 *     what was in flight when ──► suspect: goes out with ──► parked: and its topic with it
 *     the broker hung up          nothing beside it
 *
 * A broker that hangs up on a suspect hangs up on that one; the third time in a row parks it. An answer
 * clears it, and a connection that ends with nothing in flight clears all. On the topic of a parked
 * message only what is shorter is tried again (it may have been the size), and parked at the first
 * hang-up. Nothing is parked for a broker that has answered nothing since the last one, or since
 * another was connected: it hangs up on everything.
 */
#ifndef BRIDGE_POISON_H
#define BRIDGE_POISON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "share.h"

enum {
    POISON_HANGUPS = 3, /* in a row, to park */
    POISON_EVENTS = 3,  /* events of a topic that are parked one by one, before the topic is */
    POISON_MAX = 4096,  /* remembered; the oldest goes first */
    POISON_KEY_MAX = 1100
};

/* What a message is known by: one that is sent again is the same. */
struct poison_message {
    enum traffic traffic;
    const char *topic;
    uint64_t key; /* the traffic's own: 0 where a topic has one message only */
    size_t size;  /* bytes of payload and correlation data */
};

enum poison_verdict {
    POISON_CLEAR,
    POISON_ALONE, /* a suspect: with nothing beside it */
    POISON_PARKED /* not at all */
};

struct poison_entry;

struct poison {
    struct poison_entry *entries; /* suspects, and topics of what is parked */
    const char *broker;           /* of the connection */
    bool answered;                /* by it since something was parked, or since we were elsewhere */
};

void poison_finish(struct poison *p);
/* A connection to `broker` (lives as long) is up. */
void poison_up(struct poison *p, const char *broker);
/* May this go out? */
enum poison_verdict poison_look(const struct poison *p, const struct poison_message *m);
/* The broker has answered it, one way or the other. */
void poison_answered(struct poison *p, const struct poison_message *m);
/* The broker hung up while this was in flight; `alone`: and nothing else. True: it is to be parked. */
bool poison_hung_up(struct poison *p, const struct poison_message *m, bool alone);
/* The broker hung up while nothing was in flight: it was no message. */
void poison_forgive(struct poison *p);

#endif
