/*
 * dial.h - which broker to try next, when, and in which version of MQTT; and what the log says
 * about it, each thing once. Bridge thread.
 *
 * A failure or loss moves on to the next broker of the list at once; after a whole round without a
 * stable connection there is a wait that grows. A broker too old for MQTT 5 says so, or just closes the
 * connection: then 3.1.1 is tried as well, until the next connection. A broker that took the session for someone else is
 * left alone for 30 s, and so is one that refuses our credentials when there is no other.
 */
#ifndef BRIDGE_DIAL_H
#define BRIDGE_DIAL_H

#include "base/backoff.h"
#include "brokers.h"
#include "link.h"

enum {
    DIAL_NEXT_MS = 100, /* "at once": a list of dead brokers is not run through in a moment */
    DIAL_SLOW_MS = 30000,
    DIAL_CLOSED = 2,     /* times without an answer: it may be too old for MQTT 5 */
    DIAL_SHORT_LIVED = 3 /* connections: it may be another client with our id */
};

struct dial {
    const struct brokers *brokers;
    backoff_random_fn *random;
    void *random_ctx;
    struct backoff backoff;
    size_t current;                /* the broker in use or to try next */
    unsigned in_round;             /* failures since the last stable connection, by rounds */
    int64_t due_ms;                /* not before this */
    int64_t up_ms;                 /* when the connection came up */
    int64_t down_ms;               /* when the last one ended; -1: there was none yet */
    unsigned attempts;             /* failed since then */
    int mqtt_version[BROKERS_MAX]; /* as configured, or what the broker takes */
    bool guessed[BROKERS_MAX];     /* 3.1.1 only because it does not answer MQTT 5 */
    unsigned closed[BROKERS_MAX];  /* attempts in a row it closed instead of answering */
    unsigned short_lived;          /* connections in a row that came at once and did not last */
    char said[BROKERS_MAX][LINK_TEXT_MAX + 32]; /* what the log said last */
};

void dial_init(struct dial *d, const struct brokers *brokers, int mqtt_version,
               backoff_random_fn *random, void *random_ctx);
const struct broker *dial_broker(const struct dial *d);
int dial_version(const struct dial *d);
/* An attempt ended; `closed`: the broker closed it instead of answering. */
void dial_failed(struct dial *d, int64_t now_ms, int reason, bool closed, const char *text);
/* It is a connection; `backlog` events wait. */
void dial_up(struct dial *d, int64_t now_ms, int mqtt_version, uint64_t backlog);
/* The connection ended. */
void dial_lost(struct dial *d, int64_t now_ms, int reason, const char *text);
/* True: the broker ended the connection itself (`closed`: told so by TCP; `reason`: by its DISCONNECT), and
 * what we sent may be why. */
bool dial_hung_up(int reason, bool closed);
/* Before dial_lost: it is known why, so no other client is to blame. */
void dial_excuse(struct dial *d);
/* After dial_lost: the connection was the price of a message parked for good (some brokers hang up
 * on those). Comes back to broker `to` at once, since each time brings the backlog on by one. */
void dial_resume(struct dial *d, int64_t now_ms, size_t to);
/* We leave on purpose, for another broker of the list. */
void dial_move(struct dial *d, int64_t now_ms, size_t to);

#endif
